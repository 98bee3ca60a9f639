"""A urllib opener with limits: a deadline and a byte cap for each URL, and one TLS context for all.

img2dataset asks `urllib.request.urlopen` and then reads without bound: a server that drips never times out, a huge body
fills the memory, and every request builds a TLS context of its own. Installed in its processes, this opener bounds both.
Failures are raised as `RejectedItem`, whose text `<reason>: <detail>` passes unchanged through img2dataset's error column.
"""

import io
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead, InvalidURL
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import (
    AbstractHTTPHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPRedirectHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
    getproxies,
)
from urllib.response import addinfourl

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.base import RETRYABLE

_FIRST_PAUSE = 0.5  # seconds before the second attempt at a URL; doubled before each one after it
_HEADERS = 2**20  # bytes that a connection may carry beside the body: headers, chunk marks
_TRANSIENT_STATUS = frozenset({408, 425, 429})  # of the 4xx answers, those that say "later"


class BoundedOpener(OpenerDirector):
    """Opens http and https URLs, each within a deadline that spans redirects and repeated attempts.

    Attempts at one URL share its deadline; between them there is a pause, and after a final failure (404, opted out,
    too large) there is none. One object serves many threads.
    """

    def __init__(self, *, deadline: float, max_bytes: int, opted_out: Callable[[Message], bool]) -> None:
        """Set the limits.

        Args:
            deadline: seconds for one URL in all. The name's look-up is outside it, and each address of a host with
                several is given what is left.
            max_bytes: longest body.
            opted_out: whether the headers of an answer forbid the use of the image; asked before its body is read.
        """
        super().__init__()
        self._seconds = deadline
        self._max_bytes = max_bytes
        self._opted_out = opted_out
        self._context = ssl.create_default_context()
        self._proxies = getproxies()
        self._tries: dict[str, _Tries] = {}

    def open(
        self,
        fullurl: str | Request,
        data: object = None,  # noqa: ARG002 - urllib's signature; nothing is ever sent
        timeout: float | None = None,  # noqa: ARG002 - the deadline takes its place
    ) -> addinfourl:
        """The whole answer: its headers, and its body already read.

        Raises:
            RejectedItem: no answer that can be used, and why.
        """
        request = fullurl if isinstance(fullurl, Request) else Request(fullurl)  # noqa: S310 - checked in _ask
        url = request.full_url
        tries = self._tries.setdefault(url, _Tries(time.monotonic() + self._seconds))
        tries.begin()
        try:
            answer = self._ask(request, tries.deadline)
        except RejectedItem as failure:
            tries.failure = failure
            raise
        self._tries.pop(url, None)
        return answer

    def _ask(self, request: Request, deadline: float) -> addinfourl:
        if request.type not in ("http", "https"):
            raise RejectedItem(Reason.NOT_FOUND, "not an http or https URL")
        bounds = _Bounds(deadline, self._max_bytes)
        try:
            with self._director(bounds).open(request, timeout=bounds.left()) as response:
                if self._opted_out(response.headers):
                    raise RejectedItem(Reason.OPTED_OUT, "X-Robots-Tag")
                return addinfourl(io.BytesIO(self._body(response)), response.headers, response.url, response.status)
        except HTTPError as error:
            error.close()
            transient = error.code >= 500 or error.code in _TRANSIENT_STATUS
            raise RejectedItem(
                Reason.DOWNLOAD_FAILED if transient else Reason.NOT_FOUND, f"HTTP {error.code}"
            ) from error
        except (OSError, HTTPException, ValueError) as error:
            raise self._failure(error) from error

    def _body(self, response: HTTPResponse) -> bytes:
        if response.length is not None and response.length > self._max_bytes:
            raise _too_large(self._max_bytes)
        body = response.read()
        if len(body) > self._max_bytes:
            raise _too_large(self._max_bytes)
        return body

    def _failure(self, error: Exception) -> RejectedItem:
        cause = error.reason if isinstance(error, URLError) else error
        match cause:
            case TimeoutError():
                return RejectedItem(Reason.TIMEOUT, f"no whole answer within {self._seconds:g} s")
            case IncompleteRead():
                return RejectedItem(Reason.DOWNLOAD_FAILED, "the body ends early")
            case OSError():
                return RejectedItem(Reason.DOWNLOAD_FAILED, cause.strerror or type(cause).__name__)
            case str() | InvalidURL() | ValueError():
                return RejectedItem(Reason.NOT_FOUND, "malformed URL")
            case _:
                return RejectedItem(Reason.DOWNLOAD_FAILED, type(cause).__name__)

    def _director(self, bounds: "_Bounds") -> OpenerDirector:
        """What urllib does with a URL, but for the schemes (`file:`, `ftp:`, `data:`) that have no business here."""
        director = OpenerDirector()
        for handler in (
            ProxyHandler(self._proxies),
            UnknownHandler(),
            _BoundedHandler(bounds, self._context),
            HTTPDefaultErrorHandler(),
            HTTPRedirectHandler(),
            HTTPErrorProcessor(),
        ):
            director.add_handler(handler)
        return director


@dataclass
class _Tries:
    """The attempts at one URL."""

    deadline: float  # on the monotonic clock
    count: int = 0
    failure: RejectedItem | None = None

    def begin(self) -> None:
        """Pause before another attempt; raises the last failure where another one is of no use."""
        if self.failure is not None:
            pause = _FIRST_PAUSE * 2 ** (self.count - 1)
            if self.failure.reason not in RETRYABLE or time.monotonic() + pause >= self.deadline:
                raise RejectedItem(self.failure.reason, self.failure.detail)
            time.sleep(pause)
        self.count += 1


@dataclass(frozen=True)
class _Bounds:
    """What one attempt may take."""

    deadline: float  # on the monotonic clock
    max_bytes: int

    def left(self) -> float:
        """Seconds that are left; raises TimeoutError when none are."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


def _too_large(max_bytes: int) -> RejectedItem:
    return RejectedItem(Reason.TOO_LARGE, f"more than {max_bytes} bytes")


class _BoundedReader(io.RawIOBase):
    """The bytes of a connection, as many as are allowed, each read with the time that is left."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, bounds: _Bounds) -> None:
        self._raw = raw
        self._connection = connection
        self._bounds = bounds
        self._left = bounds.max_bytes + _HEADERS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(self._bounds.left())
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise _too_large(self._bounds.max_bytes)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, bounds: _Bounds, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock, bounds))


class _BoundedHTTP(HTTPConnection):
    def __init__(self, host: str, *, bounds: _Bounds, **kwargs: Any) -> None:
        super().__init__(host, **kwargs)
        self._bounds = bounds
        self.response_class = partial(_BoundedResponse, bounds=bounds)  # type: ignore[assignment]  # called, no more

    def connect(self) -> None:
        self.timeout = self._bounds.left()
        super().connect()


class _BoundedHTTPS(_BoundedHTTP, HTTPSConnection):
    pass


class _BoundedHandler(AbstractHTTPHandler):
    """http and https over bounded connections."""

    def __init__(self, bounds: _Bounds, context: ssl.SSLContext) -> None:
        super().__init__()
        self._bounds = bounds
        self._context = context

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_BoundedHTTP, bounds=self._bounds), request)

    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_BoundedHTTPS, bounds=self._bounds), request, context=self._context)

    http_request = AbstractHTTPHandler.do_request_
    https_request = AbstractHTTPHandler.do_request_
