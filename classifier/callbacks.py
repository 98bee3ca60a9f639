"""What happens beside the training: the best weights, checkpoints and the curve are kept as it goes."""

import csv
import io
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint, EarlyStopping, EMAWeightAveraging

from classifier.config import ClassifierConfig
from classifier.module import Learning
from classifier.report import CURVE, EpochReport
from classifier.workspace import Workspace
from manifests.storage import Folder
from manifests.storage_errors import explained_on_disk


def callbacks(config: ClassifierConfig, workspace: Workspace) -> list[Callback]:
    """The callbacks of a training, in the order in which they must be called."""
    found: list[Callback] = []
    if config.keep == "best":
        # before the average, which puts the weights that were validated away again
        found.append(_Best(workspace))
    if config.ema is not None:
        found.append(EMAWeightAveraging(decay=config.ema))
    if config.patience is not None:
        found.append(EarlyStopping("validation_auc", mode="max", patience=config.patience))
    found.append(_Checkpoints(workspace, config))
    return found


class _Best(Callback):
    """Keeps the weights with the best AUC on validation, the earliest of several."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._auc = float("-inf")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = _learning(pl_module)
        auc = module.validation_auc()
        if auc > self._auc:
            self._auc = auc
            if trainer.is_global_zero:
                self._workspace.keep_best(module.network.backbone.state_dict())

    def state_dict(self) -> dict[str, Any]:
        return {"auc": self._auc}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._auc = state_dict["auc"]


class _Checkpoints(Checkpoint):
    """Keeps the training as it is, every so many steps and after each epoch; and the curve."""

    def __init__(self, workspace: Workspace, config: ClassifierConfig) -> None:
        super().__init__()
        self._workspace = workspace
        self._steps = config.checkpoint_steps
        self._epochs = config.epochs

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        # after the last batch of an epoch comes a checkpoint anyway, and lightning cannot go on from before validation
        is_last = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        if trainer.global_step % self._steps == 0 and not is_last:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            Folder.at(str(self._workspace.folder)).write(CURVE, _curve(_learning(pl_module).history))
        # what comes out of the last epoch is kept as the outcome
        if not trainer.should_stop and trainer.current_epoch + 1 < self._epochs:
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        temporary = self._workspace.checkpoint.with_suffix(".partial")
        with explained_on_disk(self._workspace.state):
            trainer.save_checkpoint(temporary, weights_only=False)
            if trainer.is_global_zero:
                temporary.replace(self._workspace.checkpoint)


def _curve(history: list[EpochReport]) -> bytes:
    """`metrics.csv`: a line for each epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["epoch", *EpochReport.model_fields], lineterminator="\n")
    writer.writeheader()
    writer.writerows({"epoch": epoch, **report.model_dump()} for epoch, report in enumerate(history, start=1))
    return text.getvalue().encode()


def _learning(module: LightningModule) -> Learning:
    if not isinstance(module, Learning):
        raise TypeError(f"these callbacks belong to a Learning, not to a {type(module).__name__}")
    return module
