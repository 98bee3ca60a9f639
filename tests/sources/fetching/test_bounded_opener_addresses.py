"""Where an opener goes: redirects, addresses of all kinds, one's own network, certificates."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from manifests.records import Reason
from sources.fetching.answers import Answer
from tests.sources.fetching.opening import opener, rejection


def test_redirects_share_one_deadline(server: Any):
    def slow_circle(handler: Any):
        handler.wait(0.3)
        handler.answer(b"", status=302, Location=f"/{int(handler.path[1:]) + 1}")

    server.routes |= {f"/{number}": slow_circle for number in range(20)}
    # with a deadline each it would end after ten, as redirects without end
    assert rejection(opener(deadline=0.8), server.url("/0")).reason is Reason.TIMEOUT


def test_redirects_are_followed(server: Any):
    server.routes["/old"] = lambda handler: handler.answer(b"", status=301, Location="/new")
    server.routes["/new"] = lambda handler: handler.answer(b"here")
    assert opener().open(server.url("/old")).read() == b"here"


@pytest.mark.parametrize("target", ["/circle", "file:///etc/hostname", "ftp://127.0.0.1/a"])
def test_redirects_in_a_circle_or_out_of_the_web_are_not_followed(server: Any, target: str):
    server.routes["/circle"] = lambda handler: handler.answer(b"", status=302, Location=target)
    assert rejection(opener(), server.url("/circle")).reason is Reason.NOT_FOUND


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:,a", "http:///a", "http://127.0.0.1:port/", "http://a/ b"],
)
def test_what_is_no_web_address_is_not_opened(url: str):
    assert rejection(opener(), url).reason is Reason.NOT_FOUND


def test_letters_of_all_scripts_are_asked_for_as_browsers_do(server: Any):
    told: list[Answer] = []
    server.routes["/%E9%B8%9F/ma%C3%B1ana%20.jpg?q=%C3%BC"] = lambda handler: handler.answer(b"here")
    url = f"http://127。0。0。1:{server.server_port}/鸟/mañana%20.jpg?q=ü"  # IDNA takes those stops for dots
    assert opener(log=told.append).open(url).read() == b"here"
    assert not told[0].redirected
    assert rejection(opener(private_hosts=()), "http://①②⑦.0.0.1/").reason is Reason.PRIVATE_ADDRESS
    assert rejection(opener(), "http://bü..cher.example/").reason is Reason.NOT_FOUND


def test_a_redirect_into_ones_own_network_is_not_followed(server: Any):
    """`localhost` is not named in private_hosts, although 127.0.0.1 is."""
    target = server.url("/secret").replace("127.0.0.1", "localhost")
    server.routes["/photo"] = lambda handler: handler.answer(b"", status=302, Location=target)
    failure = rejection(opener(), server.url("/photo"))
    assert failure.reason is Reason.PRIVATE_ADDRESS
    assert server.hits["/secret"] == 0


def test_a_list_from_the_web_leads_to_no_private_address(server: Any):
    server.routes["/a"] = lambda handler: handler.answer(b"secret")
    assert rejection(opener(private_hosts=frozenset()), server.url("/a")).reason is Reason.PRIVATE_ADDRESS
    assert not server.asked.is_set()


def test_the_proxy_of_the_environment_may_be_private_but_no_host_behind_it(
    server: Any, monkeypatch: pytest.MonkeyPatch
):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url(""))
    server.routes["http://photos.example/a"] = lambda handler: handler.answer(b"through the proxy")
    bounded = opener(private_hosts=frozenset())
    assert bounded.open("http://photos.example/a").read() == b"through the proxy"
    assert rejection(bounded, "http://10.0.0.1/a").reason is Reason.PRIVATE_ADDRESS


def test_https_is_verified(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.routes["/a"] = lambda handler: handler.answer(b"sealed")
    url = server.url("/a").replace("http:", "https:")

    failure = rejection(opener(), url)
    assert failure.reason is Reason.DOWNLOAD_FAILED
    assert "CERTIFICATE_VERIFY_FAILED" in failure.detail

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert opener().open(url).read() == b"sealed"


def self_signed(folder: Path):
    pytest.importorskip("cryptography.x509")
    from benchmarks import certificate

    path = folder / "loopback.pem"
    path.write_bytes(certificate.self_signed())
    return path
