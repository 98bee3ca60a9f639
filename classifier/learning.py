"""One training run by lightning, which goes on where an earlier run of it was killed."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy
from lightning.pytorch.utilities.seed import isolate_rng

from classifier.callbacks import callbacks
from classifier.config import ClassifierConfig
from classifier.distillation import Teachers
from classifier.feeding import Feeding, PairsModule
from classifier.module import Learning
from classifier.network import Network, new_network
from classifier.processes import PATIENCE
from classifier.report import EpochReport
from classifier.workspace import Workspace
from manifests.errors import RecipeError, first_line

_ADVICE = (
    r"The '\w+' does not have many workers",
    r".*does not have a deterministic implementation",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # its successor is not in all versions of torch that will do
    r"`broadcast_buffers` is deprecated",
)
_OUR_STRATEGIES = ("auto", "ddp")
_TALKERS = ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.distributed")


def learn(
    feeding: Feeding,
    workspace: Workspace,
    *,
    device: str,
    progress: bool,
    teachers: Teachers | None = None,
) -> tuple[Network, tuple[EpochReport, ...]]:
    """Train a network, or go on with it.

    On a CPU, the same dataset, settings and number of threads and processes give the same weights, whether or not the
    training was killed on the way. The global random state and torch's determinism switch are left as they were.

    Args:
        feeding: what it is trained on, and how.
        workspace: where the training is kept as it goes.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.
        progress: show a progress bar.
        teachers: detectors whose answers are learnt beside the labels.

    Returns:
        The network on the CPU in evaluation mode, and a line an epoch.

    Raises:
        ModelError: the backbone or its weights cannot be had.
        RecipeError: TensorBoard is asked for and not installed, lightning refuses the strategy, or the loss grows beyond
            all bounds.
    """
    config = feeding.config
    with isolate_rng(), _deterministic(), _quiet():
        seed_everything(config.seed, workers=True, verbose=False)
        network = new_network(config, feeding.contents.image_size)
        finished = workspace.finished()
        if finished is None:
            module = Learning(network, config, feeding.batches_an_epoch, feeding.processes, teachers)
            finished = _fitted(module, feeding, workspace, device=device, progress=progress)
    weights, history = finished
    network.cpu().backbone.load_state_dict(weights)
    return network.eval(), history


def _fitted(
    module: Learning, feeding: Feeding, workspace: Workspace, *, device: str, progress: bool
) -> tuple[dict[str, torch.Tensor], tuple[EpochReport, ...]]:
    config, processes = feeding.config, feeding.processes
    accelerator, devices = _accelerator(device)
    with _explained(config.strategy):
        trainer = Trainer(
            accelerator=accelerator,
            devices=devices if processes.world == 1 else processes.here,
            num_nodes=processes.nodes,
            strategy=_strategy(feeding),
            use_distributed_sampler=False,
            precision=config.precision,
            gradient_clip_val=config.gradient_clip,
            max_epochs=config.epochs,
            callbacks=callbacks(config, workspace),
            # a new loader an epoch, so that workers learn which epoch they draw for
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            deterministic="warn",
            benchmark=False,
            logger=_logger(config, workspace),
            enable_model_summary=False,
            enable_progress_bar=progress,
            default_root_dir=workspace.state,
        )
    trainer.fit(module, datamodule=PairsModule(feeding, module), ckpt_path=workspace.begun, weights_only=True)
    weights = (workspace.best() if config.keep == "best" else None) or module.network.backbone.state_dict()
    history = tuple(module.history)
    if processes.is_first:
        workspace.finish(weights, history)
    return weights, history


def _strategy(feeding: Feeding) -> str | Strategy:
    """Lightning's strategy; batch norm's statistics are averaged before validation and not sent around at each step."""
    if feeding.processes.world == 1 or feeding.config.strategy not in _OUR_STRATEGIES:
        return feeding.config.strategy
    return DDPStrategy(broadcast_buffers=False, timeout=PATIENCE)


@contextmanager
def _explained(strategy: str) -> Iterator[None]:
    """What lightning says of a strategy that it does not know, or that cannot run here."""
    try:
        yield
    except (ImportError, MisconfigurationException, TypeError, ValueError) as error:
        if strategy in _OUR_STRATEGIES:
            raise
        raise RecipeError(
            f"classifier.strategy = {strategy!r}: lightning refuses it ({first_line(error)}). Leave it out, or name a strategy of "
            "lightning's that is installed and fits the device."
        ) from error


def _logger(config: ClassifierConfig, workspace: Workspace) -> TensorBoardLogger | bool:
    if not config.tensorboard:
        return False
    if find_spec("tensorboard") is None:
        raise RecipeError("classifier.tensorboard = true, but tensorboard is not installed: pip install tensorboard.")
    return TensorBoardLogger(workspace.folder, name="tensorboard", version="")


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
    logs = {log: log.level for log in map(logging.getLogger, _TALKERS)}
    for log in logs:
        log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for advice in _ADVICE:
                warnings.filterwarnings("ignore", message=advice)
            yield
    finally:
        for log, level in logs.items():
            log.setLevel(level)
