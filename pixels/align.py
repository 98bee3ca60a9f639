"""Making a pair equal after generation: compression history, size, final encode, predicates.

An image that stands alone has nothing to be made equal to: it is reduced, so that little of its history is left, and
encoded as the members of pairs are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from manifests.errors import RejectedItem
from manifests.records import Encoding, Frame, ImageFacts, JpegCoding, Reason
from manifests.seeds import seed
from pixels.arrays import Pixels, to_bytes
from pixels.config import AlignmentRules, PredicateRules
from pixels.encode import encode
from pixels.frame import Framed, without_margin
from pixels.jpeg import recode
from pixels.orient import to_stored, to_upright
from pixels.predicates import DEFAULT_RULES, check_member
from pixels.resize import resize, resize_differences

VERSION = "1"
"""Raised when the same inputs give other members: chunks of two versions are never mixed."""

LEAST_REDUCTION = 2
"""Stored pixels a final pixel, along a side, of an image that stands alone: less keeps its compression history."""


@dataclass(frozen=True)
class History:
    """The passes through JPEG that the members of a pair have in common.

    Attributes:
        own: the real's own coding; None where the real is lossless.
        pool: scene framing: a coding drawn from the source's own reals, which all members pass through at F; None
            where the source has none, and in patch framing.
    """

    own: JpegCoding | None = None
    pool: JpegCoding | None = None


def final_encoding(rules: AlignmentRules, pair_id: str, salt: str) -> Encoding:
    """Draw the final encoding of one pair: depends on the pair's id and the recipe's salt alone."""
    low, high = rules.quality
    quality = low + seed(salt, pair_id, "final-quality") % (high - low + 1)
    subsampling = rules.subsamplings[seed(salt, pair_id, "final-subsampling") % len(rules.subsamplings)]
    return Encoding(format=rules.format, quality=quality, subsampling=subsampling)


def align_pair(  # noqa: PLR0917 - in the order in which the stages make them
    framed: Framed,
    fakes: Mapping[str, Pixels],
    facts: ImageFacts,
    frame: Frame,
    history: History,
    encoding: Encoding,
    predicates: PredicateRules = DEFAULT_RULES,
    existing: Collection[str] = (),
) -> dict[str, bytes]:
    """Give all members of a pair one compression history, one size and one encoding.

    Args:
        framed: the framed real.
        fakes: by generator, upright, of `framed.region`'s shape, as the generator returned them.
        facts: of the real image.
        frame: the window that the members share.
        history: what the real has been through, and what all members pass through.
        encoding: the final encoding of all members.
        predicates: thresholds.
        existing: generators whose fakes were retrieved: such a fake lost something to a compression of its own, so it
            is not given the loss of the real's, and is equal in what comes after.

    Returns:
        The final bytes of `real` and of each generator; S x S pixels, without metadata.

    Raises:
        RejectedItem: a predicate counts one of the members as blank, near-uniform or grey: the pair is dropped.
        ValueError: a fake is not of the shape that its generator was asked for.
    """
    aligned = {"real": _align_real(framed, history)}
    for generator, fake in fakes.items():
        if fake.shape != framed.region.shape:
            raise ValueError(f"{generator} returned shape {fake.shape}, was asked for {framed.region.shape}")
        shared = History(pool=history.pool) if generator in existing else history
        aligned[generator] = _align_fake(fake, facts, frame, shared)
    final = {name: resize(pixels, frame.size, frame.kernel) for name, pixels in aligned.items()}
    for name, pixels in final.items():
        _check(name, pixels, predicates)
    return {name: encode(pixels, encoding) for name, pixels in final.items()}


def align_single(pixels: Pixels, frame: Frame, encoding: Encoding, predicates: PredicateRules = DEFAULT_RULES) -> bytes:
    """Give an image that stands alone its size and encoding.

    Args:
        pixels: F x F, upright: the framed image, or one that was made from a prompt.
        frame: its window.
        encoding: the final encoding.
        predicates: thresholds.

    Returns:
        The final bytes; S x S pixels, without metadata.

    Raises:
        RejectedItem: a predicate counts it as blank, near-uniform or grey.
        ValueError: it is not of the frame's shape.
    """
    if pixels.shape != (frame.frame, frame.frame, 3):
        raise ValueError(f"pixels of shape {pixels.shape}, expected {frame.frame}x{frame.frame}")
    final = resize(pixels, frame.size, frame.kernel)
    check_member(final, predicates)
    return encode(final, encoding)


def check_reduction(frame: Frame) -> None:
    """Whether enough of an existing image's own history goes when it is reduced.

    Raises:
        RejectedItem: `too-small`.
    """
    if frame.side < LEAST_REDUCTION * frame.size:
        detail = (
            f"a square of {frame.side} pixels; view {frame.view} needs {LEAST_REDUCTION * frame.size}, twice its size"
        )
        raise RejectedItem(Reason.TOO_SMALL, detail)


def _align_real(framed: Framed, history: History) -> Pixels:
    return framed.shown if history.pool is None else recode(framed.shown, history.pool)


def _align_fake(fake: Pixels, facts: ImageFacts, frame: Frame, history: History) -> Pixels:
    """The fake, F x F, with the history that the real has or is given."""
    if frame.framing == "scene":
        fake = fake if history.own is None else _with_reduced_loss(fake, facts, frame, history.own)
        return fake if history.pool is None else recode(fake, history.pool)
    if history.own is not None:
        fake = _recode_as_stored(fake, facts, history.own)
    return without_margin(fake, frame.margin)


def _with_reduced_loss(fake: Pixels, facts: ImageFacts, frame: Frame, own: JpegCoding) -> Pixels:
    """Scene framing: the fake, F x F, less what the real's own JPEG took from the real before it was reduced.

    The real was coded at m x m and then reduced to F, which leaves it the blur of its subsampled chroma. The fake was
    never so large: it is enlarged, and what coding changes there is reduced and added to the fake. Only the difference
    makes that way, so the fake's own detail passes no kernel.
    """
    enlarged = resize(fake, frame.side, frame.kernel)
    loss = _recode_as_stored(enlarged, facts, own).astype(np.int16) - enlarged
    return to_bytes((fake + resize_differences(loss, frame.frame, frame.kernel)) / 255)


def _recode_as_stored(pixels: Pixels, facts: ImageFacts, own: JpegCoding) -> Pixels:
    """The real was coded as it is stored: its grid, and the order of its chroma, belong to that orientation."""
    return to_upright(recode(to_stored(pixels, facts), own), facts)


def _check(name: str, pixels: Pixels, predicates: PredicateRules) -> None:
    try:
        check_member(pixels, predicates)
    except RejectedItem as rejected:
        raise RejectedItem(rejected.reason, f"{name}: {rejected.detail}") from rejected
