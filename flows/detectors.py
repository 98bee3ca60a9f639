"""Which detector a folder holds."""

import json
from pathlib import Path

from classifier.config import ClassifierConfig
from manifests.dataset import Dataset


def is_current(folder: Path, dataset: str, config: ClassifierConfig | None) -> bool:
    """Whether the folder holds a finished detector, trained with this configuration on this very dataset."""
    try:
        described = json.loads((folder / "config.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    opened = Dataset.open(dataset)
    wanted = config or ClassifierConfig.model_validate(opened.header.recipe.get("classifier") or {})
    return (
        (folder / "metrics.json").exists()
        and described.get("dataset_digest") == opened.digest
        and described.get("training") == wanted.model_dump(mode="json")
    )
