"""What a dataset offers to train on: counted on the manifest, before any model is built."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from classifier.config import DEFAULT_IMAGE_SIZE, ClassifierConfig
from classifier.report import Composition
from manifests.dataset import Dataset
from manifests.errors import DatasetError, RecipeError
from manifests.records import IMAGE, LABELS, REAL, SPLITS, Pair, Split


@dataclass(frozen=True)
class Singles:
    """The images of a split that stand alone.

    Attributes:
        counts: number of reals and of fakes.
        shards: relative paths of the shards that hold reals, and of those that hold fakes.
    """

    counts: tuple[int, int] = (0, 0)
    shards: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def couples(self) -> int:
        """How many couples an epoch makes of them; none where all are of one class."""
        return max(self.counts) if min(self.counts) else 0

    @property
    def all_shards(self) -> frozenset[str]:
        """Relative paths of all shards of such images."""
        return frozenset(self.shards[0]) | frozenset(self.shards[1])


NO_SINGLES = Singles()


@dataclass(frozen=True)
class Contents:
    """The part of a dataset that a training uses.

    Attributes:
        generators: the fakes to learn from, sorted.
        pairs: number of pairs with at least one of them, by split; images that stand alone count as pairs.
        image_size: side of the window that the network sees, pixels.
        singles: the images that stand alone, by split.
        sources: where the reals of the train split come from, sorted.
    """

    generators: tuple[str, ...]
    pairs: dict[Split, int]
    image_size: int
    singles: dict[Split, Singles]
    sources: tuple[str, ...] = ()

    @property
    def composition(self) -> Composition:
        """What is learnt from: pairs, images that stand alone, or both."""
        alone = sum(self.singles["train"].counts)
        if not alone:
            return "pairs"
        return "both" if self.pairs["train"] > alone else "singles"

    def units(self, split: Split) -> int:
        """How many pairs and couples an epoch over a split has."""
        singles = self.singles[split]
        return self.pairs[split] - sum(singles.counts) + singles.couples


def survey(dataset: Dataset, config: ClassifierConfig) -> Contents:
    """Count what there is and check that a detector can be trained and measured on it.

    Raises:
        DatasetError: a split is empty or holds one class only.
        RecipeError: a generator that the dataset has not, or images smaller than `image_size`.
    """
    found = _Found(frozenset(config.generators), set(dataset.header.generators))
    for pair in dataset.pairs():
        found.add(pair)
    unknown = sorted(found.wanted - found.offered)
    if unknown:
        offered = ", ".join(sorted(found.offered))
        raise RecipeError(f"classifier.generators: {', '.join(unknown)} is not in {dataset.root}; it has {offered}.")
    generators = tuple(sorted(found.wanted or found.offered))
    singles = {split: found.singles(split) for split in SPLITS}
    for split in SPLITS:
        _check_split(dataset, split, found, generators)
    counts = {split: found.pairs[split] + sum(singles[split].counts) for split in SPLITS}
    size = _image_size(dataset, config, found.shortest)
    return Contents(generators, counts, size, singles, tuple(sorted(found.sources)))


@dataclass
class _Found:
    """What has been met in the manifest.

    Attributes:
        wanted: the generators that are asked for; all when empty.
        offered: those that the dataset has.
        pairs: number of pairs that are used, by split.
        left_out: number of pairs, and of fakes that stand alone, that are not.
        lone: number of images that stand alone, by split and label, and by shard.
        shortest: shortest side of an image that is used, pixels; 0 while there is none.
        sources: where the reals of the train split come from.
    """

    wanted: frozenset[str]
    offered: set[str]
    pairs: Counter[Split] = field(default_factory=Counter)
    left_out: Counter[Split] = field(default_factory=Counter)
    lone: dict[tuple[Split, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    shortest: int = 0
    sources: set[str] = field(default_factory=set)

    def add(self, pair: Pair) -> None:
        """Count one pair, or one image that stands alone."""
        made = {pair.generator} - {""} if pair.is_single else set(pair.fakes)
        self.offered |= made
        used = {name for name in made if not self.wanted or name in self.wanted}
        is_used = bool(used) or (pair.is_single and not made)
        if not is_used:
            self.left_out[pair.split] += 1
            return
        names = {IMAGE} if pair.is_single else {REAL, *used}
        side = min(min(pair.members[name].width, pair.members[name].height) for name in names)
        self.shortest = min(self.shortest or side, side)
        if pair.split == "train" and not (pair.is_single and made):
            self.sources.add(pair.image.source)
        if pair.is_single:
            self.lone[pair.split, pair.label][f"shards/{pair.shard}"] += 1
        else:
            self.pairs[pair.split] += 1

    def singles(self, split: Split) -> Singles:
        """The images of a split that stand alone."""
        reals, fakes = (self.lone[split, label] for label in LABELS.values())
        return Singles((reals.total(), fakes.total()), (tuple(reals), tuple(fakes)))


def _check_split(dataset: Dataset, split: Split, found: _Found, generators: tuple[str, ...]) -> None:
    singles, left_out = found.singles(split), found.left_out[split]
    if found.pairs[split] or singles.couples:
        return
    names = ", ".join(generators) or "any generator"
    if left_out or any(singles.counts):
        raise DatasetError(
            f"{dataset.root}: split {split} has no pair with both a real image and a fake of {names} ({left_out} left out), "
            f"and of images that stand alone {singles.counts[0]} reals and {singles.counts[1]} fakes; one class alone "
            "teaches nothing. Choose other generators, or give both classes."
        )
    raise DatasetError(
        f"{dataset.root}: split {split} is empty. Training needs train, validation and test: change the recipe's split "
        "ratios, or build more pairs."
    )


def _image_size(dataset: Dataset, config: ClassifierConfig, shortest: int) -> int:
    if config.fit == "resize":
        return config.image_size or DEFAULT_IMAGE_SIZE
    if config.image_size is None:
        return min(DEFAULT_IMAGE_SIZE, shortest)
    if config.image_size > shortest:
        raise RecipeError(
            f"classifier.image_size = {config.image_size}, but {dataset.root} has images whose shorter side is "
            f"{shortest} pixels, and images are never enlarged: set it to {shortest} or less."
        )
    return config.image_size
