"""The folder in which a training works: the detector appears from it whole, and a killed training goes on from it."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor

from classifier.report import METRICS, EpochReport
from manifests.errors import TwinsetError

_LOG = logging.getLogger(__name__)
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
        return self.folder / "training"

    @property
    def checkpoint(self) -> Path:
        """The training at its latest checkpoint."""
        return self.state / "last.ckpt"

    @property
    def can_go_on(self) -> bool:
        """Whether there is anything to go on from."""
        return self._is_of_this_run and (self.checkpoint.exists() or self._weights.exists())

    @property
    def begun(self) -> Path | None:
        """The checkpoint to go on from, where there is one."""
        return self.checkpoint if self._is_of_this_run and self.checkpoint.exists() else None

    def begin(self) -> None:
        """Remove what another run left, and make the folders."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.state.mkdir(parents=True)
        self._described.write_text(self.run, "utf-8")

    @property
    def _is_of_this_run(self) -> bool:
        return self._described.exists() and self._described.read_text("utf-8") == self.run

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
        _write(self._best, weights)

    def best(self) -> dict[str, Tensor] | None:
        """The best weights so far, where there are any."""
        return load_file(self._best) if self._best.exists() else None

    def finish(self, weights: dict[str, Tensor], history: tuple[EpochReport, ...]) -> None:
        """Keep the outcome: from here on nothing is trained again."""
        (self.state / "history.json").write_bytes(_HISTORY.dump_json(history))
        _write(self._weights, weights)

    def finished(self) -> tuple[dict[str, Tensor], tuple[EpochReport, ...]] | None:
        """The outcome, where there is one."""
        if not self._is_of_this_run or not self._weights.exists():
            return None
        return load_file(self._weights), _HISTORY.validate_json((self.state / "history.json").read_bytes())


def _write(path: Path, weights: dict[str, Tensor]) -> None:
    """Whole or not at all."""
    temporary = path.with_suffix(".partial")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, temporary)
    temporary.replace(path)


@contextmanager
def working_folder(out: Path, run: str, *, first: bool = True) -> Iterator[Workspace]:
    """A workspace that takes the place of `out` when the block ends without an error.

    With an error it stays where the training can go on from it, and vanishes otherwise.

    Args:
        out: the detector's folder; an earlier detector in it is replaced at the end.
        run: digest of what is trained, on what and how.
        first: whether this process is the one that writes; the others only look.

    Raises:
        TwinsetError: `out` holds something else than a detector, or cannot be written.
    """
    workspace = Workspace(out.with_name(f".{out.name}.partial"), run)
    if not first:
        yield workspace
        return
    replaced = out.with_name(f".{out.name}.replaced")
    _prepare(workspace, out, replaced)
    try:
        yield workspace
        if out.exists():
            out.rename(replaced)
        workspace.folder.rename(out)
        # last, so that no kill comes between what it takes to go on and what is done
        shutil.rmtree(out / workspace.state.name)
    finally:
        shutil.rmtree(replaced, ignore_errors=True)
        if not workspace.can_go_on:
            shutil.rmtree(workspace.folder, ignore_errors=True)


def _prepare(workspace: Workspace, out: Path, replaced: Path) -> None:
    if out.exists() and not (out / METRICS).exists() and any(out.iterdir()):
        raise TwinsetError(f"{out}: holds something else than a detector, which would be lost. Choose another --out.")
    try:
        shutil.rmtree(replaced, ignore_errors=True)
        if workspace.can_go_on:
            _LOG.warning("%s: a training of these settings was interrupted; it goes on from its last checkpoint", out)
        else:
            workspace.begin()
    except OSError as error:
        raise TwinsetError(f"{out}: cannot be written ({error.strerror}). Choose another --out.") from error
