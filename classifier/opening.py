"""A detector by whatever names it: a folder that a training wrote, a file of weights, or a model on the Hub."""

from pathlib import Path

from classifier.detector import Detector
from classifier.devices import resolved_device
from classifier.hub import fetch_detector
from classifier.published import published_detector
from classifier.whereabouts import check_whereabouts


def open_detector(where: str, device: str = "auto") -> Detector:
    """Load a detector.

    Args:
        where: folder, checkpoint file, or a model's id on the Hub (`org/name`), which a folder of that name hides.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    check_whereabouts(where)
    if not Path(where).exists():
        where = fetch_detector(where)
    if Path(where).is_file():
        return published_detector(Path(where), resolved_device(device))
    return Detector.load(where, resolved_device(device))
