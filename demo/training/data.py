"""Training pictures: square windows of rendered photographs at the models' size, with their captions."""

import io
import logging
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from demo.photographs import take_photograph
from demo.rendering import visible_fractions
from demo.scenes import caption

SIZE = 64
# seeds of scenes: the demo world itself counts up from nought, so that neither of these ever meets it
TRAINING_SEED = 1_000_000_000
EVALUATION_SEED = 2_000_000_000

# an object is named when at least this share of it is seen …
_NAMED = 0.6
# … passed over in silence when less than this is, and the window is left out when it is in between
_UNSEEN = 0.12

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Windows:
    """Pictures, uint8 RGB of shape (count, 64, 64, 3), and a caption for each.

    ``whole`` says of each whether every object of its scene is at least 60 % visible in it.
    """

    images: NDArray[np.uint8]
    captions: tuple[str, ...]
    whole: NDArray[np.bool_]

    def only_whole(self) -> "Windows":
        """The windows in which every object is at least 60 % visible."""
        captions = tuple(text for text, whole in zip(self.captions, self.whole, strict=True) if whole)
        return Windows(self.images[self.whole], captions, self.whole[self.whole])


def load_windows(cache: Path, count: int, first_seed: int) -> Windows:
    """Windows of ``count`` photographs with seeds from ``first_seed`` on; rendered once, then read from ``cache``."""
    if not cache.exists():
        _log.info("rendering %d photographs", count)
        windows = render_windows(count, first_seed)
        np.savez(cache, images=windows.images, captions=np.array(windows.captions), whole=windows.whole)
    with np.load(cache, allow_pickle=False) as stored:
        return Windows(stored["images"], tuple(map(str, stored["captions"])), stored["whole"])


def render_windows(count: int, first_seed: int, processes: int | None = None) -> Windows:
    """Render, without the windows that show too little of an object to say whether it should be named."""
    with ProcessPoolExecutor(processes) as pool:
        made = list(pool.map(_window, range(first_seed, first_seed + count), chunksize=64))
    kept = [window for window in made if window is not None]
    return Windows(
        images=np.stack([image for image, _, _ in kept]),
        captions=tuple(text for _, text, _ in kept),
        whole=np.array([whole for _, _, whole in kept]),
    )


def _window(seed: int) -> tuple[NDArray[np.uint8], str, bool] | None:
    """A random largest square of the photograph of ``seed``, reduced to the models' size; None where it is unclear."""
    photograph = take_photograph(seed)
    rng = np.random.default_rng([seed, 6])
    side = min(photograph.width, photograph.height)
    left = int(rng.integers(0, photograph.width - side, endpoint=True))
    top = int(rng.integers(0, photograph.height - side, endpoint=True))
    box = (left, top, left + side, top + side)
    seen = visible_fractions(photograph.scene, photograph.width, photograph.height, box)
    named = tuple(thing for thing, part in zip(photograph.scene.objects, seen, strict=True) if part >= _NAMED)
    if not named or any(_UNSEEN < part < _NAMED for part in seen):
        return None
    with Image.open(io.BytesIO(photograph.data)) as stored:
        upright = ImageOps.exif_transpose(stored).convert("RGB")
    framed = upright.crop(box).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(framed), caption(replace(photograph.scene, objects=named)), len(named) == len(seen)
