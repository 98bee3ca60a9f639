"""evaluate_detectors: what one or several detectors are worth on images, whoever made either."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from classifier.comparison import BASELINES, ENSEMBLE, Candidate
from classifier.evaluation import evaluate
from classifier.evaluation_report import Evaluation
from classifier.examples import Scored
from classifier.opening import open_detector
from flows.device import device
from flows.evaluation_images import EvaluationImages
from flows.progress import counting
from manifests.errors import ModelError


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation found, and the images it was made on."""

    evaluation: Evaluation
    scored: Scored
    images: EvaluationImages


def evaluate_detectors(detectors: Sequence[str], images: EvaluationImages, *, robustness_groups: int = 0) -> Evaluated:
    """Measure detectors on the same images.

    Args:
        detectors: folders that a training wrote, or `KIND=FILE` for the published checkpoint of a public baseline.
        images: what they are measured on.
        robustness_groups: how many pairs or groups the grid of processing is tried on; 0: no grid.

    Raises:
        ModelError: a detector cannot be loaded.
        DatasetError: the images cannot be read, or not one could be scored.
    """
    opened = _open(detectors)
    notes = [note for detector in opened for note in _overlap(detector, images)]
    described = replace(images.described, notes=(*images.described.notes, *notes))
    with counting("evaluate", None if robustness_groups else images.count, "images") as advance:
        evaluation, scored = evaluate(
            images.examples,
            described,
            [detector.candidate for detector in opened],
            robustness_groups=robustness_groups,
            advance=advance,
        )
    return Evaluated(evaluation, scored, images)


@dataclass(frozen=True)
class _Opened:
    """A detector, and the digest of the dataset that it was trained on; empty where that is not known."""

    candidate: Candidate
    digest: str = ""


def _open(detectors: Sequence[str]) -> list[_Opened]:
    opened: list[_Opened] = []
    # an ensemble of them has this name
    taken = {ENSEMBLE}
    for text in detectors:
        kind, _, file = text.partition("=")
        is_baseline = bool(file) and not Path(text).exists()
        if is_baseline and kind not in BASELINES:
            raise ModelError(f"{text}: no baseline is called {kind!r}; there are {', '.join(BASELINES)}.")
        name = _unused(kind if is_baseline else _name(text), taken)
        taken.add(name)
        if is_baseline:
            from classifier.baselines import load_baseline

            opened.append(_Opened(load_baseline(kind, name, file, device())))
        else:
            detector = open_detector(text)
            opened.append(_Opened(Candidate.of_detector(name, detector), detector.config.dataset_digest))
    return opened


def _name(folder: str) -> str:
    """The folder's own name; the build's, where it is the detector in a build."""
    path = Path(folder).resolve()
    return path.parent.name if path.name == "detector" else path.name


def _unused(name: str, taken: set[str]) -> str:
    number = 2
    unused = name
    while unused in taken:
        unused = f"{name}-{number}"
        number += 1
    return unused


def _overlap(detector: _Opened, images: EvaluationImages) -> list[str]:
    """What makes the figures of a detector too good to be true."""
    split, name = images.described.split, detector.candidate.standing.name
    if not detector.digest or detector.digest != images.described.digest or split == "test":
        return []
    if split == "train":
        return [f"{name} was trained on these very images: its figures say nothing about others."]
    return [
        f"The threshold and the temperature of {name} were chosen on these images: its figures are a little too good."
    ]
