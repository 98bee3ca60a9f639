"""The server of the pages: Streamlit in this process, with settings that need no file and ask nothing of the network."""

import socket
from pathlib import Path

from streamlit.web import bootstrap

from manifests.errors import TwinsetError
from pages.app.style import THEME

SCRIPT = Path(__file__).parent / "entry" / "script.py"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(words: list[str], *, host: str, port: int, browser: bool) -> None:
    """Serve the pages until SIGINT or SIGTERM.

    Args:
        words: what `pages.app.context.arguments` has written.
        host: the address to listen on.
        port: the port.
        browser: open a browser.
    """
    flags = {name.replace(".", "_"): value for name, value in options(host, port, browser=browser).items()}
    bootstrap.load_config_options(flags)
    bootstrap.run(str(SCRIPT), False, words, flags)


def options(host: str, port: int, *, browser: bool) -> dict[str, object]:
    """Streamlit's settings: no telemetry, no watching of files, no traceback on a page, no other site's requests."""
    return {
        **THEME,
        "server.address": host,
        "server.port": port,
        "server.headless": not browser,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "server.maxUploadSize": 64,
        # after each page a collection would walk all objects of all libraries while every other visitor waits: 0.1 s
        # and more, three quarters of a page's cost; Python's own collections go by what is new, and memory stays as low
        "runner.postScriptGC": False,
        # a name that leads to this machine is no way in for other sites
        "server.allowedHosts": [*_LOOPBACK, host] if host in _LOOPBACK else [],
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
    }


def check_address(host: str, port: int) -> None:
    """Whether a server can listen here.

    Raises:
        TwinsetError: the port is taken, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise TwinsetError(
            f"{host}:{port}: cannot listen here ({error.strerror or error}). Give another --port or --host."
        ) from error
