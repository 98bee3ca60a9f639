"""What the stages of a rebuild hand to one another."""

from manifests.chunks import Blob
from manifests.records import Pair, Record


class FetchedReal(Record):
    """A pair's real, byte for byte as the manifest says, and where its bytes lie."""

    pair_id: str
    blob: Blob


class CutReal(Record):
    """The pixels in a pair's window."""

    pair_id: str
    region: Blob


class RemadePair(Record):
    """A pair made again, its line in the published manifest, and where its members' bytes lie."""

    line: int
    pair: Pair
    blobs: dict[str, Blob]
