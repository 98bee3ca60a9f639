"""Which pairs of earlier datasets are rehearsed: whole pairs, evenly by real source and generator."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from classifier.config import ClassifierConfig
from classifier.contents import Contents, Singles
from classifier.replay import EarlierPairs, Rehearsal
from classifier.replay_config import ReplayRatio
from classifier.transforms import Preprocessing
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import LABELS, Pair
from manifests.seeds import seed

Stratum = tuple[int, str, str, str]
"""Number of the dataset, what the image is (`pair`, `real` or `fake`), its source, and its generators."""
Key = TypeVar("Key")


class Candidate(NamedTuple):
    """A pair that may be rehearsed; those of the smallest ranks are taken, and a rank is a hash of names."""

    rank: int
    pair_id: str
    shard: str


def choose_rehearsal(
    earlier: Sequence[tuple[Dataset, Contents]],
    new_units: int,
    ratio: ReplayRatio,
    training: ClassifierConfig,
    view: Preprocessing,
) -> Rehearsal:
    """Fill the buffer.

    All strata (a dataset's pairs of one real source and the same generators) give the same number as far as they hold so
    many; what a small one lacks is made up by the others. Images that stand alone are strata of their own; the datasets give
    equal numbers of their couples in the same sense, and each as many reals as fakes, for it is in itself that they meet.

    Args:
        earlier: the datasets that were learnt from before, with what of them is used.
        new_units: number of pairs and couples in the new dataset's train split.
        ratio: of new to earlier ones. Where the earlier datasets hold fewer, all that they hold is taken.
        training: seed, and how pairs are shuffled and augmented.
        view: how an image becomes a window.

    Raises:
        DatasetError: the earlier datasets hold nothing that could be rehearsed.
    """
    wanted = max(1, round(new_units * ratio.old / ratio.new))
    found = _Found(wanted)
    for number, (dataset, contents) in enumerate(earlier):
        for pair in dataset.pairs():
            if pair.split == "train":
                found.add(number, pair, contents.generators, training.seed)
    pairs, couples_by_dataset = found.count("pair"), found.couples()
    couples = sum(couples_by_dataset.values())
    if not pairs + couples:
        raise DatasetError(
            f"{', '.join(dataset.root for dataset, _ in earlier)}: nothing to rehearse: no pair, and in none both classes of "
            "images that stand alone. Give the datasets that the detector was trained on."
        )
    wanted = min(wanted, pairs + couples)
    wanted_couples = round(wanted * couples / (pairs + couples))
    chosen = found.take("pair", wanted - wanted_couples)
    for number, share in allocate(couples_by_dataset, wanted_couples).items():
        chosen |= found.take("real", share, number) | found.take("fake", share, number)
    parts = [
        _part(dataset, contents, {stratum: some for stratum, some in chosen.items() if stratum[0] == number})
        for number, (dataset, contents) in enumerate(earlier)
    ]
    sources = {stratum[2] for stratum in chosen if stratum[1] != "fake"}
    counts: Counter[str] = Counter()
    for (_, _, source, generators), some in chosen.items():
        counts[f"{source} {generators}".strip()] += len(some)
    return Rehearsal(
        parts=tuple(part for part in parts if part.chosen),
        available=pairs + couples,
        training=training,
        view=view,
        sources=tuple(sorted(sources)),
        by_origin=dict(sorted(counts.items())),
    )


def allocate(sizes: Mapping[Key, int], wanted: int) -> dict[Key, int]:
    """Equal shares as far as they go: how many each stratum gives, together `wanted` or all that there are.

    Args:
        sizes: what each stratum holds.
        wanted: how many are wanted in all.
    """
    shares: dict[Key, int] = {}
    left = wanted
    for place, (stratum, size) in enumerate(sorted(sizes.items(), key=lambda entry: (entry[1], str(entry[0])))):
        shares[stratum] = min(size, left // (len(sizes) - place))
        left -= shares[stratum]
    return shares


@dataclass
class _Found:
    """What may be rehearsed, no more of a stratum than could be taken.

    Attributes:
        limit: so many at most are kept of a stratum.
        sizes: how many each stratum holds.
        kept: heaps whose first element has the largest rank.
    """

    limit: int
    sizes: Counter[Stratum] = field(default_factory=Counter)
    kept: dict[Stratum, list[Candidate]] = field(default_factory=lambda: defaultdict(list))

    def add(self, number: int, pair: Pair, generators: Iterable[str], training_seed: int) -> None:
        """Count a pair, and keep it where its rank is among the smallest."""
        kind = _kind(pair)
        made = {pair.generator} - {""} if pair.is_single else set(pair.fakes)
        used = sorted(made & set(generators))
        if not used and kind != "real":
            return
        stratum = (number, kind, pair.image.source, " ".join(used))
        self.sizes[stratum] += 1
        rank = seed("rehearsal", training_seed, pair.pair_id)
        heap = self.kept[stratum]
        candidate = Candidate(-rank, pair.pair_id, pair.shard)
        if len(heap) < self.limit:
            heapq.heappush(heap, candidate)
        else:
            heapq.heappushpop(heap, candidate)

    def count(self, kind: str) -> int:
        """How many there are of a kind."""
        return sum(size for stratum, size in self.sizes.items() if stratum[1] == kind)

    def couples(self) -> dict[int, int]:
        """How many couples of images that stand alone each dataset has, each image in one at most."""
        alone: dict[int, Counter[str]] = defaultdict(Counter)
        for (number, kind, _, _), size in self.sizes.items():
            alone[number][kind] += size
        return {number: min(kinds["real"], kinds["fake"]) for number, kinds in alone.items()}

    def take(self, kind: str, wanted: int, number: int | None = None) -> dict[Stratum, list[Candidate]]:
        """So many of a kind, in equal shares; of one dataset where its number is given."""
        sizes = {
            stratum: size for stratum, size in self.sizes.items() if stratum[1] == kind and number in (None, stratum[0])
        }
        shares = allocate(sizes, wanted)
        return {stratum: heapq.nlargest(share, self.kept[stratum]) for stratum, share in shares.items() if share}


def _kind(pair: Pair) -> str:
    if not pair.is_single:
        return "pair"
    return "fake" if pair.label else "real"


def _part(dataset: Dataset, contents: Contents, chosen: Mapping[Stratum, Sequence[Candidate]]) -> EarlierPairs:
    """What is rehearsed of one dataset."""
    taken = [candidate for candidates in chosen.values() for candidate in candidates]
    lone = [[one for stratum, some in chosen.items() if stratum[1] == kind for one in some] for kind in LABELS]
    singles = Singles(
        (len(lone[0]), len(lone[1])),
        (_shards(lone[0]), _shards(lone[1])),
    )
    named = {candidate.shard for candidate in taken}
    header = dataset.header.model_copy(
        update={"shards": [shard for shard in dataset.header.shards if shard.name in named]}
    )
    pairs = len(taken) - sum(singles.counts)
    ids = frozenset(candidate.pair_id for candidate in taken)
    return EarlierPairs(replace(dataset, header=header), contents.generators, ids, singles, pairs + singles.couples)


def _shards(candidates: Iterable[Candidate]) -> tuple[str, ...]:
    return tuple(sorted({f"shards/{candidate.shard}" for candidate in candidates}))
