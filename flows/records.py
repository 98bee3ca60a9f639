"""What the stages hand to one another."""

from typing import Any

from manifests.chunks import Blob
from manifests.records import (
    Caption,
    Encoding,
    Fake,
    Frame,
    ImageFacts,
    JpegCoding,
    Key,
    Member,
    Pair,
    Record,
    SourceImage,
)


class ListedImage(Record):
    """An image that a source has: a `sources.base.Listing`, and whose."""

    source: str
    listing: dict[str, Any]


class StoredImage(Record):
    """A real image and where its bytes lie."""

    image: SourceImage
    blob: Blob


class ScreenedImage(Record):
    """A real image that may be used."""

    image: SourceImage
    blob: Blob
    facts: ImageFacts
    coding: JpegCoding | None


class SelectedImage(Record):
    """A real image that is used, and the JPEG coding that each scene view's pair passes through."""

    screened: ScreenedImage
    histories: dict[str, JpegCoding]


class FramedPair(Record):
    """A pair's window, and the pixels in it."""

    pair_id: str
    key: Key
    screened: ScreenedImage
    frame: Frame
    history: JpegCoding | None
    region: Blob


class CaptionedPair(Record):
    """A pair's caption."""

    pair_id: str
    caption: Caption


class GeneratedFake(Record):
    """One fake and its native pixels; None for a pair whose view does not ask for this generator."""

    pair_id: str
    fake: Fake | None
    native: Blob | None


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


class PlacedPair(Record):
    """A pair with its split and shard, and where its members' bytes lie."""

    pair: Pair
    own: JpegCoding | None
    history: JpegCoding | None
    blobs: dict[str, Blob]
