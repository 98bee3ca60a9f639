"""Putting a published form on the Hub, as a repository of the type dataset.

The Hub itself says which files it has: a run that was cut off goes on with those that are missing. Shards go first, in
several commits; card, manifest and index last, in one.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from flows.publishing.form import INDEX, PublishedFile, PublishedForm
from manifests.cards import WITHHELD
from manifests.errors import DatasetError, TwinsetError, first_line
from manifests.files import describe
from manifests.tombstones import TOMBSTONES
from manifests.withheld import COMPLETE

_BATCH = 20
"""Shards of one commit."""
_BLOCK = 1 << 20
_OURS = ("shards/", "reports/")
_OURS_AT_TIMES = frozenset({COMPLETE, WITHHELD, TOMBSTONES})
"""Files that one state of a dataset has and a later one has not; the first two name images, taken down ones, too."""

_TYPE = "dataset"


def put_on_hub(
    form: PublishedForm, repo: str, *, private: bool = False, on_file: Callable[[], None] = lambda: None
) -> tuple[int, str]:
    """Put a published form on the Hub; the repository is made where there is none.

    The token comes from HF_TOKEN, or from `hf auth login`; it is written nowhere.

    Args:
        form: what is published.
        repo: `org/name`.
        private: make a new repository private.
        on_file: called for each file that is there.

    Returns:
        How many files were sent, and where the last commit can be looked at; empty where nothing was missing.

    Raises:
        DatasetError: a file is not what the index says.
        TwinsetError: the Hub refuses, or does not answer.
    """
    with _asking(repo), _without_bars():
        api = HfApi(endpoint=constants.ENDPOINT, library_name="twinset")
        api.create_repo(repo, repo_type=_TYPE, private=private, exist_ok=True)
        there = {file.path: file for file in _listed(api, repo)}
        missing = [file for file in form.files if not _is_there(file, there.get(file.name))]
        for _ in range(len(form.files) - len(missing)):
            on_file()
        shards = [file for file in missing if file.name.startswith("shards/")]
        others = [file for file in missing if not file.name.startswith("shards/")]
        gone = _gone(form, there)
        if not missing and not gone:
            return 0, ""
        withdrawn = [name for name in INDEX if name in there] if shards else []
        for start in range(0, len(shards), _BATCH):
            batch = shards[start : start + _BATCH]
            _commit(api, repo, batch, withdrawn, f"Shards of {form.name} by twinset")
            withdrawn = []
            for _ in batch:
                on_file()
        if shards:  # the index was withdrawn: it comes back whatever it was
            others += [file for file in form.files if file.name in INDEX and file not in others]
        commit = _commit(api, repo, others, gone, f"Publish {form.name} by twinset")
        for _ in others:
            on_file()
    return len(missing), commit


def _listed(api: HfApi, repo: str) -> Iterator[RepoFile]:
    for entry in api.list_repo_tree(repo, recursive=True, repo_type=_TYPE):
        if isinstance(entry, RepoFile):
            yield entry


def _is_there(file: PublishedFile, found: RepoFile | None) -> bool:
    """Whether the Hub has a file with the same bytes: by its sha256, or by the name that git gives small ones."""
    if found is None or found.size != file.size:
        return False
    if found.lfs is not None:
        return file.sha256 == found.lfs.sha256
    return _git_name(file) == found.blob_id


def _git_name(file: PublishedFile) -> str:
    digest = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    with file.folder.open(file.name) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _gone(form: PublishedForm, there: Mapping[str, RepoFile]) -> list[str]:
    """Files of an earlier publication that are no part of the dataset any more; what others put there stays."""
    names = {file.name for file in form.files}
    return [name for name in sorted(there) if name not in names and (name.startswith(_OURS) or name in _OURS_AT_TIMES)]


def _commit(api: HfApi, repo: str, files: Sequence[PublishedFile], gone: Sequence[str], message: str) -> str:
    with ExitStack() as stack:
        added = [CommitOperationAdd(file.name, stack.enter_context(_on_this_machine(file))) for file in files]
        removed = [CommitOperationDelete(name, is_folder=False) for name in gone]
        commit = api.create_commit(repo, [*removed, *added], commit_message=message, repo_type=_TYPE)
    return str(commit.commit_url)


@contextmanager
def _on_this_machine(file: PublishedFile) -> Iterator[str]:
    """A local path of a file, whose bytes have been checked."""
    if file.sha256 and describe(file.folder, file.name).sha256 != file.sha256:
        raise DatasetError(f"{file.folder}: {file.name} is not what the index says. Run twinset verify on it.")
    if file.folder.is_local:
        yield str(Path(file.folder.path(file.name)))
        return
    with NamedTemporaryFile(prefix="twinset-") as copy, file.folder.open(file.name) as stream:
        _copy(stream, copy.file)
        yield copy.name


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while block := source.read(_BLOCK):
        target.write(block)
    target.flush()


@contextmanager
def _without_bars() -> Iterator[None]:
    """Silence the Hub's own progress bars: there is one already."""
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


@contextmanager
def _asking(repo: str) -> Iterator[None]:
    """The Hub's refusals, as one line each."""
    try:
        yield
    except HFValidationError as error:
        raise TwinsetError(f"{repo}: not a dataset's id on the Hub; it is ORG/NAME") from error
    except OfflineModeIsEnabled as error:
        raise TwinsetError(f"{repo}: the Hub cannot be asked: HF_HUB_OFFLINE is set; unset it") from error
    except HfHubHTTPError as error:
        raise TwinsetError(
            f"{repo}: the Hub refuses ({first_line(error)}); set HF_TOKEN to a token that may write there, and run the "
            "command again: it goes on where it stopped"
        ) from error
    except (HTTPError, RuntimeError, OSError) as error:
        raise TwinsetError(
            f"{repo}: the Hub does not answer ({first_line(error)}); run the command again: it goes on where it stopped"
        ) from error
