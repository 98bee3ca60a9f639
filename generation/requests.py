"""What captioners and generators are asked, what they answer, and what they have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from manifests.errors import RejectedItem
from manifests.records import Caption, Fake
from pixels.arrays import Pixels


@dataclass(frozen=True)
class CaptionRequest:
    """One framed image to caption.

    Attributes:
        pair_id: the pair that the caption is for.
        pixels: the framed image, (F, F, 3) uint8; not looked at by captioners that use no model.
        source_caption: the caption that the source itself gives, if any.
        class_label: the name of the image's class, if any.
    """

    pair_id: str
    pixels: Pixels
    source_caption: str = ""
    class_label: str = ""


class Captioner(Protocol):
    """Gives captions to framed images."""

    def caption(self, items: Sequence[CaptionRequest]) -> list[Caption | RejectedItem]:
        """Caption the items of one chunk: an answer an item, in the order of the items."""
        ...


@dataclass(frozen=True)
class GenerationRequest:
    """One fake to make.

    Attributes:
        pair_id: the pair that the fake is for; seeds depend on it.
        prompt: the cleaned caption.
        region: what an image-conditioned generator is given, (height, width, 3) uint8; None where only text is given.
        width: width that the fake must have, pixels.
        height: height that the fake must have, pixels.
        margin: pixels on each side, within width and height, that are cut off later.
    """

    pair_id: str
    prompt: str
    region: Pixels | None
    width: int
    height: int
    margin: int = 0


@dataclass(frozen=True)
class Generated:
    """One fake: its native pixels, (height, width, 3) uint8, and all that is needed to make it again."""

    pixels: Pixels
    fake: Fake


class ImageGenerator(Protocol):
    """Makes fakes."""

    @property
    def size_multiple(self) -> int:
        """Widths and heights of requests must be multiples of this, pixels."""
        ...

    def arranged(self, requests: Sequence[GenerationRequest]) -> list[GenerationRequest]:
        """The requests of one chunk in the order in which they fill the fewest batches; it depends on them alone."""
        ...

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Generated | RejectedItem]]:
        """Make the fakes of one chunk, all of one size.

        Yields:
            The answers of one batch, in the order of the requests: batches are consecutive slices of the requests, each
            of one setting.

        Raises:
            ModelError: the requests do not suit the model (size, missing region).
            InfrastructureError: the device failed, or one image alone needs more memory than there is.
        """
        ...
