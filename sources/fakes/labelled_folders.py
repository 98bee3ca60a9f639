"""Labelled images in folders, real and generated, told apart by the names of the folders."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field

from manifests.errors import RejectedItem, SourceError, printable
from manifests.labelled_folders import LabelledFolder, Parts
from manifests.labels import FAKE, REAL, generator_name, label_of_class
from manifests.records import LABELS, ExistingFake
from sources.archive import ArchiveConfig
from sources.base import Fetched, Listing
from sources.choosing import choose, name_of_pair, own_name
from sources.fakes.labelled import LabelledSettings, take
from sources.folder import FolderConfig
from sources.tar_files import SUFFIXES

_LOG = logging.getLogger(__name__)
_SHOWN = 12

ARCHIVES = (".zip", *SUFFIXES)
"""How the names of archives end."""


class LabelledFolderSettings(LabelledSettings):
    """Settings of all sources of labelled images in folders."""

    path: str = Field(
        description="the folder of the set; or its .zip or .tar (.tar.gz, ...), or a pattern of several, each of which "
        "stands for a folder of its name"
    )
    root: str = Field(default="", description="of archives: the folder inside them in which the set lies")
    split: Literal["train", "validation", "test"] | None = Field(
        default=None, description="take the images of one split alone, as the folders' names tell it"
    )
    folders: tuple[str, ...] = Field(
        default=(), description="take only images that lie in folders of these names, at any depth; all when empty"
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """How a set of labelled images names its folders and its files.

    Attributes:
        expected: the folders in words, for errors.
        read: from the folders that hold images and the name of the set's own folder to what their names say;
            folders that it leaves out hold nothing of the set.
        pair: the set's own name for the pair of an image, from the image's path; empty where it has none.
        prompt: what an image was made from, from its path; empty where the set does not tell.
        named: folders that the recipe names: each must be there.
        whole_pairs: whether limits take pairs as a whole; of many images that belong together they do not.
    """

    expected: str
    read: Callable[[Collection[Parts], str], Sequence[LabelledFolder]]
    pair: Callable[[PurePosixPath], str] = lambda _: ""
    prompt: Callable[[PurePosixPath], str] = lambda _: ""
    named: Collection[str] = ()
    whole_pairs: bool = True


class LabelledFolders:
    """A `Source` over a folder or archives of labelled images, which are read as `Folder` and `Archive` read them."""

    def __init__(self, config: LabelledFolderSettings, layout: Layout) -> None:
        self._config = config
        self._layout = layout
        self._key = name_of_pair if layout.whole_pairs else own_name
        self._archives = is_archive(config.path)
        settings = config.model_dump(include={"name", "path", "license", "max_bytes"})
        self._files = (
            ArchiveConfig(**settings, root=config.root).open() if self._archives else FolderConfig(**settings).open()
        )

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images in alphabetical order, folder by folder, within the limits; fakes with what made them.

        Raises:
            SourceError: there is no such folder, its folders are not the layout's, or nothing passes the settings.
        """
        return choose(self._listings(), self._config, self._key)

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the files, in the order of the listings.

        Raises:
            SourceError: the folder is gone, or a file cannot be read.
        """
        return self._files.fetch(listings, workdir)

    def _listings(self) -> Iterator[Listing]:
        places = self._places()
        known = {place.parts: place for place in places if self._wants(place)}
        if not known:
            raise SourceError(
                f"{self._config.path}: no folder passes the settings {self._filters()}; the images lie in "
                f"{_shown(place.parts for place in places)}"
            )
        inside = {place.parts for place in places}
        yield from take(self._labelled(known, inside), self._config, self._config.path, self._key)

    def _labelled(self, known: Mapping[Parts, LabelledFolder], inside: Collection[Parts]) -> Iterator[Listing]:
        """The images in known folders. Those that lie in none of the layout's are counted."""
        outside = 0
        for listing in self._files.list():
            path = self._path(listing)
            folder = path.parts[:-1]
            outside += folder not in inside
            if folder in known:
                place = known[folder]
                made, pair = self._made(place, path), self._layout.pair(path)
                yield replace(listing, class_label=place.class_label, made=made, pair=pair)
        if outside:
            _LOG.warning("%s: %d images lie outside the layout's folders: passed over", self._config.path, outside)

    def _path(self, listing: Listing) -> PurePosixPath:
        """Where an image lies in its set. One of several archives counts as a folder, a single one does not."""
        archive = listing.location.get("archive")
        if archive is None:
            return PurePosixPath(listing.source_id)
        inside = PurePosixPath(listing.source_id.removeprefix(f"{archive}/")).parts
        below = inside[len([part for part in self._config.root.split("/") if part]) :]
        return (
            PurePosixPath(*below) if is_plain(self._config.path) else PurePosixPath(archive_stem(str(archive)), *below)
        )

    def _places(self) -> Sequence[LabelledFolder]:
        folders = dict.fromkeys(self._path(listing).parts[:-1] for listing in self._files.list())
        root = (
            archive_stem(self._config.path) if self._archives else Path(self._config.path).expanduser().resolve().name
        )
        unknown = {*self._config.folders, *self._layout.named} - {name for parts in folders for name in parts}
        places = self._layout.read(folders, root)
        if folders and unknown:
            raise SourceError(
                f"{self._config.path}: no folder of images is named {min(unknown)!r}; the images lie in {_shown(folders)}"
            )
        if not places:
            raise SourceError(
                f"{self._config.path}: expected {self._layout.expected}; the images lie in {_shown(folders)}"
            )
        return places

    def _wants(self, place: LabelledFolder) -> bool:
        config = self._config
        return (
            (config.split is None or place.split == config.split)
            and (config.only is None or place.label == LABELS[config.only])
            and (not config.folders or not set(config.folders).isdisjoint(place.parts))
        )

    def _filters(self) -> str:
        given = self._config.model_dump(include={"split", "only", "folders"}, exclude_defaults=True)
        return ", ".join(f"{name} = {value!r}" for name, value in given.items())

    def _made(self, place: LabelledFolder, path: PurePosixPath) -> ExistingFake | None:
        if place.label != FAKE:
            return None
        generator = generator_name(place.generator) or self._config.generator
        if label_of_class(generator) == REAL:
            folder = printable("/".join(place.parts))
            raise SourceError(
                f"{self._config.path}: the folder {folder!r} lies among the fakes, but {generator!r} means real; "
                "rename it, or leave it out by `folders`"
            )
        return ExistingFake(generator=generator, prompt=self._layout.prompt(path))


def is_archive(path: str) -> bool:
    """Whether a path, or a pattern, means archives, and not a folder."""
    return path.lower().endswith(ARCHIVES)


def is_plain(path: str) -> bool:
    """Whether a path is no pattern."""
    return not any(character in path for character in "*?[{")


def archive_stem(path: str) -> str:
    """The name of an archive without its ending."""
    name = PurePosixPath(path).name
    return next((name[: -len(ending)] for ending in ARCHIVES if name.lower().endswith(ending)), name)


def _shown(folders: Collection[Parts] | Iterator[Parts]) -> str:
    names = ["/".join(parts) or "the folder itself" for parts in folders]
    return ", ".join(repr(name) for name in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "") or "no folder"
