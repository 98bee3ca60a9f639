"""robots.txt (RFC 9309): what a host does not want to have asked. Asked for once a host."""

from collections.abc import Callable
from threading import Lock
from urllib.parse import urlsplit

from protego import Protego

from manifests.errors import RejectedItem
from manifests.records import Reason

MAX_BYTES = 512 * 2**10
"""A longer robots.txt is not read; RFC 9309 asks for 500 KiB at least."""


class Robots:
    """The rules of all hosts that were met; one object serves all threads of a process."""

    def __init__(self, token: str) -> None:
        """Set the name by which rules address this program."""
        self._token = token
        self._rules: dict[str, Protego] = {}
        self._locks: dict[str, Lock] = {}

    def check(self, url: str, read: Callable[[str], bytes], *, seconds_left: Callable[[], float]) -> None:
        """Whether a URL may be asked.

        Args:
            url: what is about to be asked.
            read: the body at a URL; raises RejectedItem, `not-found` where there is none.
            seconds_left: how long another thread that reads the same robots.txt is waited for.

        Raises:
            RejectedItem: `opted-out` where robots.txt disallows the URL; where it cannot be read, why it cannot.
            TimeoutError: no time is left.
        """
        parts = urlsplit(url)
        if not self._of(f"{parts.scheme}://{parts.netloc}", read, seconds_left).can_fetch(url, self._token):
            raise RejectedItem(Reason.OPTED_OUT, "robots.txt")

    def _of(self, origin: str, read: Callable[[str], bytes], seconds_left: Callable[[], float]) -> Protego:
        lock = self._locks.setdefault(origin, Lock())
        if not lock.acquire(timeout=seconds_left()):
            raise TimeoutError
        try:
            if origin not in self._rules:
                self._rules[origin] = Protego.parse(_text(f"{origin}/robots.txt", read))
            return self._rules[origin]
        finally:
            lock.release()


def _text(url: str, read: Callable[[str], bytes]) -> str:
    """The file's text; nothing where the host has no such file, which allows all."""
    try:
        return read(url).decode(errors="replace")
    except RejectedItem as rejection:
        if rejection.reason is Reason.NOT_FOUND:
            return ""
        raise RejectedItem(rejection.reason, f"robots.txt: {rejection.detail}") from rejection
