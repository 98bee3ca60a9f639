"""What the stages hand to one another."""

from typing import Any

import msgspec
from pydantic import ConfigDict, Field

from manifests.chunk_writer import Blob
from manifests.places import LinePlace
from manifests.records import (
    Caption,
    Encoding,
    Fake,
    Frame,
    History,
    ImageFacts,
    JpegCoding,
    Key,
    Member,
    Record,
    SourceImage,
    Split,
    images_of,
)


class ListedImage(Record):
    """An image that a source has: a `sources.base.Listing`, and whose."""

    source: str
    listing: dict[str, Any]


class StoredImage(Record):
    """An image and where its bytes lie."""

    image: SourceImage
    blob: Blob


class ScreenedImage(Record):
    """An image that may be used."""

    image: SourceImage
    blob: Blob
    facts: ImageFacts
    coding: JpegCoding | None


class SelectedImage(Record):
    """An image that is used, and the JPEG coding that each scene view's pair passes through."""

    screened: ScreenedImage
    histories: dict[str, JpegCoding]


class FramedPair(Record):
    """A pair's window, and the pixels in it; None where it is yet to be made from a prompt, or stays as it came."""

    pair_id: str
    key: Key
    screened: ScreenedImage
    frame: Frame
    history: JpegCoding | None
    region: Blob | None


class ForwardedPair(Record):
    """A pair that a stage forwards, whatever else its record says."""

    model_config = ConfigDict(extra="ignore")

    pair_id: str


class CaptionedPair(Record):
    """A pair's caption."""

    pair_id: str
    caption: Caption


class MatchedPair(Record):
    """What a generator that retrieves has found for a pair; nothing for a pair whose view does not ask for it."""

    pair_id: str
    similarity: float = 0.0
    position: int = Field(default=0, description="place of the found image in its source's list")
    listing: dict[str, Any] | None


class GeneratedFake(Record):
    """One fake and its native pixels; None for a pair whose view does not ask for this generator."""

    pair_id: str
    fake: Fake | None
    native: Blob | None


def entry_name(pair_id: str, fake: Fake | None) -> str:
    """How a chunk's tar names a pair's image: it begins with the key of the image that takes it along when it is erased."""
    retrieved = fake.retrieved if fake is not None else None
    return pair_id if retrieved is None else f"{retrieved.key}-{pair_id}"


class JudgedPair(Record):
    """A pair whose fakes are safe, where the recipe has them judged."""

    pair_id: str


class AlignedPair(Record):
    """A pair's final members."""

    pair_id: str
    screened: ScreenedImage
    frame: Frame
    caption: Caption
    fakes: dict[str, Fake]
    history: JpegCoding | None
    encoding: Encoding
    members: dict[str, Member]
    blobs: dict[str, Blob]
    phashes: dict[str, str]

    @property
    def images(self) -> tuple[SourceImage, ...]:
        """All images of others that the pair shows."""
        return images_of(self.screened.image, self.fakes)


class PlacedPair(msgspec.Struct, frozen=True):
    """What is decided of a pair when it is given its split and shard; the rest is in its `AlignedPair`.

    Attributes:
        aligned: where that stands.
        own_tables: digest of the tables of the real's own JPEG; None where it was none.
        view: the pair's view.

    The other fields are those of the `Pair`.
    """

    aligned: LinePlace
    group_id: str
    history: History
    jpeg_subsampling: str
    jpeg_tables: str
    own_tables: str | None
    pair_id: str
    shard: str
    split: Split
    view: str
