"""How often one client may ask: a token bucket for each."""

import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

_MOST_CLIENTS = 10_000
_PREFIX = 64
"""Bits of an IPv6 address that stand for one client: whoever has one address has all of its network."""


@dataclass
class _Bucket:
    tokens: float
    at: float


class Rates:
    """Token buckets by client: each fills steadily up to a brim, and an image takes a token out.

    A request that is let in may bring more images than there are tokens; the bucket then goes below zero and has to fill
    up again first. Of many clients those that have not been met for longest are forgotten. For one thread.
    """

    def __init__(self, rate: float, burst: int) -> None:
        """Set the limits.

        Args:
            rate: tokens a second; 0: nobody is held up.
            burst: tokens in a full bucket, at least 1.
        """
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take one token for a client; the seconds that it has to wait for one, where there is none, else 0."""
        if not self._rate:
            return 0.0
        bucket = self._filled(client)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._rate
        bucket.tokens -= 1
        return 0.0

    def charge(self, client: str, tokens: int) -> None:
        """Take further tokens, whether they are there or not."""
        if self._rate:
            self._filled(client).tokens -= tokens

    def _filled(self, client: str) -> _Bucket:
        now, name = time.monotonic(), _network(client)
        bucket = self._buckets.setdefault(name, _Bucket(self._burst, now))
        self._buckets.move_to_end(name)
        bucket.tokens = min(float(self._burst), bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return bucket


def _network(client: str) -> str:
    with suppress(ValueError):
        address = ip_address(client)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
            return str(ip_network((address, _PREFIX), strict=False))
    return client
