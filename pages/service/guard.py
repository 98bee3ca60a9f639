"""What stands before the service: foreign pages, foreign names, and bodies that are too long are turned away."""

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.service.refusals import RefusalError

_LENGTH = re.compile(r"[0-9]{1,18}")


class Guard:
    """An ASGI layer that looks at a request's headers, and counts the bytes of its body as they come.

    A browser lets any page on the web send requests to this machine. Such a request bears the page's own origin; or, where
    the page's name was made to point here (DNS rebinding), its name as the host.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, served_as: frozenset[str]) -> None:
        """Stand before an application.

        Args:
            app: what is guarded.
            max_bytes: longest body.
            served_as: host names that a request may ask for, in lower case; empty: any.
        """
        self._app = app
        self._max_bytes = max_bytes
        self._served_as = served_as

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(Headers(scope=scope))
        except RefusalError as refusal:
            await refusal.response()(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _check(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if self._served_as and _host_name(host) not in self._served_as:
            raise RefusalError(
                403, "host", "This service does not go by the name in the Host header: --served-as adds one."
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise RefusalError(403, "origin", "Pages of other sites may not use this service.")
        length = headers.get("content-length", "0")
        if not _LENGTH.fullmatch(length) or int(length) > self._max_bytes:
            raise self._too_long()

    def _counted(self, receive: Receive) -> Receive:
        left = self._max_bytes

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise self._too_long()
            return message

        return counted

    def _too_long(self) -> RefusalError:
        return RefusalError(413, "too-large", f"A request's body may have {self._max_bytes} bytes.")


def _host_name(host: str) -> str:
    """A Host header without its port, in lower case; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
