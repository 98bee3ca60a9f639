"""What a training is fed: each epoch's pairs, from the batch on at which a killed training goes on."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, IterableDataset

from classifier.batches import Batch, PairStream, PairWindows, batches
from classifier.config import ClassifierConfig
from classifier.contents import Contents
from classifier.module import Learning
from classifier.processes import Processes
from classifier.replay import Rehearsal
from classifier.transforms import Preprocessing
from manifests.dataset import Dataset
from manifests.errors import DatasetError


@dataclass(frozen=True)
class Feeding:
    """What a training is fed with.

    Attributes:
        dataset: its train split is learnt from and its validation split watched.
        contents: what of it is used.
        config: how.
        rehearsal: pairs of earlier datasets that are mixed among the training pairs.
        processes: those that train together; each has its own part.
    """

    dataset: Dataset
    contents: Contents
    config: ClassifierConfig
    rehearsal: Rehearsal | None
    processes: Processes

    @property
    def batches_an_epoch(self) -> int:
        """How many batches each process has; a few more where several readers' last ones are not full."""
        units = self.contents.units("train") + (self.rehearsal.units if self.rehearsal else 0)
        return ceil(units / (self.config.batch_size * self.processes.world))

    def train(self, epoch: int, first: int) -> "Iterable[Batch] | DataLoader[PairWindows]":
        """One epoch's batches.

        Args:
            epoch: whose draws.
            first: the batch to begin with; those before it are read and passed over.
        """
        loader = batches(self._stream(epoch), self.config)
        if self.processes.world > 1:
            # all processes must make the same number of steps, or they wait for one another forever
            return Stretch(loader, first, self.batches_an_epoch)
        return Stretch(loader, first, None) if first else loader

    def validation(self) -> "DataLoader[PairWindows]":
        """All batches of the validation split."""
        view = Preprocessing.of(self.config, self.contents.image_size)
        stream = PairStream(self.dataset, "validation", self.contents.generators, view, processes=self.processes)
        return batches(stream, self.config)

    def _stream(self, epoch: int) -> IterableDataset[PairWindows]:
        contents = self.contents
        stream = PairStream(
            self.dataset,
            "train",
            contents.generators,
            contents.image_size,
            training=self.config,
            epoch=epoch,
            singles=contents.singles["train"],
            processes=self.processes,
        )
        if self.rehearsal is None:
            return stream
        return self.rehearsal.mixed_into(stream, contents.units("train"), epoch, self.processes)


@dataclass(frozen=True)
class Stretch:
    """Some of the batches of a loader.

    Attributes:
        loader: where they come from.
        first: number of the first one.
        stop: number of the one after the last; the loader begins anew where it has fewer. None: to its end.
    """

    loader: "Iterable[Batch] | DataLoader[PairWindows]"
    first: int
    stop: int | None

    def __iter__(self) -> Iterator[Batch]:
        return itertools.islice(self.loader if self.stop is None else self._again(), self.first, self.stop)

    def _again(self) -> Iterator[Batch]:
        """The loader's batches, again and again."""
        is_empty = False
        while not is_empty:
            is_empty = True
            for batch in self.loader:
                is_empty = False
                yield batch
        raise DatasetError(
            "one of the processes has nothing to learn from: the shards of split train hold fewer pairs than there are "
            "processes and readers in them. Start fewer processes, or lower classifier.num_workers."
        )


class PairsModule(LightningDataModule):
    """A feeding as lightning wants it."""

    def __init__(self, feeding: Feeding, module: Learning) -> None:
        """Feed a module from where it is."""
        super().__init__()
        self._feeding = feeding
        self._module = module

    def train_dataloader(self) -> "Iterable[Batch] | DataLoader[PairWindows]":
        """The epoch's batches that are left."""
        return self._feeding.train(self._module.current_epoch, self._module.batches_taken)

    def val_dataloader(self) -> "DataLoader[PairWindows]":
        """The validation split."""
        return self._feeding.validation()
