"""Rehearsal: pairs of earlier datasets among those of a new one, so that what was learnt from them is not forgotten.

A buffer of earlier pairs, chosen once and evenly by origin, is met once an epoch (Rolnick et al., "Experience Replay for
Continual Learning", NeurIPS 2019, for the idea).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch.utils.data import IterableDataset, get_worker_info

from classifier.batches import PairStream, PairWindows
from classifier.config import ClassifierConfig
from classifier.contents import Singles
from classifier.processes import ALONE, Processes
from classifier.shuffling import mixed
from classifier.transforms import Preprocessing
from manifests.dataset import Dataset
from manifests.seeds import seed


@dataclass(frozen=True)
class EarlierPairs:
    """The part of an earlier dataset's train split that is rehearsed.

    Attributes:
        dataset: its shards, those without a chosen pair left out.
        generators: the fakes that are wanted.
        chosen: ids of whole pairs, and of images that stand alone.
        singles: the chosen ones of these.
        units: number of pairs and couples.
    """

    dataset: Dataset
    generators: tuple[str, ...]
    chosen: frozenset[str]
    singles: Singles
    units: int


@dataclass(frozen=True)
class Rehearsal:
    """The buffer of earlier pairs.

    Attributes:
        parts: what it holds, by dataset.
        available: number of pairs and couples that it was chosen from.
        training: how they are shuffled and augmented.
        view: how an image becomes a window.
        sources: where the rehearsed reals come from.
        by_origin: how many pairs, or images that stand alone, are of each real source and generators.
    """

    parts: tuple[EarlierPairs, ...]
    available: int
    training: ClassifierConfig
    view: Preprocessing
    sources: tuple[str, ...]
    by_origin: dict[str, int]

    @property
    def generators(self) -> frozenset[str]:
        """The fakes that are rehearsed."""
        return frozenset(name for part in self.parts for name in part.generators)

    @property
    def units(self) -> int:
        """Number of pairs and couples."""
        return sum(part.units for part in self.parts)

    def mixed_into(self, new: PairStream, units: int, epoch: int, processes: Processes = ALONE) -> "MixedStream":
        """One epoch of the new pairs, with the buffer strewn evenly among them.

        Args:
            new: the new dataset's pairs.
            units: number of its pairs and couples.
            epoch: whose draws.
            processes: those that train together: this one reads its share only.
        """
        streams = [
            PairStream(
                part.dataset,
                "train",
                part.generators,
                self.view,
                training=self.training,
                epoch=epoch,
                singles=part.singles,
                only=part.chosen,
                processes=processes,
            )
            for part in self.parts
        ]
        return MixedStream([new, *streams], [units, *(part.units for part in self.parts)], self.training.seed, epoch)


class MixedStream(IterableDataset[PairWindows]):
    """Several streams as one: each pair is of one of them with a probability after the streams' sizes."""

    def __init__(self, streams: Sequence[PairStream], units: Sequence[int], training_seed: int, epoch: int) -> None:
        super().__init__()
        self._streams = streams
        self._units = units
        self._seed = training_seed
        self._epoch = epoch

    def __iter__(self) -> Iterator[PairWindows]:
        worker = get_worker_info()
        rng = random.Random(seed("rehearsal", self._seed, self._epoch, worker.id if worker else 0))
        together, size = iter(self._streams[0]), self._units[0]
        for stream, units in zip(self._streams[1:], self._units[1:], strict=True):
            together = mixed(together, stream, size / (size + units), rng)
            size += units
        return together
