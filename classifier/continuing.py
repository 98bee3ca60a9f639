"""Continual learning: a trained detector goes on with a new dataset, rehearses earlier ones, and says what it forgot."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from classifier.config import ClassifierConfig
from classifier.contents import Contents, survey
from classifier.detector import Detector
from classifier.devices import resolved_device
from classifier.metrics import predictions_metrics
from classifier.processes import Processes
from classifier.replay_choice import choose_rehearsal
from classifier.replay_config import ContinueConfig, ReplayRatio
from classifier.report import WEIGHTS, SplitMetrics
from classifier.training import predict_split, train
from classifier.transforms import Preprocessing
from manifests.dataset import Dataset
from manifests.errors import DatasetError, TwinsetError
from manifests.storage import Folder

FORGETTING = "forgetting.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Retained(_Record):
    """One dataset's test split, before and after; each by the threshold that the detector then had."""

    dataset: str = Field(description="the dataset's name")
    digest: str = Field(description="of its index; empty when it had none")
    is_new: bool = Field(description="whether it is what was learnt now, and not an earlier one")
    before: SplitMetrics
    after: SplitMetrics


class Forgetting(_Record):
    """`forgetting.json`: what a detector gained on the new dataset, and lost on the earlier ones."""

    detector_digest: str = Field(description="of the dataset that the detector had been trained on")
    replay: ReplayRatio
    rehearsed: int = Field(description="pairs and couples in the rehearsal buffer")
    available: int = Field(description="pairs and couples that it was chosen from")
    by_origin: dict[str, int] = Field(
        description="how many images or pairs of each real source and generators it holds"
    )
    datasets: tuple[Retained, ...] = Field(description="the new one first")


def continue_training(
    detector: Path,
    new: Dataset,
    earlier: Sequence[Dataset],
    settings: ContinueConfig,
    out: Path,
    *,
    device: str = "auto",
    progress: bool = False,
    force: bool = False,
) -> Forgetting:
    """Let a detector learn a new dataset without forgetting the earlier ones.

    Args:
        detector: folder of the trained detector; it is left as it is.
        new: what is to be learnt.
        earlier: what is rehearsed; normally what the detector was trained on.
        settings: how.
        out: folder for the new detector, which also gets `forgetting.json`.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.
        progress: show a progress bar.
        force: train even where the new dataset's audit failed.

    Raises:
        ModelError: there is no detector.
        DatasetError: a dataset is damaged or given twice, or there is nothing to rehearse.
        RecipeError: a dataset's images are smaller than what the detector sees.
        GateError: the new dataset's audit failed.
        TwinsetError: `out` is the detector's own folder, or holds something else than a detector.
    """
    if out.resolve() == detector.resolve():
        raise TwinsetError(f"{out}: the detector's own folder. Choose another --out: both are needed to compare them.")
    _check_different([new, *earlier])
    device = resolved_device(device)
    first = Detector.load(detector, device)
    training = settings.training(first.config.training, str(detector / WEIGHTS), first.config.image_size)
    datasets = [(dataset, survey(dataset, training)) for dataset in (new, *earlier)]
    view = Preprocessing.of(training, first.config.image_size)
    rehearsal = choose_rehearsal(datasets[1:], datasets[0][1].units("train"), settings.replay, training, view)
    before = [_test_metrics(first, dataset, contents, training) for dataset, contents in datasets]
    train(new, training, out, device=device, progress=progress, force=force, rehearsal=rehearsal)
    second = Detector.load(out, device)
    after = [_test_metrics(second, dataset, contents, training) for dataset, contents in datasets]
    report = Forgetting(
        detector_digest=first.config.dataset_digest,
        replay=settings.replay,
        rehearsed=rehearsal.units,
        available=rehearsal.available,
        by_origin=rehearsal.by_origin,
        datasets=tuple(
            Retained(dataset=dataset.header.name, digest=dataset.digest, is_new=dataset is new, before=old, after=now)
            for (dataset, _), old, now in zip(datasets, before, after, strict=True)
        ),
    )
    if Processes.of_environment().is_first:
        Folder.at(str(out)).write(FORGETTING, report.model_dump_json(indent=2).encode())
    return report


def _test_metrics(detector: Detector, dataset: Dataset, contents: Contents, training: ClassifierConfig) -> SplitMetrics:
    predictions = predict_split(detector, dataset, "test", contents, training)
    return predictions_metrics(predictions, detector.config.threshold, detector.config.temperature)


def _check_different(datasets: Sequence[Dataset]) -> None:
    seen: set[str] = set()
    for dataset in datasets:
        if dataset.root in seen:
            raise DatasetError(f"{dataset.root}: given twice. What is new cannot be rehearsed; give each dataset once.")
        seen.add(dataset.root)
