"""HTTP connections with limits: each read has the time that is left, and so many bytes as are allowed."""

import io
import socket
import ssl
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.request import AbstractHTTPHandler, OpenerDirector, ProxyHandler, Request, getproxies

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.fetching.addresses import connect

_SLACK = 0.1  # seconds
_HEADERS = 2**20  # bytes that a connection may carry beside the body: headers, chunk marks


@dataclass
class Bounds:
    """What all requests for one URL may take together; `deadline` is on the monotonic clock."""

    deadline: float
    max_bytes: int

    def left(self) -> float:
        """Seconds that are left; raises TimeoutError when none are."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def limit(self, connection: socket.socket) -> None:
        """Let a socket wait no longer than is left, give or take a tenth of a second; raises TimeoutError likewise."""
        seconds, timeout = self.left(), connection.gettimeout()
        if timeout is None or timeout > seconds + _SLACK:  # setting it lets go of the interpreter's lock
            connection.settimeout(seconds)


class BoundedRequest(Request):
    """One http or https request, and what it may take."""

    def __init__(self, url: str, *, user_agent: str, bounds: Bounds, private_hosts: Collection[str]) -> None:
        """Describe the request.

        Args:
            url: what is asked.
            user_agent: who asks.
            bounds: its limits.
            private_hosts: hosts that may have an address which is not public, in lower case.
        """
        super().__init__(url, headers={"User-Agent": user_agent})
        self.bounds = bounds
        self.private_hosts = private_hosts
        self._origin = self.host

    @property
    def is_proxied(self) -> bool:
        """Whether the connection goes to a proxy, which looks the host up."""
        return self.host != self._origin


def bounded_director(context: ssl.SSLContext) -> OpenerDirector:
    """An opener of `BoundedRequest`s that follows no redirect and takes every status for an answer.

    It asks the proxies of the environment, and knows no schemes (`file:`, `ftp:`, `data:`) that have no business here.
    """
    director = OpenerDirector()
    director.add_handler(ProxyHandler(getproxies()))
    director.add_handler(_BoundedHandler(context))
    return director


def too_large(max_bytes: int) -> RejectedItem:
    """The rejection of a longer body."""
    return RejectedItem(Reason.TOO_LARGE, f"more than {max_bytes} bytes")


class _BoundedReader(io.RawIOBase):
    """The bytes of a connection, as many as are allowed, each read with the time that is left."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, bounds: Bounds) -> None:
        self._raw = raw
        self._connection = connection
        self._bounds = bounds
        self._left = bounds.max_bytes + _HEADERS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._bounds.limit(self._connection)
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise too_large(self._bounds.max_bytes)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock, bounds))


class _BoundedHTTP(HTTPConnection):
    def __init__(self, host: str, *, request: BoundedRequest, **kwargs: Any) -> None:
        super().__init__(host, **kwargs)
        self._request = request
        self.response_class = partial(_BoundedResponse, bounds=request.bounds)  # type: ignore[assignment]  # called
        self._create_connection = self._connected  # what http.client calls to open its socket

    def _connected(self, address: tuple[str, int], *_: object) -> socket.socket:
        # a proxy is where its owner has put it
        private = self._request.is_proxied or address[0].lower() in self._request.private_hosts
        bounds = self._request.bounds
        connection = connect(*address, seconds_left=bounds.left, private=private)
        bounds.limit(connection)
        return connection


class _BoundedHTTPS(_BoundedHTTP, HTTPSConnection):
    pass


class _BoundedHandler(AbstractHTTPHandler):
    """http and https over bounded connections."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self._context = context

    def http_open(self, request: BoundedRequest) -> HTTPResponse:
        return self.do_open(partial(_BoundedHTTP, request=request), request)

    def https_open(self, request: BoundedRequest) -> HTTPResponse:
        return self.do_open(partial(_BoundedHTTPS, request=request), request, context=self._context)

    def http_request(self, request: BoundedRequest) -> Request:
        return self.do_request_(request)

    https_request = http_request
