"""Which pairs may be published as pixels: those all of whose source images are open."""

from manifests.parts import AnyPair
from manifests.records import Terms

_BY_STRICTNESS: tuple[Terms, ...] = ("unknown", "research-only", "open")


def terms_of_pair(pair: AnyPair) -> Terms:
    """What may be done with a pair's pixels: what the strictest of the images allows that it shows.

    A prompt has no pixels: what is made from it alone is open.
    """
    found = {image.terms for image in pair.images if not image.is_prompt}
    return next((terms for terms in _BY_STRICTNESS if terms in found), "open")


def is_open(pair: AnyPair) -> bool:
    """Whether a pair may be published as pixels.

    A real that is not open is withheld with all of its fakes: a reconstruction carries its pixels, and a pair of which
    the real is missing shows nobody a difference.
    """
    return terms_of_pair(pair) == "open"
