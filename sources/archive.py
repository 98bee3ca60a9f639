"""Image files in zips and tars: the class is the first folder. Nothing is unpacked, no name is used as a path."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import Field

from manifests.errors import RejectedItem, SourceError
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose
from sources.files import open_file
from sources.image_files import ImageFileSettings, accept_each, read_slice
from sources.paths import FoundFile, find_files
from sources.tar_files import SUFFIXES, members, open_tar
from sources.terms import terms_of
from sources.zips import open_zip, read_member

_ZIP = ".zip"


class ArchiveConfig(ImageFileSettings):
    """Images in archives."""

    type: Literal["archive"] = "archive"
    name: SourceName = "archive"
    path: str = Field(
        description="a .zip or .tar (.tar.gz, .tgz, .tar.bz2, .tar.xz), a pattern of them, or a folder of them: "
        "a path or fsspec URL"
    )
    root: str = Field(
        default="",
        description="folder inside the archives: only what lies below it is taken, and its folders are the classes",
    )

    def open(self) -> "Archive":
        """The source that these settings describe."""
        return Archive(self)


class Archive:
    """A `Source` over archives: images are read in place, where the archives' own tables say that they lie."""

    def __init__(self, config: ArchiveConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The image files, archive by archive in the order that they lie in, within the limits.

        Raises:
            SourceError: there is no such archive, it is damaged, or it holds no images.
        """
        return choose(self._listings(), self._config)

    def fetch(
        self,
        listings: Sequence[Listing],
        workdir: Path,  # noqa: ARG002 - nothing is put down on the way
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the files, in the order of the listings.

        Raises:
            SourceError: an archive is gone, damaged, or shorter than when it was listed.
        """
        urls = {file.name: file.url for file in _archives(self._config.path)}
        for archive, asked in groupby(listings, key=lambda listing: str(listing.location["archive"])):
            if archive not in urls:
                raise SourceError(f"{self._config.path}: {archive} is no longer there; list the source again")
            read = self._zipped if _is_zip(archive) else self._tarred
            yield from read(urls[archive], list(asked))

    def _listings(self) -> Iterator[Listing]:
        found = False
        for file in _archives(self._config.path):
            for name, location in _zip_entries(file) if _is_zip(file.name) else _tar_entries(file):
                inside = _plain_path(name)
                if (path := self._below_root(inside)) and self._config.takes(path):
                    found = True
                    yield self._listing(file.name, inside, path, location)
        if not found:
            below = f" below {self._config.root!r}" if self._config.root else ""
            raise SourceError(
                f"{self._config.path}: no files{below} that end in {', '.join(self._config.extensions)}; "
                "correct `path`, `root` or `extensions`"
            )

    def _below_root(self, inside: str) -> str:
        """A member's path below the root; empty for what lies elsewhere."""
        parts = inside.split("/")
        root = [part for part in self._config.root.split("/") if part]
        if parts[: len(root)] != root or any(part.startswith(".") for part in parts):
            return ""
        return "/".join(parts[len(root) :])

    def _listing(self, archive: str, inside: str, path: str, location: dict[str, str | int]) -> Listing:
        folder, slash, _ = path.partition("/")
        return Listing(
            source_id=f"{archive}/{inside}",
            location={"archive": archive, **location},
            class_label=folder if slash else "",
            license=self._config.license,
            terms=terms_of(self._config.license),
            made=self._config.made,
        )

    def _tarred(self, url: str, listings: Sequence[Listing]) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        with open_tar(url) as stream:
            limit = self._config.max_bytes
            yield from accept_each(
                listings, lambda listing: read_slice(stream, listing, max_bytes=limit, label=url), self.name
            )

    def _zipped(self, url: str, listings: Sequence[Listing]) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        limit = self._config.max_bytes
        with open_file(url) as stream, open_zip(stream, url) as archive:
            yield from accept_each(
                listings,
                lambda listing: read_member(archive, str(listing.location["member"]), max_bytes=limit),
                self.name,
            )


def _archives(path: str) -> list[FoundFile]:
    return find_files(path, (_ZIP, *SUFFIXES))


def _plain_path(name: str) -> str:
    """A member's name as a path, also where Windows wrote it, without what leads nowhere or out."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _is_zip(name: str) -> bool:
    return name.lower().endswith(_ZIP)


def _tar_entries(file: FoundFile) -> Iterator[tuple[str, dict[str, str | int]]]:
    """Names and places of the files in a tar; of several with one name, the first."""
    seen = set()
    with open_tar(file.url) as stream:
        for member in members(stream, file.url):
            if member.path not in seen:
                seen.add(member.path)
                yield member.path, {"offset": member.offset, "size": member.size}


def _zip_entries(file: FoundFile) -> Iterator[tuple[str, dict[str, str | int]]]:
    with open_file(file.url) as stream, open_zip(stream, file.url) as archive:
        for name in dict.fromkeys(archive.namelist()):
            if not name.endswith(("/", "\\")):
                yield name, {"member": name}
