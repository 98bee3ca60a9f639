"""Which network addresses may be asked: a list from the web must not lead into the network of who reads it."""

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from manifests.errors import RejectedItem
from manifests.records import Reason

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


@lru_cache(maxsize=4096)
def is_public(text: str) -> bool:
    """Whether an IP address belongs to the public internet: not loopback, private, link-local, reserved or multicast.

    IPv6 addresses that stand for an IPv4 address are as public as that one.
    """
    address = ip_address(text.partition("%")[0])
    address = _inner(address) or address
    return address.is_global and not address.is_multicast


def is_private_literal(host: str) -> bool:
    """Whether a URL's host is an IP address, and no public one. Names are not looked up."""
    with suppress(ValueError):
        return not is_public(host)
    return False


def connect(host: str, port: int, *, seconds_left: Callable[[], float], private: bool) -> socket.socket:
    """A TCP connection to the first address of a host that answers.

    What is checked is the address that is connected to, so that a name which changes its mind is of no use.

    Args:
        host: a name or an IP address.
        port: its port.
        seconds_left: asked before each address; raises TimeoutError when no time is left.
        private: whether addresses that are not public may be asked.

    Raises:
        RejectedItem: `private-address`: the host has no public address.
        OSError: no look-up, or no connection.
    """
    failure: OSError | RejectedItem = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        numeric = str(address[0])
        if not private and not is_public(numeric):
            failure = private_address(numeric)
            continue
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(seconds_left())
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def private_address(address: str) -> RejectedItem:
    """The rejection of an address that is not public."""
    return RejectedItem(
        Reason.PRIVATE_ADDRESS, f"{address} is not on the public internet, and private_hosts does not name its host"
    )


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour
