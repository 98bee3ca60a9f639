"""A detector by whatever names it: a folder that a training wrote, a file of weights, or a model on the Hub."""

import re
from pathlib import Path

from classifier.detector import Detector
from classifier.devices import resolved_device
from classifier.hub import fetch_detector
from classifier.published import published_detector
from manifests.errors import ModelError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def open_detector(where: str, device: str = "auto") -> Detector:
    """Load a detector.

    Args:
        where: folder, checkpoint file, or a model's id on the Hub (`org/name`), which a folder of that name hides.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    if not Path(where).exists():
        if not _HUB_ID.fullmatch(where):
            raise ModelError(
                f"{where}: no detector here. Give the folder that `twinset train` wrote, or a model on the Hub (ORG/NAME)."
            )
        where = fetch_detector(where)
    if Path(where).is_file():
        return published_detector(Path(where), resolved_device(device))
    return Detector.load(where, resolved_device(device))
