"""Records of pairs as far as they are asked about: some fields are parsed, all else is passed over unread.

Only for lines that this program has made from its own records, which are known to be whole: a field that is not named here is
not looked at, let alone checked. Names and meanings are those of `manifests.records`. The fields stand in the order of the
canonical JSON, in which they are found soonest; their defaults are the records'.
"""

import msgspec

from manifests.records import LABELS, PROMPT, FramingName, Method, Pair, SourceImage, Split, Terms


class Part(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The part of a record that is read; it never refers to itself, so the collector need not look after it."""


class MadePart(Part, frozen=True, kw_only=True):
    """Of an `ExistingFake`."""

    generator: str
    prompt: str = ""


class ImagePart(Part, frozen=True, kw_only=True):
    """Of a `SourceImage`: what it is."""

    class_label: str = ""
    key: str
    made: MadePart | None = None
    pair: str = ""
    sha256: str
    source: str
    source_caption: str = ""
    variant: str = "original"

    @property
    def is_prompt(self) -> bool:
        """Whether it is the text that an image is made from."""
        return self.variant == PROMPT

    @property
    def is_real(self) -> bool:
        """Whether it is a real image."""
        return self.made is None and not self.is_prompt

    @property
    def prompt(self) -> str:
        """What a fake was, or will be, made from, as far as its source says; empty for a real image."""
        if self.is_prompt:
            return self.source_caption
        return self.made.prompt if self.made is not None else ""


class CreditPart(ImagePart, frozen=True, kw_only=True):
    """Of a `SourceImage`: what it is, whose, and where it is from."""

    author: str = ""
    author_url: str = ""
    landing_url: str = ""
    license: str = ""
    source_id: str
    terms: Terms = "unknown"
    title: str = ""
    url: str = ""


class FramePart(Part, frozen=True, kw_only=True):
    """Of a `Frame`."""

    framing: FramingName
    view: str


class CaptionPart(Part, frozen=True, kw_only=True):
    """Of a `Caption`."""

    cleaned: str


class EncodingPart(Part, frozen=True, kw_only=True):
    """Of an `Encoding`."""

    format: str = "JPEG"


class MemberPart(Part, frozen=True, kw_only=True):
    """Of a `Member`."""

    height: int
    size: int
    width: int


class FakePart(Part, frozen=True, kw_only=True):
    """Of a `Fake`."""

    generator: str
    license: str = ""
    method: Method
    model: str
    retrieved: CreditPart | None = None
    revision: str = ""


class PairPart(Part, frozen=True, kw_only=True):
    """Of a `Pair`: what the dataset's accounts of itself tell."""

    caption: CaptionPart
    encoding: EncodingPart
    fakes: dict[str, FakePart]
    frame: FramePart
    group_id: str
    image: CreditPart
    members: dict[str, MemberPart]
    pair_id: str
    shard: str
    split: Split

    @property
    def images(self) -> tuple[CreditPart, ...]:
        """All images of others that the pair shows: its own, and the fakes that were retrieved for it."""
        return (self.image, *[fake.retrieved for fake in self.fakes.values() if fake.retrieved is not None])

    @property
    def is_single(self) -> bool:
        """Whether it is an image that stands alone."""
        return self.frame.framing == "single"

    @property
    def generator(self) -> str:
        """What made the image that stands alone; empty where that is a real one."""
        if self.image.made is not None:
            return self.image.made.generator
        return next(iter(self.fakes), "")

    @property
    def label(self) -> int:
        """Of the image that stands alone: 0 real, 1 fake."""
        return LABELS["real" if self.image.is_real else "fake"]


AnyImage = SourceImage | ImagePart
CreditedImage = SourceImage | CreditPart
AnyPair = Pair | PairPart
"""Read whole or in part."""

pair_part = msgspec.json.Decoder(PairPart).decode
"""The part of a pair's line that is asked about."""
