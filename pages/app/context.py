"""What the pages are about: a dataset, its build, a detector, and where people's notes are kept."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache

from flows.folder import BuildFolder
from manifests.dataset import Dataset
from manifests.errors import DatasetError, TwinsetError
from manifests.storage import Folder
from pages.app.catalogue import MANIFEST, Catalogue
from pages.app.members import Members
from pages.app.rejects import Rejects

_STAMPED = (MANIFEST, "manifest.jsonl", "rejects.jsonl", "index.sha256")


@dataclass(frozen=True)
class AppContext:
    """What one server shows.

    Attributes:
        dataset: the dataset; None while a build has not come to it.
        build: the build's folder; None for a dataset that lies alone.
        model: a detector as the command line names it; None where there is none.
    """

    dataset: Dataset | None
    build: BuildFolder | None
    model: str | None

    @classmethod
    def open(cls, url: str, model: str | None = None) -> "AppContext":
        """Open a dataset, a build's folder, or the dataset in one.

        A detector that the build has trained is taken where none is named.

        Raises:
            DatasetError: there is neither a dataset nor a build here.
        """
        build = _build(url)
        try:
            dataset = Dataset.open(url)
        except DatasetError:
            if build is None:
                raise
            dataset = None
        if model is None and build is not None and build.folder.child("detector").size("config.json") is not None:
            model = str(build.folder.child("detector"))
        return cls(dataset, build, model)

    @property
    def name(self) -> str:
        """The dataset's name."""
        if self.dataset is not None:
            return self.dataset.header.name
        return self.build.recipe.name if self.build is not None else ""

    @cached_property
    def catalogue(self) -> Catalogue:
        """The dataset's pairs, shared by all who look."""
        return Catalogue(self.opened.folder)

    @cached_property
    def members(self) -> Members:
        """The dataset's images, shared by all who look."""
        return Members(self.opened)

    @cached_property
    def rejects(self) -> Rejects:
        """What was dropped on the way, shared by all who look."""
        return Rejects(self.opened)

    def prepare(self) -> None:
        """Read what the first visitors would wait for. What goes wrong is told when a page is drawn."""
        with suppress(TwinsetError):
            self.catalogue.prepare()

    @property
    def opened(self) -> Dataset:
        """The dataset.

        Raises:
            DatasetError: there is none yet.
        """
        if self.dataset is None:
            raise DatasetError("the build has not come to its dataset yet. Look at the page Builds.")
        return self.dataset

    @cached_property
    def notes(self) -> Folder:
        """Where flags and judgements are written: the build's folder, or one beside a dataset that lies alone."""
        if self.build is not None:
            return self.build.folder
        folder = self.opened.folder
        return Folder(folder.fs, f"{folder.root}-notes")

    @cached_property
    def detector(self) -> Folder | None:
        """Where a training on this dataset left its predictions; None where there was none."""
        if self.build is None or self.build.folder.child("detector").size("predictions.parquet") is None:
            return None
        return self.build.folder.child("detector")


def arguments(url: str, model: str | None) -> list[str]:
    """The words that tell Streamlit's script what to open."""
    return [url, model] if model is not None else [url]


def from_arguments(words: Sequence[str]) -> AppContext:
    """What `arguments` has named; the same object for all visits, until the dataset changes.

    Raises:
        DatasetError: there is nothing to open.
    """
    if not words:
        raise DatasetError("no dataset is named. Start the pages with `twinset pages DATASET`.")
    url, model = words[0], words[1] if len(words) > 1 else None
    return _open_once(url, model, _stamp(url))


@lru_cache(maxsize=2)
def _open_once(url: str, model: str | None, stamp: tuple[str, ...]) -> AppContext:  # noqa: ARG001 - part of the key
    return AppContext.open(url, model)


def _stamp(url: str) -> tuple[str, ...]:
    """What changes when the dataset does."""
    folder = Folder.at(url)
    places = [place.path(name) for place in (folder, folder.child("dataset")) for name in _STAMPED]
    places.append(folder.child("detector").path("config.json"))
    return tuple(str(folder.fs.ukey(place)) if folder.fs.exists(place) else "" for place in places)


def _build(url: str) -> BuildFolder | None:
    whole = str(Folder.at(url))
    for place in (whole, whole.removesuffix("/dataset")):
        if Folder.at(place).child("work").size("recipe.json") is not None:
            return BuildFolder.open(place)
    return None
