"""Which of the aligned pairs stand: those that have a split, up to the target.

Only what decides is read of a pair, and little of that is kept: of millions, not all records can be held at once.
"""

import dataclasses
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeVar

from pydantic import ConfigDict

from flows.folder import BuildFolder
from flows.recipe import Recipe
from flows.records import AlignedPair
from flows.stages.base import BuildStage
from generation.config import RetrieveConfig
from manifests.records import IMAGE, REAL, ImageFacts, Reason, Record, SourceImage
from manifests.splits import Assignment, Item, assign, bonds_of


class _Part(Record):
    """A record of which only some fields are read."""

    model_config = ConfigDict(extra="ignore")


class _StandingImage(_Part):
    image: SourceImage
    facts: ImageFacts


class _StandingCaption(_Part):
    cleaned: str


class _StandingFrame(_Part):
    view: str


class _StandingFake(_Part):
    retrieved: SourceImage | None


class StandingPair(_Part):
    """What decides of an aligned pair: the part of an `AlignedPair` that is read here."""

    pair_id: str
    screened: _StandingImage
    frame: _StandingFrame
    caption: _StandingCaption
    fakes: dict[str, _StandingFake]
    phashes: dict[str, str]

    def is_made(self, member: str) -> bool:
        """Whether a member was generated here: an existing image that stands alone is told by its own hash."""
        return bool(self.fakes) if member == IMAGE else member != REAL


P = TypeVar("P", AlignedPair, StandingPair)


def of_chunk(stage: BuildStage, index: int, kind: type[P]) -> Iterator[P]:
    """The aligned pairs of a chunk in the order of their ids: images stand in the order of their keys, views as they were cut."""
    for _, views in groupby(stage.store.records(index, kind), key=lambda pair: pair.screened.image.key):
        yield from sorted(views, key=lambda pair: pair.pair_id)


def of_stage(stage: BuildStage, kind: type[P]) -> Iterator[P]:
    """All aligned pairs in the order of their ids: the chunks stand in the order of the images' keys."""
    for index in range(stage.count() or 0):
        yield from of_chunk(stage, index, kind)


def standing(build: BuildFolder, pairs: Iterable[StandingPair]) -> Iterator[tuple[str, Assignment]]:
    """The view of each pair, and its split or the reason why it has none; in the order given.

    Args:
        build: its recipe says how pairs are split, and how many are wanted.
        pairs: in the order of their ids.
    """
    survey = _Survey(build.recipe)
    homes = {home.key: home for home in assign(survey.items(pairs), build.recipe.split, build.recipe.seed_salt)}
    target, placed = build.recipe.target_pairs, 0
    for number, (key, view) in enumerate(zip(survey.keys, survey.views, strict=True)):
        if (repeated := survey.again.get(number)) is not None:
            yield view, repeated
            continue
        home = homes[key]
        if home.split is not None and target is not None and placed == target:
            detail = f"the target of {target} pairs is reached"
            home = dataclasses.replace(home, split=None, reason=Reason.SURPLUS, detail=detail)
        placed += home.split is not None
        yield view, home


class _Survey:
    """What is noted of the pairs while they are read through, once.

    Attributes:
        keys: each pair's image.
        views: each pair's view.
        again: by number, the pairs whose retrieved fake has the same bytes as one that was given often enough before,
            under another prompt.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.keys: list[str] = []
        self.views: list[str] = []
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
                class_label=sys.intern(image.class_label),
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
            self.keys.append(pair.screened.image.key)
            self.views.append(sys.intern(pair.frame.view))
            found = [(name, fake.retrieved) for name, fake in pair.fakes.items() if fake.retrieved is not None]
            spent = [name for name, image in found if self._uses[name, image.sha256] >= self._limits[name]]
            if spent:
                detail = f"{', '.join(sorted(spent))}: the same image was retrieved under another prompt"
                self.again[number] = Assignment(self.keys[-1], "", None, Reason.DUPLICATE, detail)
            else:
                self._uses.update((name, image.sha256) for name, image in found)
                yield pair
