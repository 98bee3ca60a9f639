"""A detector's answers about any images: a verdict and a calibrated probability of each, or the reason why not.

Everything streams: of an image only the window that the network sees is kept, and no more of these than a batch.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifier.backends import BackendName, accelerated, checked
from classifier.calibration import calibrated
from classifier.detector import Detector
from classifier.images import judged_pixels
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason
from pixels.decode import MAX_PIXELS

Verdict = Literal["real", "fake"]
Window = NDArray[np.uint8]


class Answer(BaseModel):
    """What is said of one image: one line of the output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str = Field(description="path or URL, as it was given or found")
    verdict: Verdict | None = Field(default=None, description="fake where the score is above the detector's threshold")
    probability: float | None = Field(
        default=None, description="of fake, calibrated on the detector's validation images"
    )
    score: float | None = Field(default=None, description="of fake, as the network gives it")
    reason: Reason | None = Field(default=None, description="why the image was not judged")
    detail: str = ""


def answers(
    detector: Detector,
    images: Iterable[tuple[str, bytes | RejectedItem]],
    *,
    batch: int,
    backends: Sequence[BackendName] = (),
) -> Iterator[Answer]:
    """An answer for each image, in their order.

    Args:
        detector: who judges.
        images: names, and the bytes of an image file or why there are none.
        batch: images judged at a time.
        backends: ways to run the network that are tried on the first images; the fastest judges. None: as it is.

    Raises:
        ModelError: what runs the detector gives the first images other probabilities than PyTorch in 32 bits.
    """
    is_tried = False
    prepared = ((name, window_of(detector, found)) for name, found in images)
    while group := list(itertools.islice(prepared, batch)):
        windows = [window for _, window in group if not isinstance(window, RejectedItem)]
        if windows and not is_tried:
            detector = accelerated(detector, windows, backends) if backends else checked(detector, windows)
            is_tried = True
        yield from judged(detector, group)


def judged(detector: Detector, group: Sequence[tuple[str, Window | RejectedItem]]) -> Iterator[Answer]:
    """An answer for each of some images, all in one batch.

    Args:
        detector: who judges.
        group: names, and what `window_of` gave.
    """
    windows = [window for _, window in group if not isinstance(window, RejectedItem)]
    logits = detector.window_logits(windows)
    scores = iter(calibrated(logits, 1.0).tolist())
    probabilities = iter(calibrated(logits, detector.config.temperature).tolist())
    for name, window in group:
        if isinstance(window, RejectedItem):
            yield Answer(image=name, reason=window.reason, detail=window.detail)
            continue
        score = next(scores)
        verdict: Verdict = "fake" if score > detector.config.threshold else "real"
        yield Answer(image=name, verdict=verdict, probability=next(probabilities), score=score)


def window_of(
    detector: Detector, found: bytes | RejectedItem, *, max_pixels: int = MAX_PIXELS
) -> Window | RejectedItem:
    """What the network sees of an image file, (S, S, 3) uint8, or why it cannot be judged.

    Args:
        detector: who is to judge.
        found: the bytes of an image file, or why there are none.
        max_pixels: width times height above which an image is refused before it is decoded.
    """
    if isinstance(found, RejectedItem):
        return found
    try:
        pixels = judged_pixels(found, max_pixels=max_pixels)
    except RejectedItem as rejection:
        return rejection
    try:
        # a copy: a view would keep the whole image
        return detector.config.preprocessing.window(pixels).copy()
    except DatasetError:
        size = f"{pixels.shape[1]}x{pixels.shape[0]} pixels, and nothing is enlarged"
        return RejectedItem(Reason.TOO_SMALL, f"{size}: the detector sees {detector.config.image_size}")
