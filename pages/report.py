"""The report of a dataset: one HTML file that needs nothing beside itself and asks for nothing from anywhere."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from audit.report import AuditReport
from flows.stages.base import StageCount
from manifests.composition import Composition
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import SPLITS, Pair, Reject
from manifests.storage import Folder
from pages import figures
from pages.contact_sheet import Card, cards, choose, load_images
from pages.detector import DetectorPage, read_detector
from pages.templating import environment

_CREATIVE_COMMONS = re.compile(r"https?://creativecommons\.org/licenses/([a-z-]+)/([0-9.]+)/?")
_PAIRS_SHOWN = 12
_CLASSES_SHOWN = 24


@dataclass(frozen=True)
class Rejects:
    """Counts of `rejects.jsonl`: by stage and reason, the most frequent first within a stage."""

    total: int
    by_stage: dict[str, list[tuple[str, int]]]

    @classmethod
    def of(cls, rejects: Iterable[Reject]) -> "Rejects":
        """Count the rejects of a dataset."""
        counts = Counter((reject.stage, str(reject.reason)) for reject in rejects)
        by_stage: dict[str, list[tuple[str, int]]] = {}
        for (stage, reason), count in counts.most_common():
            by_stage.setdefault(stage, []).append((reason, count))
        return cls(counts.total(), by_stage)


@dataclass(frozen=True)
class Classes:
    """Pairs by class of the real: the largest classes, how many there are, and the pairs in those not shown."""

    shown: list[tuple[str, int]]
    total: int
    others: int

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "Classes":
        """Count the pairs of a manifest; pairs without a class are left out."""
        counts = Counter(pair.image.class_label for pair in pairs if pair.image.class_label)
        shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_CLASSES_SHOWN]
        return cls(shown, len(counts), counts.total() - sum(count for _, count in shown))


def write_report(
    dataset: Dataset,
    out: Path,
    *,
    audit: AuditReport | None,
    stages: Sequence[StageCount],
    detector_dir: Path | None,
) -> None:
    """Write the report of a dataset, whole or not at all.

    Args:
        dataset: the dataset; its manifest is read, and those shards that hold a picture that is shown.
        out: the HTML file.
        audit: what the audit found; None where there was none.
        stages: what each stage of the build did; empty where that is not known.
        detector_dir: the folder of a training on this dataset; None where there was none.

    Raises:
        DatasetError: the dataset or the training cannot be read.
    """
    detector = read_detector(detector_dir) if detector_dir is not None else None
    Folder.at(str(out.absolute().parent)).write(out.name, render(dataset, audit, stages, detector).encode())


def render(
    dataset: Dataset, audit: AuditReport | None, stages: Sequence[StageCount], detector: DetectorPage | None
) -> str:
    """The report as HTML."""
    chosen = choose(dataset.pairs(), dataset.header.views, _PAIRS_SHOWN)
    scored = _scored_pairs(dataset, detector)
    images = load_images(dataset, [pair for pairs in chosen.values() for pair in pairs] + scored)
    sheets: dict[str, list[Card]] = {view: cards(pairs, images) for view, pairs in chosen.items() if pairs}
    return (
        _environment()
        .get_template("report.html")
        .render(
            header=dataset.header,
            digest=dataset.digest,
            composition=Composition.of(dataset.pairs()),
            classes=Classes.of(dataset.pairs()),
            rejects=Rejects.of(dataset.rejects()),
            splits=SPLITS,
            sheets=sheets,
            stages=stages,
            audit=audit,
            detector=detector,
            images=images,
            figures=figures,
        )
    )


def _scored_pairs(dataset: Dataset, detector: DetectorPage | None) -> list[Pair]:
    """The pairs of the images that the detector's part shows.

    Raises:
        DatasetError: the predictions are of another dataset.
    """
    if detector is None:
        return []
    wanted = {image.pair_id for image in detector.images()}
    found = [pair for pair in dataset.pairs() if pair.pair_id in wanted]
    missing = wanted - {pair.pair_id for pair in found}
    if missing:
        raise DatasetError(
            f"{dataset.root}: the training's predictions name the pair {min(missing)}, which is not in this dataset. "
            "Give the dataset that it was trained on."
        )
    return found


def _environment() -> Environment:
    made = environment()
    made.filters["licence"] = _licence_name
    return made


def _licence_name(text: str) -> str:
    """The short name of a Creative Commons licence that is given by its address; any other as it is."""
    found = _CREATIVE_COMMONS.fullmatch(text)
    return f"CC {found[1].upper()} {found[2]}" if found else text
