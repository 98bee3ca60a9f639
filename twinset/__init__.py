"""Paired real/fake image datasets: pairs that differ in origin and in nothing else; and detectors trained on them.

The names that people import:

    from twinset import load
    dataset = load("runs/demo")
    for pair in dataset.pairs(): ...
    load("runs/demo/detector").predict(["photograph.jpg"])
"""

from pathlib import Path
from typing import TYPE_CHECKING

from manifests.dataset import Dataset

if TYPE_CHECKING:
    from classifier.detector import Detector

__all__ = ["Dataset", "load", "load_dataset", "load_detector"]


def load(where: str | Path) -> "Dataset | Detector":
    """Open a finished dataset or a trained detector, whichever is there; a path that is not there may be a model on the Hub.

    Args:
        where: a dataset or its build, by path or fsspec URL; a detector's folder, a published checkpoint, or `org/name`.

    Raises:
        manifests.errors.DatasetError: there is neither.
        manifests.errors.ModelError: there is a detector, but it cannot be loaded.
    """
    path = Path(where)
    is_detector = path.is_file() or ((path / "config.json").is_file() and not (path / "manifest.jsonl").is_file())
    if is_detector or (not path.exists() and _is_hub_id(str(where))):
        return load_detector(where)
    return load_dataset(where)


def load_dataset(where: str | Path) -> Dataset:
    """Open a finished dataset, by path or fsspec URL.

    Raises:
        manifests.errors.DatasetError: there is none.
    """
    return Dataset.open(str(where))


def load_detector(where: str | Path, device: str = "auto") -> "Detector":
    """Load a trained detector: its folder, a published checkpoint, or a model on the Hub (`org/name`).

    Args:
        where: what to load.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.

    Raises:
        manifests.errors.ModelError: there is none, or it cannot be loaded.
    """
    from classifier.opening import open_detector

    return open_detector(str(where), device)


def _is_hub_id(where: str) -> bool:
    organisation, slash, name = where.partition("/")
    return bool(slash and organisation.strip(".") and name) and "/" not in name and ":" not in where
