"""What the stages of a rebuild hand to one another."""

from pydantic import Field

from manifests.chunk_writer import Blob
from manifests.records import Pair, Record


class FetchedReal(Record):
    """A pair's real, byte for byte as the manifest says, and where its bytes lie; and its retrieved fakes by generator."""

    pair_id: str
    blob: Blob
    retrieved: dict[str, Blob] = Field(default_factory=dict)


class CutReal(Record):
    """The pixels in a pair's window; None for an image that is yet to be made from a prompt."""

    pair_id: str
    region: Blob | None


class RemadePair(Record):
    """A pair made again, its line in the published manifest, and where its members' bytes lie."""

    line: int
    pair: Pair
    blobs: dict[str, Blob]
