"""Which detector a folder holds."""

import json
from pathlib import Path
from typing import Any

from classifier.config import ClassifierConfig
from manifests.dataset import Dataset


def is_trained_on(folder: Path, dataset: Dataset) -> bool:
    """Whether the folder holds a finished detector that was trained on this very dataset."""
    return bool(dataset.digest) and _config(folder).get("dataset_digest") == dataset.digest


def is_current(folder: Path, dataset: Dataset, config: ClassifierConfig) -> bool:
    """Whether the folder holds a finished detector, trained with this configuration on this very dataset."""
    return is_trained_on(folder, dataset) and _config(folder).get("training") == config.model_dump(mode="json")


def _config(folder: Path) -> dict[str, Any]:
    """What the detector says of itself; empty where there is none."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return config
