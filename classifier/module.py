"""What lightning trains: the network, its loss, its optimiser, and what it takes to go on after a kill."""

from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from timm.utils.distributed import distribute_bn
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import AdamW
from torchmetrics import MeanMetric
from torchmetrics.classification import BinaryAUROC

from classifier.batches import Batch
from classifier.config import ClassifierConfig
from classifier.distillation import Teachers
from classifier.network import Network
from classifier.optimiser import new_optimiser, set_rates
from classifier.processes import Processes
from classifier.report import EpochReport
from classifier.schedule import step_at
from manifests.errors import RecipeError
from manifests.seeds import seed

_STATE = "learning"


class Learning(LightningModule):
    """The network while it is trained.

    Attributes:
        network: what is trained.
        history: a line for each epoch that is done.
        batches_taken: how many this process has had in this epoch.
    """

    def __init__(
        self,
        network: Network,
        config: ClassifierConfig,
        batches_an_epoch: int,
        processes: Processes,
        teachers: Teachers | None = None,
    ) -> None:
        """Set up a training.

        Args:
            network: with its first weights.
            config: how it is trained.
            batches_an_epoch: about how many a process has: the schedule waits where there are more.
            processes: those that train together.
            teachers: detectors whose answers are learnt beside the labels.
        """
        super().__init__()
        self.network = network
        self.history: list[EpochReport] = []
        self.batches_taken = 0
        self._config = config
        self._batches_an_epoch = batches_an_epoch
        self._processes = processes
        self._teachers = teachers
        self._loss = MeanMetric(nan_strategy="disable")
        self._loss.persistent(mode=True)
        self._auc = BinaryAUROC()

    def configure_optimizers(self) -> AdamW:
        """The optimiser; its rates are set before each step."""
        return new_optimiser(self.network.backbone, self._config)

    def on_train_batch_start(self, *_: Any) -> None:
        """Make ready for one step."""
        # what a step draws (dropout) follows from its number, so that a training goes on after a kill as it would have
        torch.manual_seed(seed("step", self._config.seed, self.current_epoch, self.batches_taken, self._processes.rank))
        epochs = self.current_epoch + min(self.batches_taken / self._batches_an_epoch, 1.0)
        set_rates(self._optimiser, self._config, step_at(epochs / self._config.epochs, self._config))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch, both classes weighing the same."""
        smoothing = self._config.label_smoothing
        targets = batch.labels * (1 - smoothing) + smoothing / 2
        logits = self.network(batch.images)
        losses = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        if self._teachers is not None:
            losses = self._teachers.blended(losses, logits, batch.images)
        loss = (losses * batch.weights).sum() / batch.weights.sum()
        pairs = int((batch.labels == 0).sum())
        self.batches_taken += 1
        self._loss.update(loss.detach(), pairs)
        self.log("loss", loss, prog_bar=True, batch_size=pairs)
        return loss

    def on_validation_start(self) -> None:
        """Stop where nothing is learnt any more; judge by common statistics."""
        if not torch.isfinite(self._loss.compute()):
            raise RecipeError(
                f"the loss is no number any more in epoch {self.current_epoch + 1}: lower classifier.learning_rate, or set "
                "classifier.gradient_clip."
            )
        self._share_norms()

    def on_validation_epoch_start(self) -> None:
        """Once more: the averaged weights may have taken the place of the others by now."""
        self._share_norms()

    def validation_step(self, batch: Batch, _: int) -> None:
        """Remember what one batch's images are taken for."""
        self._auc.update(torch.sigmoid(self.network(batch.images)), batch.labels.int())

    def on_validation_epoch_end(self) -> None:
        """Log the AUC, for early stopping."""
        self.log("validation_auc", self._auc.compute(), prog_bar=True, sync_dist=True)

    def validation_auc(self) -> float:
        """AUC of the validation images seen since the last epoch's end, of all processes."""
        return float(self._auc.compute())

    def on_train_epoch_end(self) -> None:
        """Lightning calls this after the epoch's validation."""
        self.history.append(
            EpochReport(
                loss=float(self._loss.compute()),
                validation_auc=self.validation_auc(),
                steps=self.global_step,
                learning_rate=max(group["lr"] for group in self._optimiser.param_groups),
            )
        )
        self._loss.reset()
        self._auc.reset()
        self.batches_taken = 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what lightning does not keep."""
        checkpoint[_STATE] = {
            "batches_taken": self.batches_taken,
            "history": [report.model_dump() for report in self.history],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        self.batches_taken = checkpoint[_STATE]["batches_taken"]
        self.history = [EpochReport.model_validate(report) for report in checkpoint[_STATE]["history"]]

    @property
    def _optimiser(self) -> AdamW:
        optimiser: Any = self.optimizers(use_pl_optimizer=False)
        return cast("AdamW", optimiser)

    def _share_norms(self) -> None:
        """Each process has seen other batches; from here on all judge by the same statistics of batch norm."""
        if self._processes.world > 1:
            distribute_bn(self.network, self._processes.world, reduce=True)  # type: ignore[no-untyped-call]
