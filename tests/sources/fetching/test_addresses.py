import socket
from typing import Any

import pytest

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.fetching.addresses import connect, is_public


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_internet_are_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # where clouds tell their machines secrets
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_addresses_of_ones_own_network_are_not(address: str):
    assert not is_public(address)


def test_a_name_is_judged_by_the_address_that_it_leads_to(server: Any):
    with pytest.raises(RejectedItem) as caught:
        connect("localhost", server.server_port, seconds_left=lambda: 5, private=False)
    assert caught.value.reason is Reason.PRIVATE_ADDRESS
    assert "private_hosts" in caught.value.detail
    connect("localhost", server.server_port, seconds_left=lambda: 5, private=True).close()


def test_of_several_addresses_only_public_ones_are_asked(server: Any, monkeypatch: pytest.MonkeyPatch):
    """A name that leads to both kinds: nothing must arrive at the private one."""
    found = socket.getaddrinfo("127.0.0.1", server.server_port, type=socket.SOCK_STREAM)
    public = [(*found[0][:4], ("203.0.113.1", 80))]  # reserved for documentation, so it is refused as well
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found + public)
    with pytest.raises(RejectedItem, match=r"203\.0\.113\.1"):
        connect("both.example", 80, seconds_left=lambda: 5, private=False)
    assert not server.asked.is_set()
