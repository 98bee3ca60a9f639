"""Re-captions: what a captioner says of the finished members of some pairs, each by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from audit.second_look import Look
from pixels.arrays import Pixels

WORD = r"(?u)\b\w+\b"
"""What counts as a word of a caption."""

# pairs whose pixels wait for the captioner
_AT_ONCE = 64


class Recaptioner(Protocol):
    """Says of images what they show."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    def __call__(self, pixels: Sequence[Pixels]) -> Sequence[str]:
        """A caption an image (shape (height, width, 3), uint8 sRGB), in order; empty where there is nothing to say."""
        ...


@dataclass(frozen=True)
class NoRecaptioner:
    """Nobody is asked for captions again, and why; `reason` goes on in `re-captions were left out: ...`."""

    reason: str


@dataclass(frozen=True)
class Recaptions:
    """What is said of the members of one pair.

    Attributes:
        pair: its id.
        view: its view.
        caption: the pair's own caption; empty where it has none.
        texts: the re-caption of each member by name.
    """

    pair: str
    view: str
    caption: str
    texts: Mapping[str, str]


class RecaptionCollector:
    """Takes pairs one by one and keeps what is said of their members, never their pixels."""

    def __init__(self, recaptioner: Recaptioner) -> None:
        self._recaptioner = recaptioner
        self._waiting: list[Look] = []
        self._found: list[Recaptions] = []

    def take(self, look: Look) -> None:
        """Take one pair."""
        self._waiting.append(look)
        if len(self._waiting) >= _AT_ONCE:
            self._ask()

    def found(self) -> tuple[Recaptions, ...]:
        """All that was said, in the order in which the pairs came."""
        self._ask()
        return tuple(self._found)

    def _ask(self) -> None:
        looks, self._waiting = self._waiting, []
        if not looks:
            return
        said = iter(self._recaptioner([image for look in looks for image in look.members.values()]))
        self._found += [
            Recaptions(look.pair, look.view, look.caption, {name: next(said) for name in look.members})
            for look in looks
        ]
