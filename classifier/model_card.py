"""The model card of a detector: `README.md` in the Hub's format, with the measured figures as its model index.

Mitchell et al., "Model cards for model reporting", FAT* 2019; every number in it was measured on the test split.
"""

from collections.abc import Iterator

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from classifier.report import Composition, DetectorConfig, DetectorReport, SplitMetrics
from classifier.timm_config import timm_keys
from manifests.errors import printable
from manifests.markdown import code, inline

_FIGURES = {
    "auc": ("roc_auc", "AUC"),
    "ap": ("average_precision", "average precision"),
    "accuracy": ("accuracy", "accuracy"),
    "balanced_accuracy": ("balanced_accuracy", "balanced accuracy"),
    "precision": ("precision", "precision"),
    "recall": ("recall", "recall"),
    "f1": ("f1", "F1"),
    "false_positive_rate": ("false_positive_rate", "false positive rate (reals called fake)"),
    "false_negative_rate": ("false_negative_rate", "false negative rate (fakes called real)"),
    "tpr_at_1_fpr": ("tpr_at_1_fpr", "recall at 1 % false positives"),
    "tpr_at_5_fpr": ("tpr_at_5_fpr", "recall at 5 % false positives"),
    "ece": ("expected_calibration_error", "expected calibration error, after temperature scaling"),
}
"""The Hub's name and ours, by field of `SplitMetrics`."""

_LEARNT_FROM: dict[Composition, str] = {
    "pairs": "pairs of a real photograph and fakes made to match it",
    "singles": "photographs and generated images that were not made to match one another",
    "both": "pairs of a real photograph and fakes made to match it, and images that were not made to match one another",
}

_PROHIBITED = (
    "As the only ground for a decision about a person: an accusation, a ban, a grade, a refusal of payment.",
    "As evidence that a photograph is genuine. “Not called fake” says nothing about editing, staging or other generators.",
    "On images of generators, cameras or kinds of processing unlike those it was measured on, without measuring it there first.",
    "To identify, rate or single out the people in images.",
)


def model_card(config: DetectorConfig, report: DetectorReport) -> str:
    """The card as Markdown with the Hub's header.

    Args:
        config: the detector's settings.
        report: what its training measured.
    """
    name = printable(config.dataset_name) or "unnamed"
    for_timm = bool(timm_keys(config))
    data = ModelCardData(
        model_name=f"{name}-{config.backbone}",
        library_name="timm" if for_timm else "twinset",
        pipeline_tag="image-classification",
        tags=["image-classification", *(["timm"] if for_timm else []), "twinset", "generated-image-detection"],
        eval_results=list(_results(name, config, report.test)),
    )
    body = "\n".join(_body(name, config, report))
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}"))


def _results(name: str, config: DetectorConfig, test: SplitMetrics) -> Iterator[EvalResult]:
    for field, (metric, title) in _FIGURES.items():
        value = getattr(test, field)
        if value is not None:
            yield EvalResult(
                task_type="image-classification",
                task_name="Real or generated",
                dataset_type=name,
                dataset_name=name,
                dataset_split="test",
                dataset_revision=config.dataset_digest or None,
                metric_type=metric,
                metric_name=title,
                metric_value=round(float(value), 6),
            )


def _body(name: str, config: DetectorConfig, report: DetectorReport) -> Iterator[str]:
    test = report.test
    yield f"# Real or generated: {config.backbone} on {inline(name)}\n"
    yield (
        f"A detector of generated images, trained by twinset on {_LEARNT_FROM[config.composition]}. It gives an image a "
        f"probability of being fake; above a score of {config.threshold:.4f}, which validation chose, it says “fake”.\n"
    )
    yield f"{_error_sentence(test)}\n"
    if config.dataset_audit == "failed":
        yield (
            "**Its dataset did not pass its audit.** Something else than their origin tells its reals from its fakes, on the "
            "test split too: the figures below may say how well the detector knows that, and need not hold elsewhere.\n"
        )
    yield "## Training data\n"
    yield f"- Dataset: {code(name)}" + (f", index sha256 `{config.dataset_digest}`" if config.dataset_digest else "")
    yield f"- Audit: {config.dataset_audit}"
    if config.rehearsed:
        yield f"- Rehearsed from earlier datasets: {_listed(config.rehearsed)}"
    yield f"- Fakes of: {_listed(config.generators)}"
    yield f"- Reals of: {_listed(config.sources)}"
    yield f"- Input: {_input(config)}\n"
    yield f"## Measured on its test split ({test.n_real} reals, {test.n_fake} fakes)\n"
    yield from _table(test)
    yield ""
    yield "Intervals: bootstrap over pairs (groups, where images are unpaired). Fake is the positive class.\n"
    yield "| generator | fakes | AUC | recall |\n|---|---|---|---|"
    for generator, found in sorted(report.by_generator.items()):
        yield f"| {code(generator)} | {found.n} | {_number(found.auc)} | {_number(found.recall)} |"
    yield "\n## Limits\n"
    yield (
        "- The figures hold for images like those of the test split: the same sources, the same generators, the same "
        "processing. Other generators are found less often, and other sources may be called fake more often."
    )
    yield "- Recompression, resizing, screenshots and filters change the answers; `twinset evaluate --robustness` says how far."
    yield (
        "- The probability is calibrated for a set with as many fakes as its validation split had. Where fakes are rare, "
        "most of what is called fake is real, even at a low false positive rate."
    )
    yield "- An edited photograph, or a photograph of a generated image, is neither of the two classes.\n"
    yield "## Intended uses\n"
    yield "- Research on generated images and on what detectors learn."
    yield "- Sorting large collections, with people looking at what is called fake before anything follows from it.\n"
    yield "## Prohibited uses\n"
    yield from (f"- {use}" for use in _PROHIBITED)
    yield "\n## Use\n"
    yield "```\ntwinset predict IMAGES --model FOLDER\n```\n"
    yield (
        "`model.safetensors` has timm's own names; `config.json` holds backbone, input, normalisation, threshold and "
        f"temperature ({config.temperature:.4f}: the sigmoid of logit / temperature is the calibrated probability).\n"
    )


def _error_sentence(test: SplitMetrics) -> str:
    wrong_reals, wrong_fakes = (test.false_positive_rate or 0) * 100, (test.false_negative_rate or 0) * 100
    return (
        f"**It errs.** On its test split it called {wrong_reals:.1f} of 100 real images fake{_range(test, 'false_positive_rate')} "
        f"and {wrong_fakes:.1f} of 100 fakes real{_range(test, 'false_negative_rate')}."
    )


def _range(test: SplitMetrics, field: str) -> str:
    if field not in test.intervals:
        return ""
    low, high = test.intervals[field]
    return f" (95 % interval {100 * low:.1f} to {100 * high:.1f})"


def _table(test: SplitMetrics) -> Iterator[str]:
    yield "| figure | value | 95 % interval |\n|---|---|---|"
    for field, (_, title) in _FIGURES.items():
        interval = test.intervals.get(field)
        yield f"| {title} | {_number(getattr(test, field))} | {f'{interval[0]:.4f} to {interval[1]:.4f}' if interval else ''} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(code(name) for name in names) or "not recorded"


def _input(config: DetectorConfig) -> str:
    side = config.image_size
    window = f"the central window of {side} × {side} pixels, RGB"  # noqa: RUF001
    if config.fit == "crop":
        return f"{window}, of the image as it is; nothing is resized"
    return f"{window}, after the shorter side was resized to {config.resize_to}"
