"""Listening: the service on an address, until it is told to end."""

import signal
import socket
from importlib.util import find_spec

import uvicorn
from fastapi import FastAPI

from manifests.errors import TwinsetError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_MOST_CONNECTIONS = 2_000
_GRACE = 5  # seconds that requests have to end


def require_forms() -> None:
    """Check that forms with files can be read.

    Raises:
        TwinsetError: the library for them is missing.
    """
    if find_spec("python_multipart") is None:
        raise TwinsetError("`twinset serve` needs twinset[web]. Run `pip install 'twinset[web]'`.")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: name or address of this machine.
        port: 0: any that is free.

    Raises:
        TwinsetError: the address is not this machine's, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _deaf(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise _deaf(host, port, error) from error
    return listener


def server_of(app: FastAPI) -> uvicorn.Server:
    """What serves an application on a socket that listens; requests that are being answered have some seconds to end."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            # the rate is a client's own, and anybody can write a header that names another
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
        )
    )


def serve(app: FastAPI, listener: socket.socket) -> None:
    """Answer until SIGINT or SIGTERM."""
    # uvicorn raises the signal once more when it has ended, and this is no interruption of anything
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server_of(app).run(sockets=[listener])


def _deaf(host: str, port: int, error: OSError) -> TwinsetError:
    return TwinsetError(
        f"{host}:{port}: cannot listen here ({error.strerror or error}). Give another --port or --host."
    )
