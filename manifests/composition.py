"""What a dataset holds, counted: what its card and its Croissant description say."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from manifests.parts import AnyPair
from manifests.shards import metadata

EXISTING = "existing"
"""In the place of a method: of fakes that a source had already."""


@dataclass
class Composition:
    """What a card counts.

    Attributes:
        pairs: number of pairs by (split, view).
        bytes: bytes of the members by (split, view).
        sources: number of pairs by source.
        generators: number of fakes by (generator, method, model, revision); the method of those that a source had
            already is `existing`.
        licenses: number of pairs by the real's licence.
        terms: number of pairs by what may be done with the source image's pixels.
        singles: number of images that stand alone, by (view, label, generator); they count as pairs above.
        model_licenses: number of fakes by (generator, licence of the model or of the source that they came from).
        members: names of the members by view.
        formats: formats of the final encoding by view.
        fields: the fields of the samples' JSON and their types, by view.
    """

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    generators: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    singles: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    model_licenses: Counter[tuple[str, str]] = field(default_factory=Counter)
    members: dict[str, set[str]] = field(default_factory=dict)
    formats: dict[str, set[str]] = field(default_factory=dict)
    fields: dict[str, dict[str, type]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[AnyPair]) -> "Composition":
        """Count the pairs of a manifest."""
        composition = cls()
        composition.add(pairs)
        return composition

    def add(self, pairs: Iterable[AnyPair]) -> None:
        """Count some more pairs."""
        # most pairs are of a few kinds, and a kind is counted once
        times: Counter[tuple[object, ...]] = Counter()
        examples: dict[tuple[object, ...], AnyPair] = {}
        for pair in pairs:
            kind = _kind(pair)
            times[kind] += 1
            examples.setdefault(kind, pair)
            self.bytes[pair.split, pair.frame.view] += sum([member.size for member in pair.members.values()])
        for kind, pair in examples.items():
            self._add(pair, times[kind])

    def _add(self, pair: AnyPair, times: int) -> None:
        self.pairs[pair.split, pair.frame.view] += times
        self.sources[pair.image.source] += times
        self.licenses[pair.image.license or "not stated"] += times
        for image in pair.images:
            self.terms[image.terms] += times
        self.members.setdefault(pair.frame.view, set()).update(pair.members)
        self.formats.setdefault(pair.frame.view, set()).add(pair.encoding.format)
        if pair.frame.view not in self.fields:
            self.fields[pair.frame.view] = {name: type(value) for name, value in metadata(pair).items()}
        if pair.image.made is not None:
            self.generators[pair.image.made.generator, EXISTING, "", ""] += times
            self.model_licenses[pair.image.made.generator, pair.image.license] += times
        if pair.is_single:
            self.singles[pair.frame.view, pair.label, pair.generator] += times
        for fake in pair.fakes.values():
            self.generators[fake.generator, fake.method, fake.model, fake.revision] += times
            self.model_licenses[fake.generator, fake.license] += times

    @property
    def total(self) -> int:
        """Number of pairs, and of images that stand alone."""
        return self.pairs.total()

    @property
    def has_pairs(self) -> bool:
        """Whether it has any pairs."""
        return self.total > self.singles.total()


def _kind(pair: AnyPair) -> tuple[object, ...]:
    """All of a pair that is counted, but for bytes."""
    image = pair.image
    fakes = [
        (fake.generator, fake.method, fake.model, fake.revision, fake.license, fake.retrieved and fake.retrieved.terms)
        for fake in pair.fakes.values()
    ]
    return (
        pair.split,
        pair.frame.view,
        pair.frame.framing,
        pair.encoding.format,
        image.source,
        image.license,
        image.terms,
        image.variant,
        image.made and image.made.generator,
        *pair.members,
        *fakes,
    )
