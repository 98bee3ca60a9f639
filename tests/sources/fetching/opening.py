"""An opener with small limits, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from manifests.errors import RejectedItem
from sources.fetching.answers import Answer
from sources.fetching.bounded_opener import BoundedOpener
from sources.fetching.downloading import FetchSettings


def opener(
    deadline: float = 5.0, max_bytes: int = 1000, log: Callable[[Answer], None] = lambda _: None, **settings: Any
):
    return BoundedOpener(
        FetchSettings(**{"deadline": deadline, "private_hosts": {"127.0.0.1"}} | settings),
        max_bytes=max_bytes,
        opted_out=lambda headers: headers["X-Robots-Tag"] is not None,
        log=log,
    )


def rejection(opener: BoundedOpener, url: str):
    with pytest.raises(RejectedItem) as caught:
        opener.open(url)
    return caught.value
