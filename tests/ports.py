"""A port for a server that another process opens a moment later."""

import random
import socket
from contextlib import suppress

# below those that systems give to connections by themselves: one of these another test's connection might have by then
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
