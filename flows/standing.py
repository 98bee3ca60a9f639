"""Which of the aligned pairs stand: those that have a split, up to the target.

Only what decides is read of a pair, and little of that is kept: of millions, not all records can be held at once.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from flows.folder import BuildFolder
from flows.recipe import Recipe
from flows.stages.base import BuildStage
from generation.config import RetrieveConfig
from manifests.parts import CaptionPart, FramePart, ImagePart, Part
from manifests.places import LinePlace, placed_lines
from manifests.records import IMAGE, REAL, Method, Reason
from manifests.splits import Assignment, Item, assign, bonds_of


class FactsPart(Part, frozen=True, kw_only=True):
    """Of an `ImageFacts`."""

    phash: str = ""


class ScreenedPart(Part, frozen=True, kw_only=True):
    """Of a `ScreenedImage`."""

    facts: FactsPart
    image: ImagePart


class StandingFake(Part, frozen=True, kw_only=True):
    """Of a `Fake`."""

    method: Method
    retrieved: ImagePart | None = None


class StandingPair(Part, frozen=True, kw_only=True):
    """What decides of an aligned pair: the part of an `AlignedPair` that is read here."""

    caption: CaptionPart
    fakes: dict[str, StandingFake]
    frame: FramePart
    pair_id: str
    phashes: dict[str, str]
    screened: ScreenedPart

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """All images of others that the pair shows."""
        retrieved = (fake.retrieved for fake in self.fakes.values())
        return (self.screened.image, *(image for image in retrieved if image is not None))

    def is_made(self, member: str) -> bool:
        """Whether a member was generated here: an existing image that stands alone is told by its own hash."""
        return bool(self.fakes) if member == IMAGE else member != REAL


P = TypeVar("P", bound=StandingPair)


def of_chunk(stage: BuildStage, index: int, kind: type[P]) -> Iterator[tuple[LinePlace, P]]:
    """The aligned pairs of a chunk in the order of their ids; in the chunk itself, images that stand alone come first."""
    parsed = msgspec.json.Decoder(kind).decode
    pairs = ((place, parsed(line)) for place, line in placed_lines(stage.store, index))
    yield from sorted(pairs, key=lambda placed: placed[1].pair_id)


def of_stage(stage: BuildStage, kind: type[P]) -> Iterator[tuple[LinePlace, P]]:
    """All aligned pairs in the order of their ids: the chunks stand in the order of the images' keys."""
    for index in range(stage.count() or 0):
        yield from of_chunk(stage, index, kind)


def standing(build: BuildFolder, pairs: Iterable[StandingPair]) -> Iterator[Assignment]:
    """The split of each pair, or the reason why it has none; in the order given.

    Args:
        build: its recipe says how pairs are split, and how many are wanted.
        pairs: in the order of their ids.
    """
    survey = _Survey(build.recipe)
    homes = assign(survey.items(pairs), build.recipe.split, build.recipe.seed_salt)
    target, placed = build.recipe.target_pairs, 0
    for number, home in enumerate(_joined(homes, survey.keys)):
        if (repeated := survey.again.get(number)) is not None:
            yield repeated
        elif home is None:
            raise ValueError(f"no home for {survey.keys[number]:016x}")
        elif home.split is not None and target is not None and placed == target:
            detail = f"the target of {target} pairs is reached"
            yield replace(home, split=None, reason=Reason.SURPLUS, detail=detail)
        else:
            placed += home.split is not None
            yield home


def _joined(homes: Iterator[Assignment], keys: "array[int]") -> Iterator[Assignment | None]:
    """The home of each pair's image; None for an image that has none.

    Args:
        homes: in the order of their keys. They are made once they are asked for, and all pairs have been read then.
        keys: of the pairs' images, in the same order; filled by that time.
    """
    home = next(homes, None)
    for key in keys:
        while home is not None and int(home.key, 16) < key:
            home = next(homes, None)
        yield home if home is not None and int(home.key, 16) == key else None


class _Survey:
    """What is noted of the pairs while they are read through, once.

    Attributes:
        keys: each pair's image, as a number.
        again: by number, the pairs whose retrieved fake has the same bytes as one that was given often enough before,
            under another prompt.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.keys = array("Q")
        self.again: dict[int, Assignment] = {}
        self._limits = {
            config.name: config.max_uses for config in recipe.generators if isinstance(config, RetrieveConfig)
        }
        self._uses: Counter[tuple[str, str]] = Counter()

    def items(self, pairs: Iterable[StandingPair]) -> Iterator[Item]:
        """One item an image, with what all of its views bring."""
        for key, group in groupby(self._fresh(pairs), key=lambda pair: pair.screened.image.key):
            views = list(group)
            image, facts = views[0].screened.image, views[0].screened.facts
            yield Item(
                key=key,
                class_label=image.class_label,
                captions=tuple(pair.caption.cleaned for pair in views if pair.caption.cleaned),
                phash=int(facts.phash, 16) if facts.phash else None,
                fake_phashes=tuple(
                    int(phash, 16) for pair in views for member, phash in pair.phashes.items() if pair.is_made(member)
                ),
                bonds=bonds_of(image),
            )

    def _fresh(self, pairs: Iterable[StandingPair]) -> Iterator[StandingPair]:
        """The pairs whose retrieved fakes have not been given before."""
        for number, pair in enumerate(pairs):
            key = pair.screened.image.key
            self.keys.append(int(key, 16))
            found = [(name, fake.retrieved) for name, fake in pair.fakes.items() if fake.retrieved is not None]
            spent = [name for name, image in found if self._uses[name, image.sha256] >= self._limits[name]]
            if spent:
                detail = f"{', '.join(sorted(spent))}: the same image was retrieved under another prompt"
                self.again[number] = Assignment(key, "", None, Reason.DUPLICATE, detail)
            else:
                self._uses.update((name, image.sha256) for name, image in found)
                yield pair
