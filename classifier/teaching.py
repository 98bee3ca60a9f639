"""From trained specialists to one student: each teacher is calibrated, then the student learns from all of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from classifier.calibration import fit_temperature, logits_of
from classifier.config import ClassifierConfig
from classifier.contents import Contents, survey
from classifier.detector import Detector
from classifier.devices import resolved_device
from classifier.distillation import Teacher, Teachers
from classifier.distillation_config import DistillConfig
from classifier.metrics import predictions_metrics
from classifier.opening import open_detector
from classifier.predictions import Predictions
from classifier.processes import Processes
from classifier.report import SplitMetrics
from classifier.training import predict_split, train
from manifests.dataset import Dataset
from manifests.errors import ModelError
from manifests.records import REAL
from manifests.storage import Folder

DISTILLATION = "distillation.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TeacherReport(_Record):
    """One teacher."""

    name: str = Field(description="of its folder")
    dataset_digest: str = Field(description="of what it was trained on")
    generators: tuple[str, ...] = Field(description="the fakes that it was trained on")
    calibrated_on: tuple[str, ...] = Field(
        description="the fakes of the validation split that its temperature was fitted on"
    )
    temperature: float
    validation: SplitMetrics = Field(description="on all of the student's validation split, by its own threshold")


class Distillation(_Record):
    """`distillation.json`: who taught the student, and how well each does on the same validation images."""

    settings: DistillConfig
    teachers: tuple[TeacherReport, ...]
    student: SplitMetrics = Field(description="on validation, by its own threshold")


def distil(
    dataset: Dataset,
    teachers: Sequence[Path],
    config: ClassifierConfig,
    settings: DistillConfig,
    out: Path,
    *,
    device: str = "auto",
    progress: bool = False,
    force: bool = False,
) -> Distillation:
    """Train a student on a dataset's labels and on what calibrated teachers answer.

    A teacher's temperature is fitted on the reals of the validation split and on the fakes that the teacher knows; on all
    fakes where it knows none of them.

    Args:
        dataset: what the student learns from.
        teachers: folders of trained detectors, or published checkpoints.
        config: the student: its backbone, and how it is trained.
        settings: how the teachers' answers are combined, softened and weighed.
        out: folder for the student, which also gets `distillation.json`.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.
        progress: show a progress bar.
        force: train even where the audit failed.

    Raises:
        ModelError: a teacher cannot be loaded, sees larger images than the student, or two lie in folders of one name.
        DatasetError: the dataset is damaged, or a split is empty or holds one class only.
        RecipeError: the settings do not fit the dataset.
        GateError: the dataset's audit failed.
        TwinsetError: `out` holds something else than a detector.
    """
    device = resolved_device(device)
    names = _names(teachers)
    contents = survey(dataset, config)
    members: list[Teacher] = []
    reports: list[TeacherReport] = []
    for name, folder in zip(names, teachers, strict=True):
        detector = open_detector(str(folder), device)
        _check_size(folder, detector, contents)
        predictions = predict_split(detector, dataset, "validation", contents, config)
        known = _known(predictions, detector)
        temperature = fit_temperature(logits_of(known.scores), known.labels)
        members.append(Teacher(detector.network, temperature, detector.config.image_size))
        reports.append(
            TeacherReport(
                name=name,
                dataset_digest=detector.config.dataset_digest,
                generators=detector.config.generators,
                calibrated_on=tuple(sorted(set(known.text("member").tolist()) - {REAL})),
                temperature=temperature,
                validation=predictions_metrics(predictions, detector.config.threshold, temperature),
            )
        )
    report = train(
        dataset, config, out, device=device, progress=progress, force=force, teachers=Teachers(tuple(members), settings)
    )
    return _written(Distillation(settings=settings, teachers=tuple(reports), student=report.validation), out)


def _written(distillation: Distillation, out: Path) -> Distillation:
    if Processes.of_environment().is_first:
        Folder.at(str(out)).write(DISTILLATION, distillation.model_dump_json(indent=2).encode())
    return distillation


def _names(teachers: Sequence[Path]) -> list[str]:
    """What the teachers are called: by their folders."""
    if not teachers:
        raise ModelError("no teachers: give the folder of at least one trained detector.")
    names = [folder.resolve().name for folder in teachers]
    names = [
        folder.resolve().parent.name if name == "detector" else name
        for folder, name in zip(teachers, names, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"{name}: two teachers lie in folders of this name; rename one, or give each once.")
    return names


def _check_size(folder: Path, detector: Detector, contents: Contents) -> None:
    if detector.config.image_size > contents.image_size:
        raise ModelError(
            f"{folder}: this teacher sees {detector.config.image_size} pixels, the student {contents.image_size}: set "
            f"classifier.image_size to {detector.config.image_size} or more."
        )


def _known(predictions: Predictions, detector: Detector) -> Predictions:
    """The reals, and the fakes of the generators that a teacher knows; all where it knows none."""
    known = np.isin(predictions.text("member"), [REAL, *detector.config.generators])
    chosen = predictions.where(known)
    return chosen if len(set(chosen.labels.tolist())) > 1 else predictions
