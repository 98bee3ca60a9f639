"""What a dataset offers to train on: counted on the manifest, before any model is built."""

from collections import Counter
from dataclasses import dataclass

from classifier.config import DEFAULT_IMAGE_SIZE, ClassifierConfig
from manifests.dataset import Dataset
from manifests.errors import DatasetError, RecipeError
from manifests.records import SPLITS, Pair, Split


@dataclass(frozen=True)
class Contents:
    """The part of a dataset that a training uses.

    Attributes:
        generators: the fakes to learn from, sorted.
        pairs: number of pairs with at least one of them, by split.
        image_size: side of the window that the network sees, pixels.
    """

    generators: tuple[str, ...]
    pairs: dict[Split, int]
    image_size: int


def survey(dataset: Dataset, config: ClassifierConfig) -> Contents:
    """Count what there is and check that a detector can be trained and measured on it.

    Raises:
        DatasetError: a split is empty or holds one class only.
        RecipeError: a generator that the dataset has not, or images smaller than `image_size`.
    """
    generators = _generators(dataset, config)
    pairs: Counter[Split] = Counter()
    left_out: Counter[Split] = Counter()
    shortest: int | None = None
    for pair in dataset.pairs():
        if "real" not in pair.members or not any(name in pair.members for name in generators):
            left_out[pair.split] += 1
            continue
        pairs[pair.split] += 1
        side = _shortest_side(pair, generators)
        shortest = side if shortest is None else min(shortest, side)
    for split in SPLITS:
        _check_split(dataset, split, pairs[split], left_out[split], generators)
    return Contents(generators, dict(pairs), _image_size(dataset, config, shortest or 0))


def _generators(dataset: Dataset, config: ClassifierConfig) -> tuple[str, ...]:
    offered = dataset.header.generators
    unknown = sorted(set(config.generators) - set(offered))
    if unknown:
        raise RecipeError(
            f"classifier.generators: {', '.join(unknown)} is not in {dataset.root}; it has {', '.join(sorted(offered))}."
        )
    return tuple(sorted(set(config.generators or offered)))


def _shortest_side(pair: Pair, generators: tuple[str, ...]) -> int:
    members = [pair.members[name] for name in ("real", *generators) if name in pair.members]
    return min(min(member.width, member.height) for member in members)


def _check_split(dataset: Dataset, split: Split, pairs: int, left_out: int, generators: tuple[str, ...]) -> None:
    if pairs:
        return
    if left_out:
        raise DatasetError(
            f"{dataset.root}: none of the {left_out} pairs of split {split} has both a real image and a fake of "
            f"{', '.join(generators) or 'any generator'}; one class alone teaches nothing. Choose other generators."
        )
    raise DatasetError(
        f"{dataset.root}: split {split} is empty. Training needs train, validation and test: change the recipe's split "
        "ratios, or build more pairs."
    )


def _image_size(dataset: Dataset, config: ClassifierConfig, shortest: int) -> int:
    if config.image_size is None:
        return min(DEFAULT_IMAGE_SIZE, shortest)
    if config.image_size > shortest:
        raise RecipeError(
            f"classifier.image_size = {config.image_size}, but {dataset.root} has images whose shorter side is "
            f"{shortest} pixels, and images are never enlarged: set it to {shortest} or less."
        )
    return config.image_size
