"""What sources that list URLs share: img2dataset fetches the listings' URLs, and what arrives is checked."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from manifests.errors import RejectedItem
from sources.base import Fetched, Listing, accepted
from sources.fetching.downloading import FetchSettings, download


def fetch_urls(
    listings: Sequence[Listing], workdir: Path, source: str, settings: FetchSettings, *, max_bytes: int
) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
    """The bytes at the listings' URLs, in their order, held to the sizes and digests that the listings name.

    Args:
        listings: what to fetch.
        workdir: a local folder for temporary files and img2dataset's log.
        source: the recipe's name for the source.
        settings: how.
        max_bytes: longer bodies are rejected.

    Raises:
        SourceError: img2dataset is not installed, or stopped; its log lies in `workdir`.
    """
    outcomes = download([listing.url for listing in listings], workdir, settings, max_bytes=max_bytes)
    for listing, outcome in zip(listings, outcomes, strict=True):
        yield listing, accepted(listing, outcome, source)
