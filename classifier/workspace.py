"""The folder in which a training works: the detector appears from it whole, and a killed training goes on from it."""

import logging
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from classifier.report import METRICS, EpochReport
from manifests.errors import TwinsetError
from manifests.locks import open_locked
from manifests.storage import Folder

_LOG = logging.getLogger(__name__)
_STATE = "training"
_HISTORY = TypeAdapter(tuple[EpochReport, ...])


@dataclass(frozen=True)
class Workspace:
    """Where one training keeps what it needs to go on.

    Attributes:
        folder: becomes the detector's folder.
        run: digest of what is trained, on what and how: nothing is taken from any other run.
    """

    folder: Path
    run: str

    @property
    def state(self) -> Path:
        """Folder of all that is gone when the training is done."""
        return self.folder / _STATE

    @property
    def checkpoint(self) -> Path:
        """The training at its latest checkpoint."""
        return self.state / "last.ckpt"

    @property
    def has_remains(self) -> bool:
        """Whether this run has left anything to go on from, whole or damaged."""
        return self._is_of_this_run and (self.checkpoint.exists() or self._weights.exists())

    @property
    def can_go_on(self) -> bool:
        """Whether there is anything whole to go on from."""
        return self.finished() is not None or self.begun is not None

    @property
    def begun(self) -> Path | None:
        """The checkpoint to go on from, where there is one that is whole, and so are the best weights that go with it."""
        if not self._is_of_this_run or (self._best.exists() and self.best() is None):
            return None
        return self.checkpoint if _is_whole(self.checkpoint) else None

    def begin(self) -> None:
        """Remove what another run left, and make the folders."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.state.mkdir(parents=True)
        self._described.write_bytes(self.run.encode())

    @property
    def _is_of_this_run(self) -> bool:
        return self._described.exists() and self._described.read_bytes() == self.run.encode()

    @property
    def _described(self) -> Path:
        return self.state / "run"

    @property
    def _best(self) -> Path:
        return self.state / "best.safetensors"

    @property
    def _weights(self) -> Path:
        return self.state / "trained.safetensors"

    def keep_best(self, weights: dict[str, Tensor]) -> None:
        """Put these weights in the place of the best so far."""
        self._write(self._best.name, weights)

    def best(self) -> dict[str, Tensor] | None:
        """The best weights so far, where there are any that are whole."""
        try:
            return load_file(self._best)
        except (FileNotFoundError, SafetensorError):
            return None

    def finish(self, weights: dict[str, Tensor], history: tuple[EpochReport, ...]) -> None:
        """Keep the outcome: from here on nothing is trained again."""
        self._folder.write("history.json", _HISTORY.dump_json(history))
        self._write(self._weights.name, weights)

    @property
    def _folder(self) -> Folder:
        return Folder.at(str(self.state))

    def _write(self, name: str, weights: dict[str, Tensor]) -> None:
        self._folder.write(name, save({key: tensor.detach().cpu().contiguous() for key, tensor in weights.items()}))

    def finished(self) -> tuple[dict[str, Tensor], tuple[EpochReport, ...]] | None:
        """The outcome, where there is one that is whole."""
        if not self._is_of_this_run:
            return None
        try:
            return load_file(self._weights), _HISTORY.validate_json((self.state / "history.json").read_bytes())
        except (FileNotFoundError, SafetensorError, ValidationError):
            return None


def _is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint is as it was written, by the checksums of its parts. Nothing is unpickled but plain values."""
    if checkpoint.is_dir():
        # as some of lightning's strategies write it
        return True
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            if archive.testzip() is not None:
                return False
        torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)
    except Exception:  # noqa: BLE001 - in a damaged file both readers stumble over nearly anything
        return False
    return True


def remove_remains(out: Path) -> None:
    """Remove what a kill left of a training whose detector had taken its place already."""
    shutil.rmtree(out / _STATE, ignore_errors=True)
    shutil.rmtree(_replaced(out), ignore_errors=True)


def _replaced(out: Path) -> Path:
    return out.with_name(f".{out.name}.replaced")


@contextmanager
def working_folder(out: Path, run: str, *, first: bool = True) -> Iterator[Workspace]:
    """A workspace that takes the place of `out` when the block ends without an error.

    With an error it stays where the training can go on from it, and vanishes otherwise.

    Args:
        out: the detector's folder, no link; an earlier detector in it is replaced at the end.
        run: digest of what is trained, on what and how.
        first: whether this process is the one that writes; the others only look.

    Raises:
        TwinsetError: `out` holds something else than a detector, cannot be replaced or written, or another training
            works there.
    """
    _check_replaceable(out)
    workspace = Workspace(out.with_name(f".{out.name}.partial"), run)
    if not first:
        yield workspace
        return
    replaced = _replaced(out)
    with _alone(out):
        _prepare(workspace, out, replaced)
        try:
            yield workspace
            if out.exists():
                out.rename(replaced)
            workspace.folder.rename(out)
            # last, so that no kill comes between what it takes to go on and what is done
            shutil.rmtree(out / _STATE)
        finally:
            shutil.rmtree(replaced, ignore_errors=True)
            if not workspace.has_remains:
                shutil.rmtree(workspace.folder, ignore_errors=True)


def _check_replaceable(out: Path) -> None:
    """A folder that cannot be renamed would be found out after all of the training."""
    if out.is_mount() or out == Path.cwd():
        raise TwinsetError(
            f"{out}: a disk's own folder, or the one that you are in, and a new detector takes its folder's place. Give a "
            "folder in it as --out."
        )
    if out.exists() and (not out.is_dir() or (not (out / METRICS).exists() and any(out.iterdir()))):
        raise TwinsetError(f"{out}: holds something else than a detector, which would be lost. Choose another --out.")


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other trainings out: they would remove what this one needs to go on."""
    path = out.with_name(f".{out.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_locked(path)
    except OSError as error:
        raise _unwritable(out, error) from error
    if descriptor is None:
        raise TwinsetError(f"{out}: another training works here. Wait until it has ended, or choose another --out.")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _prepare(workspace: Workspace, out: Path, replaced: Path) -> None:
    try:
        shutil.rmtree(replaced, ignore_errors=True)
        if workspace.can_go_on:
            _LOG.warning("%s: a training of these settings was interrupted; it goes on from its last checkpoint", out)
        else:
            if workspace.has_remains:
                _LOG.warning("%s: what an interrupted training left is damaged; it begins anew", out)
            workspace.begin()
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> TwinsetError:
    return TwinsetError(f"{out}: cannot be written ({error.strerror}). Choose another --out.")
