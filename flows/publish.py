"""publish_dataset: a finished dataset, in the form in which others may have it, on the Hub, in an object store or a folder."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from flows.publishing.folders import put_into_folder
from flows.publishing.form import PublishedForm, published_form
from flows.publishing.secrets import refuse_secrets
from manifests.dataset import Dataset
from manifests.errors import DatasetError, GateError, TwinsetError
from manifests.index import read_index
from manifests.records import Record, Terms
from manifests.storage import Folder

HUB = "hf://"


class Publication(Record):
    """What became of a publication."""

    target: str
    name: str
    pairs: int
    withheld: dict[Terms, int]
    files: int
    written: int
    commit: str = ""


def publish_dataset(
    url: str,
    target: str,
    *,
    force: bool = False,
    private: bool = False,
    work: str = "",
    progress: Callable[[int], Callable[[], None]] = lambda _files: lambda: None,
) -> Publication:
    """Publish a finished dataset, or go on where an earlier run was cut off.

    Pairs whose source images are not open go without their pixels, as address, digest and settings.

    Args:
        url: the dataset, or the build's folder.
        target: `hf://org/name`, or a path or fsspec URL.
        force: publish even where the audit failed; the card says so.
        private: make a new repository of the Hub private.
        work: folder for what has to be written anew; beside the dataset when empty.
        progress: given the number of files, answers with what is to be called for each that has arrived.

    Raises:
        GateError: the audit failed.
        DatasetError: the dataset is unfinished, damaged or holds a secret, or the target holds something else.
        TwinsetError: the target is none.
    """
    _check_target(target)
    dataset = Dataset.open(url)
    if read_index(dataset.folder).audit == "failed" and not force:
        raise GateError(
            f"{dataset.root}: its audit failed (see reports/audit.json). Mend the recipe, or give --force to publish it "
            "with that verdict on its card."
        )
    if not target.startswith(HUB):
        _check_not_inside(dataset, target)
    with _staging(dataset, work) as staged:
        form = _prepared(dataset, staged)
        written, commit = _put(form, target, private=private, on_file=progress(len(form.files)))
    return Publication(
        target=target,
        name=form.name,
        pairs=form.pairs,
        withheld=dict(form.withheld),
        files=len(form.files),
        written=written,
        commit=commit,
    )


def _prepared(dataset: Dataset, staged: Folder) -> PublishedForm:
    try:
        form = published_form(dataset, staged)
        refuse_secrets(form)
    except TwinsetError:
        _discard(staged)  # of no use to a next run
        raise
    return form


def _discard(staged: Folder) -> None:
    staged.remove_all()
    with suppress(OSError):  # something else lies beside it
        Path(staged.root).parent.rmdir()


def _check_target(target: str) -> None:
    parts = urlsplit(target)
    if parts.username or parts.password:
        raise TwinsetError(
            f"{parts.scheme}://…@{parts.hostname}: a password in an address ends up in logs. Give it by the environment."
        )
    if target.startswith(HUB) and target.removeprefix(HUB).removeprefix("datasets/").count("/") != 1:
        raise TwinsetError(f"{target}: expected hf://ORG/NAME.")


def _put(form: PublishedForm, target: str, *, private: bool, on_file: Callable[[], None]) -> tuple[int, str]:
    if target.startswith(HUB):
        from flows.publishing.hub import put_on_hub

        return put_on_hub(form, target.removeprefix(HUB).removeprefix("datasets/"), private=private, on_file=on_file)
    return put_into_folder(form, Folder.at(target), on_file), ""


@contextmanager
def _staging(dataset: Dataset, work: str) -> Iterator[Folder]:
    """A folder for what is written anew. It stays where a run is cut off, and goes when all has arrived."""
    if not work and not dataset.folder.is_local:
        with tempfile.TemporaryDirectory(prefix="twinset-") as temporary:
            yield Folder.at(temporary)
        return
    place = Path(work) if work else Path(f"{dataset.folder.root}.publishing")
    # named after the dataset's digest: what is left of another state of it is of no use
    folder = Folder.at(str(place / dataset.digest[:16]))
    if not work and place.is_dir():
        for other in place.iterdir():
            if other.name != dataset.digest[:16]:
                Folder.at(str(other)).remove_all()  # it may hold what was taken down since
    folder.sweep()
    yield folder
    _discard(folder)


def _check_not_inside(dataset: Dataset, target: str) -> None:
    """A dataset cannot be published into itself.

    Raises:
        DatasetError: the target is the dataset's own folder, or inside it.
    """
    folder = Folder.at(target)
    if folder.is_local and dataset.folder.is_local and Path(folder.root).is_relative_to(dataset.folder.root):
        raise DatasetError(f"{target}: inside the dataset itself. Choose another place.")
