"""Augmentation in step: all members of a pair go through the same draw.

Were the members cropped or recompressed each in its own way, the difference would be noise to the comparison that a pair
is made for (Rajan et al., "Aligned Datasets Improve Detection of Latent Diffusion-Generated Images", ICLR 2025).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from classifier.augmentations.blending import Blend
from classifier.augmentations.config import AugmentationConfig
from classifier.augmentations.step import Step, StepConfig, logarithmic
from classifier.transforms import Place
from manifests.records import REAL
from manifests.seeds import seed
from pixels.arrays import Pixels

Numbers = Callable[[str], np.random.Generator]


@dataclass(frozen=True)
class Draw:
    """What is done to every member of one pair.

    Attributes:
        place: where the window stands.
        flip: whether left and right are swapped.
        steps: what follows, in this order.
        blend: how the fakes are blended with their real, before all else; None: not at all.
    """

    place: Place
    flip: bool = False
    steps: tuple[Step, ...] = ()
    blend: Blend | None = None


def draw(config: AugmentationConfig, training_seed: int, epoch: int, pair_id: str) -> Draw:
    """The draw of one pair in one epoch: it depends on nothing else, so neither on order nor on the number of readers.

    Each step has random numbers of its own: what one of them draws does not change when another is added.
    """

    def rng(name: str) -> np.random.Generator:
        return np.random.default_rng(seed("augment", name, training_seed, epoch, pair_id))

    across, down, flip, area = (float(value) for value in rng("window").random(4))
    place = Place()
    if config.random_crop:
        place = Place(across, down)
    if config.crop_scale is not None:
        low, high = config.crop_scale
        place = Place(place.across, place.down, low + area * (high - low), logarithmic(rng("ratio"), config.crop_ratio))
    return Draw(place, flip < config.flip, tuple(_steps(config, rng)), _blend(config, rng))


def apply(drawn: Draw, windows: Mapping[str, Pixels]) -> dict[str, Pixels]:
    """What follows on the cutting of the windows, done to all members of a pair.

    Args:
        drawn: what to do.
        windows: (size, size, 3) RGB by member, cut at `drawn.place`; without a `real`, nothing is blended.

    Returns:
        (size, size, 3) RGB by member, in the same order.
    """
    if drawn.blend is not None and REAL in windows:
        real = windows[REAL]
        windows = {
            name: window if name == REAL else drawn.blend.apply(real, window) for name, window in windows.items()
        }
    return {name: _through(drawn, window) for name, window in windows.items()}


def _through(drawn: Draw, window: Pixels) -> Pixels:
    if drawn.flip:
        # channel by channel: six times as fast as one copy of all, in pieces of three bytes
        window = np.stack([window[:, ::-1, channel] for channel in range(3)], axis=2)
    window = np.ascontiguousarray(window)
    for step in drawn.steps:
        window = step.apply(window)
    return np.ascontiguousarray(window)


def _steps(config: AugmentationConfig, rng: Numbers) -> Iterator[Step]:
    kinds: dict[str, StepConfig | None] = {
        "affine": config.affine,
        "colour": config.colour,
        "blur": config.blur,
        "resample": config.resample,
        "noise": config.noise,
        "recode": config.recode,
        "cutout": config.cutout,
    }
    for name, kind in kinds.items():
        if kind is None:
            continue
        numbers = rng(name)
        if numbers.random() < kind.probability:
            yield kind.draw(numbers)


def _blend(config: AugmentationConfig, rng: Numbers) -> Blend | None:
    if config.blend is None:
        return None
    numbers = rng("blend")
    return config.blend.draw(numbers) if numbers.random() < config.blend.probability else None
