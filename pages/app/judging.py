"""A detector and what it says of images that visitors bring: answers, and a closer look at one.

All visitors share one network; few images are decoded at a time, because a decoded one may take hundreds of megabytes.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.detector import Detector
from classifier.heatmap import HeatMap, heat_map
from classifier.images import judged_pixels
from classifier.opening import open_detector
from classifier.prediction import Answer, judged, window_of
from classifier.report import CARD
from classifier.resaving import Resaved, resaved
from flows.urls import fetched, is_url, opener
from manifests.errors import ModelError, RejectedItem
from manifests.records import Reason
from pages.detector_facts import DetectorFacts, detector_facts

MAX_BYTES = 64 * 2**20
"""Length of the longest file."""
MAX_PIXELS = 50_000_000
"""Width times height of the largest image."""
PREVIEW_SIDE = 512
"""Pixels: the longest side of the picture that shows where the detector looks."""

_AT_A_TIME = 2
_URL_SECONDS = 15.0
_LONGEST_CARD = 100_000


@dataclass(frozen=True)
class Place:
    """What part of an image the window is; shares of its width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Look:
    """One image, looked at closely.

    Attributes:
        size: width and height in pixels, as a viewer shows it.
        preview: (h, w, 3) uint8: the whole image, reduced.
        place: where the window is in it.
        window: (S, S, 3) uint8: what the network sees.
        heat: what spoke for the verdict; None where the backbone does not show it.
        unseen: why not.
        resaved: what is said of it after it was saved again.
    """

    size: tuple[int, int]
    preview: NDArray[np.uint8]
    place: Place
    window: NDArray[np.uint8]
    heat: HeatMap | None
    unseen: str
    resaved: tuple[Resaved, ...]


class Judge:
    """A detector that many ask."""

    def __init__(self, where: str) -> None:
        """Load it.

        Args:
            where: folder, checkpoint, or a model on the Hub.

        Raises:
            ModelError: there is none.
        """
        self._detector = open_detector(where)
        self._one = threading.Lock()
        self._decoding = threading.BoundedSemaphore(_AT_A_TIME)
        self.facts: DetectorFacts = detector_facts(where, self._detector.config)
        self.card = _card(Path(where) / CARD)

    @property
    def calibrated_threshold(self) -> float:
        """The threshold as a probability: above it an image is called fake."""
        config = self._detector.config
        if not 0 < config.threshold < 1:
            return config.threshold
        odds = config.threshold / (1 - config.threshold)
        powered: float = odds ** (1 / config.temperature)
        return powered / (1 + powered)

    def answer(self, name: str, data: bytes | RejectedItem) -> Answer:
        """The verdict on an image file, or the reason why there is none."""
        if not isinstance(data, RejectedItem) and len(data) > MAX_BYTES:
            data = RejectedItem(Reason.TOO_LARGE, f"{len(data):,} bytes, at most {MAX_BYTES:,} are read")
        with self._decoding:
            window = window_of(self._detector, data, max_pixels=MAX_PIXELS)
        with self._one:
            [answer] = judged(self._detector, [(name, window)])
        return answer

    def look(self, data: bytes, answer: Answer) -> Look:
        """Look closely at an image that has a verdict.

        Args:
            data: the image file.
            answer: what was said of it.

        Raises:
            RejectedItem: the bytes are not those that the answer is about.
        """
        with self._decoding:
            pixels = judged_pixels(data, max_pixels=MAX_PIXELS)
            window = self._detector.config.preprocessing.window(pixels).copy()
            heat, unseen = None, ""
            with self._one:
                try:
                    heat = heat_map(self._detector, window, answer.verdict or "fake")
                except ModelError as error:
                    unseen = str(error)
                again = resaved(self._detector, pixels)
            preview = Image.fromarray(pixels)
            preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
            return Look(
                size=(pixels.shape[1], pixels.shape[0]),
                preview=np.asarray(preview),
                place=_place(self._detector, pixels.shape[1], pixels.shape[0]),
                window=window,
                heat=heat,
                unseen=unseen,
                resaved=again,
            )


def fetch(url: str) -> bytes | RejectedItem:
    """The image behind a URL that a visitor gives, or why there is none; nothing of a private network is asked."""
    if not is_url(url):
        return RejectedItem(Reason.NOT_FOUND, "not a URL that begins with http:// or https://")
    found = fetched(url, opener((), max_bytes=MAX_BYTES, seconds=_URL_SECONDS))
    if isinstance(found, RejectedItem) and found.reason == Reason.PRIVATE_ADDRESS:
        return RejectedItem(found.reason, "its host is not on the public internet, so it is not asked")
    return found


def _place(detector: Detector, width: int, height: int) -> Place:
    """Where the central window lies; of an image that is made smaller first the window covers more."""
    preprocessing = detector.config.preprocessing
    side = float(preprocessing.size)
    if preprocessing.fit == "resize":
        side *= min(width, height) / preprocessing.resize_to
    across, down = min(1.0, side / width), min(1.0, side / height)
    return Place((1 - across) / 2, (1 - down) / 2, across, down)


def _card(path: Path) -> str:
    """The detector's card as it stands in its folder; empty where there is none."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_LONGEST_CARD)
    except OSError:
        return ""
