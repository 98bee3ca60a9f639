"""A urllib opener for fetching from the open web: within limits, politely, and with one TLS context for all.

img2dataset asks `urllib.request.urlopen` and then reads without bound: a server that drips never times out, a huge body
fills the memory, and every request builds a TLS context of its own. Installed in its processes, this opener bounds both.
Failures are raised as `RejectedItem`, whose text `<reason>: <detail>` passes unchanged through img2dataset's error column.
"""

import io
import ssl
import string
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse, IncompleteRead, InvalidURL
from urllib.error import URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import OpenerDirector, Request

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.fetching.addresses import is_private_literal, private_address
from sources.fetching.answers import Answer
from sources.fetching.bounded_connection import BoundedRequest, Bounds, bounded_director, too_large
from sources.fetching.downloading import FetchSettings
from sources.fetching.politeness import Turns
from sources.fetching.robots import MAX_BYTES as MAX_ROBOTS_BYTES
from sources.fetching.robots import Robots

_FIRST_PAUSE = 0.5  # seconds before the second attempt at a URL; doubled before each one after it
_REDIRECTS = 10
_REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})
_TRANSIENT_STATUS = frozenset({408, 425, 429})  # of the 4xx answers, those that say "later"
_PASSING = frozenset({Reason.TIMEOUT, Reason.DOWNLOAD_FAILED})  # within seconds
_GZIP = b"\x1f\x8b"


class BoundedOpener(OpenerDirector):
    """Opens http and https URLs, each within a deadline that spans redirects and repeated attempts.

    Attempts at one URL share its deadline; between them there is a pause, and after a final failure (404, opted out,
    too large) there is none. Waiting for a host's turn is not charged to the URL. One object serves many threads.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        max_bytes: int,
        opted_out: Callable[[Message], bool],
        log: Callable[[Answer], None],
    ) -> None:
        """Set the limits.

        Args:
            settings: how URLs are fetched. A name's look-up is outside the deadline.
            max_bytes: longest body.
            opted_out: whether the headers of an answer forbid the use of the image; asked before its body is read.
            log: is told of every attempt.
        """
        super().__init__()
        self._settings = settings
        self._max_bytes = max_bytes
        self._opted_out = opted_out
        self._log = log
        self._user_agent = settings.user_agent
        self._director = bounded_director(ssl.create_default_context())
        self._turns = Turns(settings.pace)
        self._robots = Robots(settings.user_agent_token) if settings.robots else None
        self._tries: dict[str, _Tries] = {}

    def open(
        self,
        fullurl: str | Request,
        data: object = None,  # noqa: ARG002 - urllib's signature; nothing is ever sent
        timeout: float | None = None,  # noqa: ARG002 - the deadline takes its place
    ) -> "WholeAnswer":
        """The whole answer: its headers, and its body already read.

        Raises:
            RejectedItem: no answer that can be used, and why.
        """
        url = fullurl.full_url if isinstance(fullurl, Request) else fullurl
        deadline = time.monotonic() + self._settings.deadline
        tries = self._tries.setdefault(url, _Tries(Bounds(deadline, self._max_bytes)))
        tries.begin()
        trail, started = _Trail(), time.time()
        try:
            answer = self._follow(url, tries.bounds, trail)
        except (RejectedItem, OSError, HTTPException, ValueError) as error:
            tries.failure = error if isinstance(error, RejectedItem) else self._failure(error)
            tries.retry_after = trail.retry_after
            raise RejectedItem(tries.failure.reason, tries.failure.detail) from error
        finally:
            self._log(
                Answer(
                    url=url,
                    final_url=trail.url,
                    status=trail.status,
                    content_type=trail.content_type,
                    started=started,
                    ended=time.time(),
                )
            )
        self._tries.pop(url, None)
        return answer

    def _follow(self, url: str, bounds: Bounds, trail: "_Trail") -> "WholeAnswer":
        """The answer at the end of the redirects."""
        seen: set[str] = set()
        while url not in seen and len(seen) <= _REDIRECTS:
            seen.add(url)
            if self._robots is not None:
                self._robots.check(url, lambda text: self._robots_text(text, bounds), seconds_left=bounds.left)
            answer = self._ask(url, bounds, trail, self._opted_out)
            if isinstance(answer, WholeAnswer):
                return answer
            url = answer
        raise RejectedItem(Reason.NOT_FOUND, "redirects without end")

    def _ask(
        self, url: str, bounds: Bounds, trail: "_Trail", opted_out: Callable[[Message], bool]
    ) -> "WholeAnswer | str":
        """What one URL answers, or the URL that it sends to."""
        asked = _in_ascii(url)
        parts = urlsplit(asked)
        if parts.scheme not in ("http", "https"):
            raise RejectedItem(Reason.NOT_FOUND, "not an http or https URL")
        host = parts.hostname or ""
        if is_private_literal(host) and host not in self._settings.private_hosts:  # a proxy might ask it for us
            raise private_address(host)
        with self._turns.turn(host) as waited:
            bounds.deadline += waited
            with self._response(asked, bounds) as response:
                trail.meet(url, response)
                if response.status in _REDIRECT_STATUS and "Location" in response.headers:
                    return _absolute(url, response.headers["Location"])
                _check_status(response.status)
                if opted_out(response.headers):
                    raise RejectedItem(Reason.OPTED_OUT, "X-Robots-Tag")
                body = _expanded(_body(response, bounds.max_bytes), response.headers, bounds.max_bytes)
                return WholeAnswer(body, response)

    def _response(self, url: str, bounds: Bounds) -> HTTPResponse:
        request = BoundedRequest(
            url,
            user_agent=self._user_agent,
            bounds=bounds,
            private_hosts=self._settings.private_hosts,
        )
        response: HTTPResponse = self._director.open(request, timeout=bounds.left())
        return response

    def _robots_text(self, url: str, bounds: Bounds) -> bytes:
        """A host's robots.txt, within the deadline of the URL that is about to be asked."""
        own = Bounds(bounds.deadline, MAX_ROBOTS_BYTES)
        for _ in range(_REDIRECTS):
            answer = self._ask(url, own, _Trail(), lambda _: False)
            bounds.deadline = own.deadline
            if isinstance(answer, WholeAnswer):
                return answer.read()
            url = answer
        raise RejectedItem(Reason.NOT_FOUND, "redirects without end")

    def _failure(self, error: Exception) -> RejectedItem:
        cause = error.reason if isinstance(error, URLError) else error
        match cause:
            case TimeoutError():
                return RejectedItem(Reason.TIMEOUT, f"no whole answer within {self._settings.deadline:g} s")
            case IncompleteRead():
                return RejectedItem(Reason.DOWNLOAD_FAILED, "the body ends early")
            case OSError():
                return RejectedItem(Reason.DOWNLOAD_FAILED, cause.strerror or type(cause).__name__)
            case str() | InvalidURL() | ValueError():
                return RejectedItem(Reason.NOT_FOUND, "malformed URL")
            case _:
                return RejectedItem(Reason.DOWNLOAD_FAILED, type(cause).__name__)


class WholeAnswer(io.BytesIO):
    """An answer whose body has been read: as much of urllib's own answers as img2dataset asks of them."""

    def __init__(self, body: bytes, response: HTTPResponse) -> None:
        super().__init__(body)
        self.status = response.status
        self.headers = response.headers


@dataclass
class _Trail:
    """Where one attempt has led."""

    url: str = ""
    status: int = 0
    content_type: str = ""
    retry_after: float = 0.0

    def meet(self, url: str, response: HTTPResponse) -> None:
        """Remember an answer."""
        self.url = url
        self.status = response.status
        self.content_type = response.headers.get("Content-Type", "")
        wait = response.headers.get("Retry-After", "")
        self.retry_after = float(wait) if wait.isascii() and wait.isdecimal() else 0.0


@dataclass
class _Tries:
    """The attempts at one URL."""

    bounds: Bounds
    count: int = 0
    failure: RejectedItem | None = None
    retry_after: float = 0.0

    def begin(self) -> None:
        """Pause before another attempt; raises the last failure where another one is of no use."""
        if self.failure is not None:
            pause = max(_FIRST_PAUSE * 2 ** (self.count - 1), self.retry_after)
            if self.failure.reason not in _PASSING or time.monotonic() + pause >= self.bounds.deadline:
                raise RejectedItem(self.failure.reason, self.failure.detail)
            time.sleep(pause)
        self.count += 1


def _check_status(status: int) -> None:
    if 200 <= status < 300:
        return
    transient = status >= 500 or status in _TRANSIENT_STATUS
    raise RejectedItem(Reason.DOWNLOAD_FAILED if transient else Reason.NOT_FOUND, f"HTTP {status}")


def _in_ascii(url: str) -> str:
    """A URL with letters of all scripts as browsers ask for it: the host by IDNA, all else as UTF-8 behind percent signs.

    Raises:
        ValueError: it cannot be written so.
    """
    if url.isascii():
        return url
    parts = urlsplit(url)
    place = ":".join(part.encode("idna").decode() for part in parts.netloc.split(":"))
    return quote(parts._replace(netloc=place).geturl(), safe=string.punctuation)


def _absolute(url: str, location: str) -> str:
    """The URL that a redirect names; http.client takes its bytes for Latin-1."""
    return urljoin(url, quote(location, encoding="iso-8859-1", safe=string.punctuation))


def _body(response: HTTPResponse, max_bytes: int) -> bytes:
    if response.length is not None and response.length > max_bytes:
        raise too_large(max_bytes)
    body = response.read()
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    return body


def _expanded(body: bytes, headers: Message, max_bytes: int) -> bytes:
    """The body without the gzip that some servers put around it although nobody has asked for it."""
    if "gzip" not in headers.get("Content-Encoding", "").lower() or not body.startswith(_GZIP):
        return body
    expander = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        expanded = expander.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise RejectedItem(Reason.DOWNLOAD_FAILED, "the body is damaged gzip") from error
    if len(expanded) > max_bytes:
        raise too_large(max_bytes)
    if not expander.eof:
        raise RejectedItem(Reason.DOWNLOAD_FAILED, "the body ends early")
    return expanded
