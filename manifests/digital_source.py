"""How an image came to be, in the terms of the IPTC: https://cv.iptc.org/newscodes/digitalsourcetype/.

It is said in the manifest's table, the card and the Croissant description, and never in an image's own bytes: there it
would tell the two sides of a pair apart.
"""

from manifests.parts import AnyPair
from manifests.records import LABELS

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = "trainedAlgorithmicMedia"
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
"""Of an image of which a model painted a part."""


def of_method(method: str) -> str:
    """Of the fakes of a method, or of those that a source had already."""
    return COMPOSITE if method == "inpaint" else GENERATED


def of_pair(pair: AnyPair) -> str:
    """Of a pair's fakes, in the order of their generators' names, or of the image that stands alone.

    Empty for a real image: what made it (a camera, a scanner) no source says.
    """
    if pair.is_single:
        methods = [fake.method for fake in pair.fakes.values()]
        return "" if pair.label == LABELS["real"] else of_method(methods[0] if methods else "")
    return ",".join(of_method(pair.fakes[name].method) for name in sorted(pair.fakes))
