"""From shards to batches: whole pairs, augmented in step, the two classes of equal weight."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from classifier.augmentation import apply, centre, draw
from classifier.config import ClassifierConfig
from classifier.shards import REAL, EncodedPair, Part, read_pairs, share_out
from manifests.dataset import Dataset
from manifests.records import LABELS, Split
from manifests.seeds import seed
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
    number of workers; what is done to a pair depends on none but the first two.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        generators: Sequence[str],
        size: int,
        *,
        training: ClassifierConfig | None = None,
        epoch: int = 0,
    ) -> None:
        """Describe the stream; nothing is read yet.

        Args:
            dataset: where the shards are.
            split: which of them.
            generators: the fakes that are wanted.
            size: side of the window, pixels.
            training: shuffle and augment as it says; None: neither, and the central window.
            epoch: which epoch's draws.
        """
        super().__init__()
        self._folder: Folder = dataset.folder
        self._shards = dataset.shards(split)
        self._generators = tuple(generators)
        self._size = size
        self._training = training
        self._epoch = epoch

    def __iter__(self) -> Iterator[PairWindows]:
        worker = get_worker_info()
        reader, readers = (worker.id, worker.num_workers) if worker else (0, 1)
        if self._training is None:
            for pair in self._read(share_out(self._shards, reader, readers)):
                yield PairWindows(pair, {name: centre(image, self._size) for name, image in pair.decode().items()})
            return
        for pair in self._shuffled(self._training, reader, readers):
            drawn = draw(self._training.augmentation, self._training.seed, self._epoch, pair.pair_id)
            yield PairWindows(pair, {name: apply(drawn, image, self._size) for name, image in pair.decode().items()})

    def _read(self, parts: list[Part]) -> Iterator[EncodedPair]:
        return read_pairs(self._folder, parts, self._generators)

    def _shuffled(self, training: ClassifierConfig, reader: int, readers: int) -> Iterator[EncodedPair]:
        """Shards in a random order, the same for all readers; pairs drawn from a buffer of those read."""
        shards = list(self._shards)
        random.Random(seed("shards", training.seed, self._epoch)).shuffle(shards)
        rng = random.Random(seed("pairs", training.seed, self._epoch, reader))
        buffer: list[EncodedPair] = []
        for pair in self._read(share_out(shards, reader, readers)):
            buffer.append(pair)
            if len(buffer) >= training.shuffle_buffer:
                yield _take(buffer, rng)
        while buffer:
            yield _take(buffer, rng)


def _take(buffer: list[EncodedPair], rng: random.Random) -> EncodedPair:
    """A random one; the last takes its place, so that taking costs the same from any buffer."""
    place = rng.randrange(len(buffer))
    buffer[place], buffer[-1] = buffer[-1], buffer[place]
    return buffer.pop()


def collate(pairs: Sequence[PairWindows]) -> Batch:
    """Members of pairs, one after the other: each real, then its fakes."""
    images = [window for pair in pairs for window in pair.windows.values()]
    labels = [LABELS["real" if name == REAL else "fake"] for pair in pairs for name in pair.windows]
    weights = [1.0 if name == REAL else 1 / (len(pair.windows) - 1) for pair in pairs for name in pair.windows]
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return Batch(stacked, torch.tensor(labels, dtype=torch.float32), torch.tensor(weights, dtype=torch.float32))


def batches(stream: PairStream, config: ClassifierConfig) -> "DataLoader[PairWindows]":
    """A loader of `Batch`es of `config.batch_size` pairs; the last of each worker may be smaller."""
    return _loader(stream, config, collate)


def pairs_in_batches(stream: PairStream, config: ClassifierConfig) -> "DataLoader[PairWindows]":
    """A loader of lists of `config.batch_size` pairs, for evaluation."""
    return _loader(stream, config, list)


def _loader(
    stream: PairStream, config: ClassifierConfig, collate_pairs: Callable[[list[PairWindows]], object]
) -> "DataLoader[PairWindows]":
    return DataLoader(
        stream,
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        collate_fn=collate_pairs,
        pin_memory=torch.cuda.is_available(),
        # a loader seeds its workers from this; without it, it would draw on the global generator
        generator=torch.Generator().manual_seed(config.seed),
    )
