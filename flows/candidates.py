"""The existing fakes that a generator may retrieve: their prompts as vectors, and which of them a match means.

A source is read twice, as a stream: for its prompts, and for the listings of those that were given to a pair. In between
stand the prompts, each once, and a vector of half precision for each: of 900,000 prompts and 384 dimensions some 0.3 GB
and 0.7 GB.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manifests.errors import SourceError
from sources.base import Listing, Source

if TYPE_CHECKING:
    from generation.retrieve_matching import Match
    from generation.retrieve_neighbours import Vectors

Encode = Callable[[Sequence[str]], NDArray[np.float32]]

_ADDRESSES = re.compile(r"<?https?://[^\s>]+>?")
_PARAMETERS = re.compile(r"(^|\s)--[a-z]+(\s.*)?$", re.DOTALL)
_AT_ONCE = 8192
_NONE = -1


@dataclass(frozen=True, eq=False)
class Candidates:
    """The fakes of one source that have a prompt.

    Attributes:
        source: the source.
        vectors: a vector a prompt, in the order in which the prompts first appear.
        rows: of each image in the source's list the row of its prompt, -1 where it has none.
    """

    source: Source
    vectors: "Vectors"
    rows: NDArray[np.int32]

    def supply(self, max_uses: int) -> list[int]:
        """How often each prompt may be given, when each of its images may be given so often."""
        images: list[int] = np.bincount(self.rows[self.rows != _NONE], minlength=len(self.vectors)).tolist()
        return [max_uses * count for count in images]

    def listings(self, matches: "Mapping[str, Match]") -> dict[str, tuple[int, Listing]]:
        """The image that each pair is given: its place in the source's list, and its listing.

        The images of one prompt take turns, so that all are given once before one is given twice.

        Raises:
            SourceError: the source lists other images than before.
        """
        images = Counter(self.rows.tolist())
        wanted: dict[tuple[int, int], list[str]] = defaultdict(list)
        for pair_id, match in matches.items():
            if match.prompt is not None:
                wanted[match.prompt, match.use % images[match.prompt]].append(pair_id)
        found: dict[str, tuple[int, Listing]] = {}
        seen: Counter[int] = Counter()
        for position, listing in enumerate(self.source.list()):
            row = int(self.rows[position]) if position < len(self.rows) else _NONE
            found |= dict.fromkeys(wanted.pop((row, seen[row]), ()), (position, listing))
            seen[row] += 1
        if wanted or seen != images:
            raise SourceError(f"candidates {self.source.name}: its list has changed while it was read. Build again.")
        return found


def read_candidates(source: Source, encode: Encode) -> Candidates:
    """Read a source's prompts.

    Args:
        source: its listings say what made the images, and from which prompts; those that do not are passed over.
        encode: gives a unit vector a text.

    Raises:
        SourceError: the source cannot be read, or none of its images has a prompt.
    """
    places: dict[str, int] = {}
    rows = array("i")
    waiting: list[str] = []
    blocks: list[Vectors] = []
    for listing in source.list():
        prompt = prompt_of(listing)
        if prompt and prompt not in places:
            places[prompt] = len(places)
            waiting.append(prompt)
        rows.append(places[prompt] if prompt else _NONE)
        if len(waiting) == _AT_ONCE:
            blocks.append(encode(waiting).astype(np.float16))
            waiting = []
    if waiting:
        blocks.append(encode(waiting).astype(np.float16))
    if not blocks:
        raise no_prompts(source.name)
    return Candidates(source, np.concatenate(blocks), np.array(rows, np.int32))


def prompt_of(listing: Listing) -> str:
    """What the prompt of an existing fake says in words; empty where there is none.

    Midjourney's prompts may begin with addresses of images and end with parameters (`--ar 3:2 --v 5`).
    """
    if listing.made is None:
        return ""
    return " ".join(_PARAMETERS.sub("", _ADDRESSES.sub("", listing.made.prompt)).split())


def no_prompts(source: str) -> SourceError:
    """A source that nothing can be retrieved from."""
    return SourceError(
        f"candidates {source}: none of its images is a fake with a prompt. Name the generator and the column of prompts."
    )
