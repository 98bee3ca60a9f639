"""The parts of a dataset that the probes look at one by one: a view, a generator, a source of the reals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audit.report import Kind
from audit.seen import Seen


@dataclass(frozen=True, eq=False)
class Part:
    """Reals and fakes that are compared with one another.

    Attributes:
        source: empty for the reals of all sources.
        group_of: the group of each image, by its name.
    """

    view: str
    generator: str
    source: str
    reals: tuple[Seen, ...]
    fakes: tuple[Seen, ...]
    group_of: Mapping[str, str]

    @property
    def subject(self) -> str:
        """The part for a person; empty for the whole."""
        return ", ".join(name for name in (self.view, self.generator, self.source) if name)

    @property
    def images(self) -> tuple[Seen, ...]:
        """All reals, then all fakes."""
        return self.reals + self.fakes

    @property
    def labels(self) -> NDArray[np.int8]:
        """0 or 1 of each image, shape (images,)."""
        return np.repeat(np.array([0, 1], dtype=np.int8), (len(self.reals), len(self.fakes)))

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """The number of each image's group, from 0, shape (images,)."""
        return numbered([self.group_of[image.tag.name] for image in self.images])

    @property
    def pairs(self) -> int:
        """Observations: pairs, or images of the rarer class."""
        return min(len(self.reals), len(self.fakes))


def numbered(names: Sequence[str]) -> NDArray[np.intp]:
    """A number from 0 for each distinct name, in the order in which they first occur."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.intp)


def parts(images: Sequence[Seen], kind: Kind, group_of: Mapping[str, str]) -> Iterator[Part]:
    """Each view and generator, of all sources and, where there are several, of each one source."""
    for view in sorted({image.tag.view for image in images}):
        here = [image for image in images if image.tag.view == view]
        reals = [image for image in here if image.tag.label == 0]
        generators = sorted({image.tag.generator for image in here if image.tag.label == 1})
        if kind == "unpaired" and len(generators) > 1:
            # many generators of a few images each are enough only together
            made = [image for image in here if image.tag.label == 1]
            yield Part(view, "", "", tuple(reals), tuple(made), group_of)
            generators = [generator for generator in generators if generator]
        for generator in generators:
            fakes = [image for image in here if image.tag.label == 1 and image.tag.generator == generator]
            opposite = _twins(reals, fakes) if kind == "paired" else reals
            yield Part(view, generator, "", tuple(opposite), tuple(fakes), group_of)
            yield from _by_source(view, generator, opposite, fakes, group_of)


def _twins(reals: Sequence[Seen], fakes: Sequence[Seen]) -> list[Seen]:
    """The reals of the pairs that these fakes belong to."""
    pairs = {image.tag.pair for image in fakes}
    return [image for image in reals if image.tag.pair in pairs]


def _by_source(
    view: str, generator: str, reals: Sequence[Seen], fakes: Sequence[Seen], group_of: Mapping[str, str]
) -> Iterator[Part]:
    sources = sorted({image.tag.source for image in reals} - {""})
    if len(sources) < 2:
        return
    for source in sources:
        own = [image for image in reals if image.tag.source == source]
        # the fakes of a set without pairs may belong to no source
        made = [image for image in fakes if image.tag.source == source] or list(fakes)
        yield Part(view, generator, source, tuple(own), tuple(made), group_of)
