"""A rebuild's folder: a copy of the manifest and what was asked for, a folder a stage under `work/`, and `dataset/`."""

import shutil
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from flows.folder import BuildFolder
from flows.rebuilding.published import Published
from manifests import canonical
from manifests.errors import DatasetError
from manifests.header import Header
from manifests.records import Record, Sha256
from manifests.storage import Folder
from manifests.tombstones import TOMBSTONES, Tombstones, read_tombstones

_STATE = "rebuild.json"
_MANIFEST = "manifest.jsonl"


class Archive(Record):
    """A local archive to take reals from, and what tells it from a later state of it."""

    path: str
    stamp: str


class Request(Record):
    """What a rebuild was asked for.

    Attributes:
        manifest: sha256 of the manifest.
        base: the folder that the models' relative paths start from.
        archives: where reals are looked for before their URLs are asked.
        url_map: beginnings of URLs and what stands in their place, the longest first.
        private_hosts: hosts that may be asked although their addresses are not on the public internet.
        against: the original dataset, where it is at hand to measure by; empty where it is not.
    """

    manifest: Sha256
    base: str
    archives: tuple[Archive, ...] = ()
    url_map: tuple[tuple[str, str], ...] = ()
    private_hosts: tuple[str, ...] = ()
    against: str = ""


@dataclass(frozen=True)
class RebuildFolder(BuildFolder):
    """Where a dataset is being made again.

    Attributes:
        request: what was asked for.
    """

    request: Request

    @cached_property
    def published(self) -> Published:
        """The rebuild's own copy of the manifest."""
        return Published(self.work, _MANIFEST)

    @cached_property
    def header(self) -> Header:
        """The manifest's first line."""
        return self.published.header()

    @property
    def tombstones(self) -> Tombstones:
        """What must not be made again: as given, and as taken down from the rebuilt dataset since."""
        return read_tombstones(self.work).united(read_tombstones(self.dataset))

    @classmethod
    def begin(cls, url: str, manifest: Published, tombstones: Tombstones, request: Request) -> "RebuildFolder":
        """Make a folder a rebuild's own, or go on in it.

        Args:
            url: the folder.
            manifest: as checked.
            tombstones: what must not be made again.
            request: what is asked for.

        Raises:
            DatasetError: the folder holds something else, or the rebuild of another manifest.
        """
        folder = Folder.at(url)
        work = folder.child("work")
        earlier = _state(work)
        if earlier is None and folder.files():
            raise DatasetError(
                f"{folder}: not empty, and no rebuild's folder. Choose an empty or new folder for --out."
            )
        if earlier is not None and earlier.manifest != request.manifest:
            raise DatasetError(f"{folder}: holds the rebuild of another manifest. Choose another folder for --out.")
        work.write(_STATE, canonical.dumps(request))
        if earlier is None or work.size(_MANIFEST) is None:
            with manifest.open() as source, work.create(_MANIFEST) as copy:
                shutil.copyfileobj(source, copy)
        if tombstones:
            tombstones.write(work)
        else:
            work.remove(TOMBSTONES)
        return cls.open(url)

    @classmethod
    def open(cls, url: str) -> "RebuildFolder":
        """The rebuild in a folder.

        Raises:
            DatasetError: there is none.
        """
        folder = Folder.at(url)
        request = _state(folder.child("work"))
        if request is None:
            raise DatasetError(f"{folder}: no rebuild here (work/{_STATE} is missing). Give the --out of a rebuild.")
        published = Published(folder.child("work"), _MANIFEST)
        return cls(published.recipe(published.header()), request.base, str(folder), request)


def _state(work: Folder) -> Request | None:
    try:
        return Request.model_validate_json(work.read(_STATE))
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
