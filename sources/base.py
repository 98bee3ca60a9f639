"""What every source has in common: its settings, what it lists, what it hands over."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from manifests.errors import RejectedItem
from manifests.records import ExistingFake, Reason, SourceImage, Terms
from manifests.secrets import without_secrets

RETRYABLE = frozenset({Reason.TIMEOUT, Reason.DOWNLOAD_FAILED, Reason.PRIVATE_ADDRESS})
"""Reasons for which fetching the same item again may succeed. All other reasons of a source are final."""


SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class SourceSettings(BaseModel):
    """Settings that every source has. The files of the sources derive their own from it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: SourceName = Field(description="the recipe's name for the source")
    limit: int | None = Field(default=None, gt=0, description="at most so many images in all")
    limit_per_class: int | None = Field(default=None, gt=0, description="at most so many images of one class")
    order: Literal["hash", "source"] = Field(
        default="hash",
        description="which images a limit keeps: those whose source_id has the smallest hash, "
        "or the first ones. Either way a smaller limit keeps a part of what a larger one keeps",
    )
    max_bytes: int = Field(default=64 * 2**20, gt=0, description="larger files are rejected as too-large, unread")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One image that a source has: where its bytes are, and what the source says about it.

    Attributes:
        source_id: the source's own name for the image: an id, or a path inside the source.
        location: what the source needs to fetch the bytes, beside the other fields: an offset, a member's name.
            Holds nothing of this machine.
        md5: hex digest that the bytes must have; empty when the source gives none.
        sha256: likewise.
        size: length in bytes that they must have; None when the source gives none.

    The other fields go into `SourceImage` as they are, and are described there.
    """

    source_id: str
    location: dict[str, str | int] = field(default_factory=dict)
    md5: str = ""
    sha256: str = ""
    size: int | None = None
    url: str = ""
    landing_url: str = ""
    license: str = ""
    author: str = ""
    author_url: str = ""
    title: str = ""
    variant: str = "original"
    class_label: str = ""
    source_caption: str = ""
    rotation: int = 0
    revision: str = ""
    terms: Terms = "unknown"
    scores: dict[str, float] = field(default_factory=dict)
    made: ExistingFake | None = None
    pair: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What the listing says, as JSON can say it; fields that say nothing are left out."""
        said = {name: value for name, empty in _EMPTY.items() if (value := getattr(self, name)) != empty}
        if self.made is not None:
            said["made"] = self.made.model_dump(mode="json")
        return said

    @staticmethod
    def from_dict(said: Mapping[str, Any]) -> "Listing":
        """The listing that `to_dict` told of.

        Raises:
            pydantic.ValidationError: these are not the fields of a listing.
        """
        return _LISTING.validate_python(said)


_LISTING = TypeAdapter(Listing)
_EMPTY = {entry.name: getattr(Listing(source_id=""), entry.name) for entry in fields(Listing)} | {"source_id": None}


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of one image exactly as they came, and its record."""

    data: bytes
    image: SourceImage


class Source(Protocol):
    """Where real images come from."""

    @property
    def name(self) -> str:
        """The recipe's name for the source."""

    def list(self) -> Iterator[Listing]:
        """What the source has, within the limits of its settings, always in the same order.

        Reads no image, and keeps no more in memory than the limits ask for.

        Raises:
            SourceError: the source is missing, or not in its published format.
        """

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of some listings, in their order; an item that fails comes as the rejection it is.

        Args:
            listings: what to fetch: one chunk of what `list` gave.
            workdir: a local folder for temporary files and logs.

        Raises:
            SourceError: the source as a whole cannot be read.
        """


def accept(listing: Listing, data: bytes, source: str) -> Fetched:
    """Bytes that arrived, checked against what the source says about them. URLs are recorded without secrets.

    Args:
        listing: what was asked for.
        data: what came.
        source: the recipe's name for the source.

    Raises:
        RejectedItem: `digest-mismatch` when size, MD5 or SHA-256 differ.
    """
    if listing.size is not None and len(data) != listing.size:
        raise RejectedItem(Reason.DIGEST_MISMATCH, f"{len(data)} bytes, its publisher says {listing.size}")
    if listing.md5:
        found = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if found != listing.md5:
            raise RejectedItem(Reason.DIGEST_MISMATCH, f"MD5 {found}, its publisher says {listing.md5}")
    sha256 = hashlib.sha256(data).hexdigest()
    if listing.sha256 and sha256 != listing.sha256:
        raise RejectedItem(Reason.DIGEST_MISMATCH, f"SHA-256 {sha256}, its publisher says {listing.sha256}")
    real = SourceImage(
        key=sha256[:16],
        source=source,
        source_id=listing.source_id,
        url=without_secrets(listing.url),
        landing_url=without_secrets(listing.landing_url),
        license=listing.license,
        author=listing.author,
        author_url=without_secrets(listing.author_url),
        title=listing.title,
        variant=listing.variant,
        class_label=listing.class_label,
        source_caption=listing.source_caption,
        rotation=listing.rotation,
        revision=listing.revision,
        terms=listing.terms,
        scores=listing.scores,
        made=listing.made,
        pair=listing.pair,
        sha256=sha256,
        size=len(data),
    )
    return Fetched(data, real)


def accepted(listing: Listing, outcome: bytes | RejectedItem, source: str) -> Fetched | RejectedItem:
    """As `accept`, with the rejection returned; what was rejected on the way stays so."""
    if isinstance(outcome, RejectedItem):
        return outcome
    try:
        return accept(listing, outcome, source)
    except RejectedItem as rejection:
        return rejection
