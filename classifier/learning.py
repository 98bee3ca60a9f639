"""One training run by lightning: weighted loss, AdamW, warm-up and cosine."""

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.utilities.seed import isolate_rng
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric
from torchmetrics.classification import BinaryAUROC

from classifier.batches import Batch, PairStream, PairWindows, batches
from classifier.config import ClassifierConfig
from classifier.contents import Contents
from classifier.network import Network, new_network
from classifier.report import EpochReport
from manifests.dataset import Dataset

_ADVICE = (
    r"The '\w+' does not have many workers",
    r".*does not have a deterministic implementation",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)


def learn(
    dataset: Dataset, contents: Contents, config: ClassifierConfig, *, device: str, progress: bool, scratch: Path
) -> tuple[Network, tuple[EpochReport, ...]]:
    """Train a network on the dataset's train split, watching its validation split.

    On a CPU, the same dataset, settings and number of threads give the same weights. The global random state and
    torch's determinism switch are left as they were.

    Args:
        dataset: whole pairs are read from its shards.
        contents: what of it is used.
        config: how.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.
        progress: show a progress bar.
        scratch: a folder that lightning may regard as its own; nothing is left there.

    Returns:
        The network on the CPU in evaluation mode, and a line an epoch.
    """
    accelerator, devices = _accelerator(device)
    with isolate_rng(), _deterministic(), _quiet():
        seed_everything(config.seed, workers=True, verbose=False)
        module = _Learning(new_network(config, contents.image_size), config, contents.pairs["train"])
        trainer = Trainer(
            accelerator=accelerator,
            devices=devices,
            precision=config.precision,
            max_epochs=config.epochs,
            # a new loader an epoch, so that workers learn which epoch they draw for
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            deterministic="warn",
            benchmark=False,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=progress,
            default_root_dir=scratch,
        )
        trainer.fit(module, datamodule=_Pairs(dataset, contents, config))
    return module.network.cpu().eval(), tuple(module.history)


def rate_factor(progress: float, warmup: float) -> float:
    """The learning rate, as a share of its highest, in the course of a training.

    It rises linearly during the warm-up and then falls along a half cosine to nought (Loshchilov & Hutter, "SGDR", 2017).

    Args:
        progress: share of the training that is done, in [0, 1].
        warmup: share of the training that the rise takes, in [0, 1).
    """
    if progress < warmup:
        # never nought: the first step would be lost
        return max(progress / warmup, 0.01)
    return (1 + math.cos(math.pi * min((progress - warmup) / (1 - warmup), 1.0))) / 2


class _Pairs(LightningDataModule):
    """Train and validation pairs."""

    def __init__(self, dataset: Dataset, contents: Contents, config: ClassifierConfig) -> None:
        super().__init__()
        self._dataset = dataset
        self._contents = contents
        self._config = config

    def train_dataloader(self) -> "DataLoader[PairWindows]":
        epoch = self.trainer.current_epoch if self.trainer else 0
        generators, size = self._contents.generators, self._contents.image_size
        stream = PairStream(self._dataset, "train", generators, size, training=self._config, epoch=epoch)
        return batches(stream, self._config)

    def val_dataloader(self) -> "DataLoader[PairWindows]":
        stream = PairStream(self._dataset, "validation", self._contents.generators, self._contents.image_size)
        return batches(stream, self._config)


class _Learning(LightningModule):
    """The network, its loss and its optimiser."""

    def __init__(self, network: Network, config: ClassifierConfig, pairs: int) -> None:
        super().__init__()
        self.network = network
        self.history: list[EpochReport] = []
        self._config = config
        # the schedule counts pairs, not steps: how many steps there are depends on the number of readers
        self._pairs_in_all = pairs * config.epochs
        self._pairs_seen = 0
        self._loss = MeanMetric()
        self._auc = BinaryAUROC()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        smoothing = self._config.label_smoothing
        targets = batch.labels * (1 - smoothing) + smoothing / 2
        losses = binary_cross_entropy_with_logits(self.network(batch.images), targets, reduction="none")
        loss = (losses * batch.weights).sum() / batch.weights.sum()
        pairs = int((batch.labels == 0).sum())
        self._pairs_seen += pairs
        self._loss.update(loss.detach(), pairs)
        self.log("loss", loss, prog_bar=True, batch_size=pairs)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        self._auc.update(torch.sigmoid(self.network(batch.images)), batch.labels.int())

    def on_train_epoch_end(self) -> None:
        """Lightning calls this after the epoch's validation."""
        self.history.append(EpochReport(loss=float(self._loss.compute()), validation_auc=float(self._auc.compute())))
        self._loss.reset()
        self._auc.reset()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        matrices = [parameter for parameter in self.network.parameters() if parameter.ndim > 1]
        vectors = [parameter for parameter in self.network.parameters() if parameter.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
        optimizer = AdamW(groups, lr=self._config.learning_rate, weight_decay=self._config.weight_decay)
        scheduler = LambdaLR(optimizer, self._rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _rate_factor(self, _: int) -> float:
        return rate_factor(self._pairs_seen / self._pairs_in_all, self._config.warmup)


def _accelerator(device: str) -> tuple[str, int | list[int]]:
    """Lightning's names for a torch device."""
    kind, _, number = device.partition(":")
    return kind, [int(number)] if number else 1


@contextmanager
def _deterministic() -> Iterator[None]:
    """Put torch's determinism switch back; lightning sets it and leaves it so."""
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice, and torch's to lightning, is for those who write trainings, not for those who run them."""
    log = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for advice in _ADVICE:
                warnings.filterwarnings("ignore", message=advice)
            yield
    finally:
        log.setLevel(level)
