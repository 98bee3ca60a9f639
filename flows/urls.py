"""An image behind a URL that a person gives: fetched within limits, and from nowhere that was not allowed."""

from collections.abc import Collection

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.fetching.bounded_opener import BoundedOpener
from sources.fetching.downloading import FetchSettings

_ATTEMPTS = 3


def is_url(place: str) -> bool:
    """Whether it is a web address and no path."""
    return place.lower().startswith(("http://", "https://"))


def opener(private_hosts: Collection[str], *, max_bytes: int, seconds: float = 30.0) -> BoundedOpener:
    """What fetches.

    Args:
        private_hosts: hosts, in lower case, that may be asked although their addresses are not on the public internet.
        max_bytes: longest body.
        seconds: for one URL in all.
    """
    return BoundedOpener(
        FetchSettings.model_validate({"private_hosts": frozenset(private_hosts), "deadline": seconds}),
        max_bytes=max_bytes,
        opted_out=lambda _: False,
        log=lambda _: None,
    )


def fetched(url: str, opened_by: BoundedOpener) -> bytes | RejectedItem:
    """What a URL answers, or why it answers nothing that can be used."""
    for attempt in range(_ATTEMPTS):
        try:
            return opened_by.open(url).read()
        except RejectedItem as rejection:
            failure = rejection
            if attempt == _ATTEMPTS - 1 or rejection.reason not in (Reason.TIMEOUT, Reason.DOWNLOAD_FAILED):
                break
    return failure
