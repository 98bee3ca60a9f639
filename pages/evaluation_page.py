"""The page of an evaluation: one HTML file that needs nothing beside itself and asks for nothing from anywhere."""

from collections.abc import Mapping

import numpy as np

from classifier.calibration import calibrated, logits_of
from classifier.evaluation_report import DetectorEvaluation, Evaluation, SideResult
from pages import evaluation_figures, figures
from pages.audit_images import Thumbnail
from pages.templating import environment

Table = dict[str, dict[str, object]]


def shown_names(evaluation: Evaluation) -> list[str]:
    """The images that the page shows, each once."""
    return list(
        dict.fromkeys(
            image.name
            for detector in evaluation.detectors
            for gallery in detector.galleries
            for images in (gallery.mistakes, gallery.most_confident, gallery.least_confident)
            for image in images
        )
    )


def render_evaluation(evaluation: Evaluation, images: Mapping[str, Thumbnail]) -> str:
    """The page as HTML.

    Args:
        evaluation: what was found.
        images: those that `shown_names` names; those that are missing are named in words.
    """
    return (
        environment()
        .get_template("evaluation.html")
        .render(
            evaluation=evaluation,
            data=evaluation.data,
            images=images,
            numbers={name: number for number, name in enumerate(images)},
            figures=figures,
            drawn=evaluation_figures,
            crossed={detector.name: _crossed(detector) for detector in evaluation.detectors},
            cuts={detector.name: _cut(detector) for detector in evaluation.detectors},
            sides=_sides,
        )
    )


def _crossed(detector: DetectorEvaluation) -> Table:
    """The cells by generator, and in that by source."""
    table: Table = {}
    for cell in detector.table:
        table.setdefault(cell.generator, {})[cell.source] = cell
    return table


def _cut(detector: DetectorEvaluation) -> float:
    """The threshold as a calibrated probability."""
    return float(calibrated(logits_of(np.array([detector.threshold])), detector.temperature)[0])


def _sides(results: tuple[SideResult, ...]) -> dict[str, SideResult]:
    return {result.side: result for result in results}
