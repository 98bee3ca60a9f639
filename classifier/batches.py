"""From shards to batches: whole pairs, augmented in step, the two classes of equal weight.

Images that stand alone are trained on in couples, each a real and a fake, which are treated as pairs are.
"""

import dataclasses
import functools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from classifier.ahead import ahead
from classifier.augmentation import apply, draw
from classifier.config import ClassifierConfig
from classifier.contents import NO_SINGLES, Singles
from classifier.processes import ALONE, Processes
from classifier.shards import EncodedPair, Part, read_pairs, share_out
from classifier.shuffling import Draws, couples, mixed, shuffled
from classifier.transforms import Preprocessing
from manifests.dataset import Dataset
from manifests.records import LABELS, REAL, Split
from manifests.storage import Folder


class Batch(NamedTuple):
    """The members of some pairs.

    Attributes:
        images: uint8, (n, 3, S, S), RGB.
        labels: float32, (n,): 0 real, 1 fake.
        weights: float32, (n,): 1 for a real, 1/k for each of the k fakes beside it, so that in every batch both classes
            weigh the same however many generators there are.
    """

    images: Tensor
    labels: Tensor
    weights: Tensor


@dataclass(frozen=True)
class PairWindows:
    """One pair as the network sees it.

    Attributes:
        pair: where it comes from.
        windows: (S, S, 3) uint8 RGB by member, `real` first.
    """

    pair: EncodedPair
    windows: dict[str, NDArray[np.uint8]]


class PairStream(IterableDataset[PairWindows]):
    """The pairs of one split: in the order of the shards, or shuffled and augmented for one epoch.

    Inside a worker of a `DataLoader` it yields that worker's share. The order depends on the seed, the epoch and the
    number of workers; what is done to a pair depends on none but the first two. Threads decode and augment ahead.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        generators: Sequence[str],
        view: Preprocessing | int,
        *,
        training: ClassifierConfig | None = None,
        epoch: int = 0,
        singles: Singles = NO_SINGLES,
        only: AbstractSet[str] | None = None,
        processes: Processes = ALONE,
    ) -> None:
        """Describe the stream; nothing is read yet.

        Args:
            dataset: where the shards are.
            split: which of them.
            generators: the fakes that are wanted.
            view: how an image becomes a window; a number: a window of that side, cut as `training` says.
            training: shuffle and augment as it says; None: neither, and the central window.
            epoch: which epoch's draws.
            singles: where the images that stand alone lie: in training they come in couples.
            only: ids of the pairs that are wanted; None: all.
            processes: those that train together: this one reads its share only.
        """
        super().__init__()
        self._folder: Folder = dataset.folder
        self._shards = dataset.shards(split)
        self._generators = tuple(generators)
        if isinstance(view, int):
            view = Preprocessing(view) if training is None else Preprocessing.of(training, view)
        self._view = view
        self._training = training
        settings = training or ClassifierConfig()
        self._threads, self._distance = settings.decoding_threads, settings.batch_size
        self._epoch = epoch
        self._singles = singles
        self._only = only
        self._processes = processes
        shards = [shard for shard in dataset.header.shards if shard.split == split]
        paired = sum(shard.pairs for shard in shards if f"shards/{shard.name}" not in singles.all_shards)
        self._pairs = paired if only is None else len(only) - sum(singles.counts)

    def __iter__(self) -> Iterator[PairWindows]:
        worker = get_worker_info()
        reader, readers = self._processes.reader(worker.id, worker.num_workers) if worker else self._processes.reader()
        if self._training is None:
            pairs = self._read(share_out(self._shards, reader, readers))
            return ahead(self._plain, pairs, threads=self._threads, distance=self._distance)
        pairs = self._shuffled(self._training, reader, readers)
        work = functools.partial(self._augmented, self._training)
        return ahead(work, pairs, threads=self._threads, distance=self._distance)

    def _plain(self, pair: EncodedPair) -> PairWindows:
        return PairWindows(pair, pair.windows(self._view))

    def _augmented(self, training: ClassifierConfig, pair: EncodedPair) -> PairWindows:
        drawn = draw(training.augmentation, training.seed, self._epoch, pair.pair_id)
        if pair.is_couple:
            # two pictures that have nothing to do with one another are never blended
            drawn = dataclasses.replace(drawn, blend=None)
        return PairWindows(pair, apply(drawn, pair.windows(self._view, drawn.place)))

    def _read(self, parts: Sequence[Part]) -> Iterator[EncodedPair]:
        pairs = read_pairs(self._folder, parts, self._generators)
        return pairs if self._only is None else (pair for pair in pairs if pair.pair_id in self._only)

    def _shuffled(self, training: ClassifierConfig, reader: int, readers: int) -> Iterator[EncodedPair]:
        """Shards in a random order, the same for all readers; pairs drawn from a buffer of those read."""
        shards = [shard for shard in self._shards if shard not in self._singles.all_shards]
        draws = Draws(training.seed, self._epoch, reader, readers, training.shuffle_buffer)
        draws.common_rng("shards").shuffle(shards)
        pairs = shuffled(self._read(share_out(shards, reader, readers)), draws.buffer, draws.rng("pairs"))
        if not self._singles.couples:
            return pairs
        share = self._pairs / (self._pairs + self._singles.couples)
        return mixed(pairs, couples(self._read, self._singles, draws), share, draws.rng("mixed"))


def collate(pairs: Sequence[PairWindows]) -> Batch:
    """Members of pairs, one after the other: each real, then its fakes; an image that stands alone weighs 1."""
    images = [window for pair in pairs for window in pair.windows.values()]
    labels = [LABELS["real" if name == REAL else "fake"] for pair in pairs for name in pair.windows]
    weights = [1.0 if name == REAL else 1 / max(len(pair.windows) - 1, 1) for pair in pairs for name in pair.windows]
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return Batch(stacked, torch.tensor(labels, dtype=torch.float32), torch.tensor(weights, dtype=torch.float32))


def batches(stream: IterableDataset[PairWindows], config: ClassifierConfig) -> "DataLoader[PairWindows]":
    """A loader of `Batch`es of `config.batch_size` pairs; the last of each worker may be smaller."""
    return _loader(stream, config, collate)


def pairs_in_batches(stream: PairStream, config: ClassifierConfig) -> "DataLoader[PairWindows]":
    """A loader of lists of `config.batch_size` pairs, for evaluation."""
    return _loader(stream, config, list)


def _loader(
    stream: IterableDataset[PairWindows], config: ClassifierConfig, collate_pairs: Callable[[list[PairWindows]], object]
) -> "DataLoader[PairWindows]":
    return DataLoader(
        stream,
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        multiprocessing_context=_readers() if config.num_workers else None,
        collate_fn=collate_pairs,
        pin_memory=torch.cuda.is_available(),
        # a loader seeds its workers from this; without it, it would draw on the global generator
        generator=torch.Generator().manual_seed(config.seed),
    )


def _readers() -> ForkServerContext:
    """How reading processes come to be: forked from one that has no threads.

    A fork of this process would have the locks of Prefect's and fsspec's threads, and at its end their clean-up, which fails.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context
