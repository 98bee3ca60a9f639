"""Making a pair equal after generation: compression history, size, final encode, predicates."""

from collections.abc import Mapping

from manifests.errors import RejectedItem
from manifests.records import Encoding, Frame, ImageFacts, JpegCoding
from manifests.seeds import seed
from pixels.arrays import Pixels
from pixels.config import AlignmentRules, PredicateRules
from pixels.encode import encode
from pixels.frame import Framed, without_margin
from pixels.jpeg import recode
from pixels.orient import to_stored, to_upright
from pixels.predicates import DEFAULT_RULES, check_member
from pixels.resize import resize


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
    coding: JpegCoding | None,
    encoding: Encoding,
    predicates: PredicateRules = DEFAULT_RULES,
) -> dict[str, bytes]:
    """Give all members of a pair one compression history, one size and one encoding.

    Args:
        framed: the framed real.
        fakes: by generator, upright, of `framed.region`'s shape, as the generator returned them.
        facts: of the real image.
        frame: the window that the members share.
        coding: scene framing: drawn from the pool of the source's own reals, for all members; patch framing: the
            real's own, for the fakes (the real has it already). None: no pass through JPEG.
        encoding: the final encoding of all members.
        predicates: thresholds.

    Returns:
        The final bytes of `real` and of each generator; S x S pixels, without metadata.

    Raises:
        RejectedItem: a predicate counts one of the members as blank, near-uniform or grey: the pair is dropped.
        ValueError: a fake is not of the shape that its generator was asked for.
    """
    aligned = {"real": _align_real(framed, frame, coding)}
    for generator, fake in fakes.items():
        if fake.shape != framed.region.shape:
            raise ValueError(f"{generator} returned shape {fake.shape}, was asked for {framed.region.shape}")
        aligned[generator] = _align_fake(fake, facts, frame, coding)
    final = {name: resize(pixels, frame.size, frame.kernel) for name, pixels in aligned.items()}
    for name, pixels in final.items():
        _check(name, pixels, predicates)
    return {name: encode(pixels, encoding) for name, pixels in final.items()}


def _align_real(framed: Framed, frame: Frame, coding: JpegCoding | None) -> Pixels:
    if frame.framing == "patch" or coding is None:
        return framed.shown
    return recode(framed.shown, coding)


def _align_fake(fake: Pixels, facts: ImageFacts, frame: Frame, coding: JpegCoding | None) -> Pixels:
    """The fake, F x F, with the history that the real has or is given."""
    if coding is not None and frame.framing == "scene":
        return recode(fake, coding)
    if coding is not None:
        # The real was coded as it is stored: its grid, and the order of its chroma, belong to that orientation.
        fake = to_upright(recode(to_stored(fake, facts), coding), facts)
    return without_margin(fake, frame.margin)


def _check(name: str, pixels: Pixels, predicates: PredicateRules) -> None:
    try:
        check_member(pixels, predicates)
    except RejectedItem as rejected:
        raise RejectedItem(rejected.reason, f"{name}: {rejected.detail}") from rejected
