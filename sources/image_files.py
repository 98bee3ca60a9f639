"""Sources of image files, in folders or archives: what their settings and their listings have in common."""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Literal

from pydantic import Field, field_validator

from manifests.errors import RejectedItem, SourceError
from manifests.records import ExistingFake, GeneratorName, Reason
from sources.base import Fetched, Listing, SourceSettings, accept

EXTENSIONS = ("avif", "bmp", "gif", "heic", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp")
"""Of image files, without the dot."""


class ImageFileSettings(SourceSettings):
    """Settings of the sources of image files."""

    extensions: tuple[str, ...] = Field(default=EXTENSIONS, min_length=1, description="of the files to take; any case")
    license: str = Field(default="", description="licence of the images, as it is recorded")
    generator: GeneratorName | Literal[""] = Field(
        default="", description="what made the images, where all of them are fakes"
    )

    @field_validator("extensions")
    @classmethod
    def _plain(cls, extensions: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(extension.lower().removeprefix(".") for extension in extensions)

    def takes(self, name: str) -> bool:
        """Whether a file's name ends in one of the extensions."""
        _, dot, extension = name.rpartition(".")
        return bool(dot) and extension.lower() in self.extensions

    @property
    def made(self) -> ExistingFake | None:
        """What the records say of fakes; None for real images."""
        return ExistingFake(generator=self.generator) if self.generator else None


def accept_each(
    listings: Iterable[Listing], read: Callable[[Listing], bytes], source: str
) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
    """What `Source.fetch` gives, from a function that reads one image or raises its rejection."""
    for listing in listings:
        try:
            outcome: Fetched | RejectedItem = accept(listing, read(listing), source)
        except RejectedItem as rejection:
            outcome = rejection
        yield listing, outcome


def check_size(size: int, max_bytes: int) -> None:
    """Refuse what is too large, before it is read.

    Raises:
        RejectedItem: `too-large`.
    """
    if size > max_bytes:
        raise RejectedItem(Reason.TOO_LARGE, f"{size} bytes, max_bytes is {max_bytes}")


def read_slice(stream: BinaryIO, listing: Listing, *, max_bytes: int, label: str) -> bytes:
    """The bytes at the `offset` and `size` of a listing's location.

    Raises:
        RejectedItem: `too-large`.
        SourceError: the stream ends before.
    """
    offset, size = int(listing.location["offset"]), int(listing.location["size"])
    check_size(size, max_bytes)
    stream.seek(offset)
    data = stream.read(size)
    if len(data) < size:
        raise SourceError(f"{label}: ends inside {listing.source_id}; fetch the tar again")
    return data
