"""What an image must not be: blank, near-uniform or grey. The same questions for reals and for final members.

Statistics are taken on at most about 512x512 pixels, spread evenly.
"""

import numpy as np
from numpy.typing import NDArray

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.config import PredicateRules

DEFAULT_RULES = PredicateRules()
_SAMPLED_SIDE = 512
# Cb and Cr of ITU-T T.871 (JFIF), without the offset of 128.
_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], dtype=np.float32)


def blank(pixels: Pixels, rules: PredicateRules = DEFAULT_RULES) -> bool:
    """Whether the image is one colour: a black frame, a placeholder."""
    return bool(_sampled(pixels).std(axis=(0, 1)).max() < rules.blank_deviation)


def near_uniform(pixels: Pixels, rules: PredicateRules = DEFAULT_RULES) -> bool:
    """Whether nearly all of the image is one colour."""
    sampled = _sampled(pixels).reshape(-1, 3)
    distance = np.abs(sampled - np.median(sampled, axis=0)).max(axis=1)
    return bool((distance <= rules.uniform_tolerance).mean() >= rules.uniform_share)


def greyscale(pixels: Pixels, rules: PredicateRules = DEFAULT_RULES) -> bool:
    """Whether the image has no colour to speak of: a colour fake beside a grey real would give it away.

    Among 240 photographs of ImageNet, the five black-and-white ones have 99th percentiles of chroma below 0.5; the least
    colourful of the others (an otter in a grey sea) has 7.
    """
    chroma = np.hypot(*(_sampled(pixels).reshape(-1, 3) @ _CHROMA.T).T)
    return bool(np.percentile(chroma, 99) < rules.grey_chroma)


def check_member(pixels: Pixels, rules: PredicateRules = DEFAULT_RULES) -> None:
    """Ask all predicates of one image.

    Args:
        pixels: shape (height, width, 3).
        rules: thresholds.

    Raises:
        RejectedItem: `blank`, `near-uniform` or `greyscale`.
    """
    if blank(pixels, rules):
        raise RejectedItem(Reason.BLANK, "one colour")
    if near_uniform(pixels, rules):
        raise RejectedItem(Reason.NEAR_UNIFORM, f"at least {rules.uniform_share:.0%} of the pixels have one colour")
    if greyscale(pixels, rules):
        raise RejectedItem(Reason.GREYSCALE, f"99 % of the pixels have chroma below {rules.grey_chroma:g}")


def _sampled(pixels: Pixels) -> NDArray[np.float32]:
    step = max(1, min(pixels.shape[:2]) // _SAMPLED_SIDE)
    return pixels[::step, ::step].astype(np.float32)
