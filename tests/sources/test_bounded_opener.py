import datetime as dt
import ipaddress
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.bounded_opener import BoundedOpener


def opener(deadline: float = 5.0, max_bytes: int = 1000):
    return BoundedOpener(
        deadline=deadline, max_bytes=max_bytes, opted_out=lambda headers: headers["X-Robots-Tag"] is not None
    )


def rejection(opener: BoundedOpener, url: str):
    with pytest.raises(RejectedItem) as caught:
        opener.open(url)
    return caught.value


def drip(handler: Any):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    while not handler.wait(0.1):
        handler.wfile.write(b"x")


def drip_headers(handler: Any):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.wait(0.1):
        handler.wfile.write(b"X-More: more\r\n")


def endless(handler: Any):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(bytes(2**16))


def chunked(handler: Any):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")


def test_the_body_arrives_as_it_is(server: Any):
    server.routes["/a.jpg"] = lambda handler: handler.answer(b"\xff\xd8\x00bytes\r\n")
    with opener().open(server.url("/a.jpg")) as answer:
        assert answer.read() == b"\xff\xd8\x00bytes\r\n"
        assert answer.headers["Content-Length"] == "10"


def test_a_body_in_chunks_arrives_whole(server: Any):
    server.routes["/chunked"] = chunked
    assert opener().open(server.url("/chunked")).read() == b"abcde"


@pytest.mark.parametrize("path", ["/silent", "/drip", "/drip-headers"])
def test_no_server_can_hold_a_url_beyond_its_deadline(server: Any, path: str):
    server.routes |= {"/silent": lambda handler: handler.wait(), "/drip": drip, "/drip-headers": drip_headers}
    bounded = opener(deadline=0.7)
    begin = time.monotonic()
    failure = rejection(bounded, server.url(path))
    assert failure.reason is Reason.TIMEOUT
    assert failure.detail == "no whole answer within 0.7 s"
    assert time.monotonic() - begin < 2
    assert rejection(bounded, server.url(path)).reason is Reason.TIMEOUT
    assert server.hits[path] == 1  # the time of this URL is up: a retry does not ask again


def test_redirects_share_one_deadline(server: Any):
    def slow_circle(handler: Any):
        handler.wait(0.3)
        handler.answer(b"", status=302, Location=f"/{int(handler.path[1:]) + 1}")

    server.routes |= {f"/{number}": slow_circle for number in range(20)}
    begin = time.monotonic()
    assert rejection(opener(deadline=0.8), server.url("/0")).reason is Reason.TIMEOUT
    assert time.monotonic() - begin < 2


def test_redirects_are_followed(server: Any):
    server.routes["/old"] = lambda handler: handler.answer(b"", status=301, Location="/new")
    server.routes["/new"] = lambda handler: handler.answer(b"here")
    assert opener().open(server.url("/old")).read() == b"here"


@pytest.mark.parametrize("target", ["/circle", "file:///etc/hostname", "ftp://127.0.0.1/a"])
def test_redirects_in_a_circle_or_out_of_the_web_are_not_followed(server: Any, target: str):
    server.routes["/circle"] = lambda handler: handler.answer(b"", status=302, Location=target)
    assert rejection(opener(), server.url("/circle")).reason is Reason.NOT_FOUND


@pytest.mark.parametrize("size", [1000, 1001])
def test_the_longest_body_is_exactly_max_bytes(server: Any, size: int):
    server.routes["/body"] = lambda handler: handler.answer(bytes(size))
    bounded = opener(max_bytes=1000)
    if size == 1000:
        assert len(bounded.open(server.url("/body")).read()) == size
    else:
        assert rejection(bounded, server.url("/body")).reason is Reason.TOO_LARGE


def test_a_huge_body_is_refused_before_it_is_read(server: Any):
    server.routes["/huge"] = lambda handler: handler.answer(b"", length=10**15)
    assert rejection(opener(), server.url("/huge")).reason is Reason.TOO_LARGE


def test_a_body_without_length_and_end_is_cut_off(server: Any):
    server.routes["/endless"] = endless
    failure = rejection(opener(deadline=30), server.url("/endless"))
    assert failure.reason is Reason.TOO_LARGE
    assert failure.detail == "more than 1000 bytes"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_an_answer_that_is_final_is_not_asked_for_again(server: Any, status: int):
    server.routes["/gone"] = lambda handler: handler.answer(b"", status=status)
    bounded = opener()
    for _ in range(3):
        failure = rejection(bounded, server.url("/gone"))
        assert (failure.reason, failure.detail) == (Reason.NOT_FOUND, f"HTTP {status}")
    assert server.hits["/gone"] == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_answer_that_may_change_is_asked_for_again_after_a_pause(server: Any, status: int):
    def busy_once(handler: Any):
        if server.hits["/busy"] == 1:
            handler.answer(b"", status=status)
        else:
            handler.answer(b"now")

    server.routes["/busy"] = busy_once
    bounded = opener()
    failure = rejection(bounded, server.url("/busy"))
    assert (failure.reason, failure.detail) == (Reason.DOWNLOAD_FAILED, f"HTTP {status}")
    begin = time.monotonic()
    assert bounded.open(server.url("/busy")).read() == b"now"
    assert time.monotonic() - begin > 0.4


def test_a_body_that_ends_early_is_no_success(server: Any):
    server.routes["/short"] = lambda handler: handler.answer(b"half", length=8)
    failure = rejection(opener(), server.url("/short"))
    assert (failure.reason, failure.detail) == (Reason.DOWNLOAD_FAILED, "the body ends early")


def test_an_image_that_is_opted_out_is_not_read(server: Any):
    def opted_out(handler: Any):
        handler.send_response(200)
        handler.send_header("X-Robots-Tag", "noai")
        handler.end_headers()
        handler.wait()

    server.routes["/mine"] = opted_out
    bounded = opener(deadline=30)
    for _ in range(2):
        assert rejection(bounded, server.url("/mine")).reason is Reason.OPTED_OUT
    assert server.hits["/mine"] == 1


def test_a_refused_connection_may_be_tried_again():
    failure = rejection(opener(deadline=0.1), "http://127.0.0.1:1/")
    assert (failure.reason, failure.detail) == (Reason.DOWNLOAD_FAILED, "Connection refused")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:,a", "http:///a", "http://127.0.0.1:port/", "http://a/ b"],
)
def test_what_is_no_web_address_is_not_opened(url: str):
    assert rejection(opener(), url).reason is Reason.NOT_FOUND


def test_https_is_verified(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.routes["/a"] = lambda handler: handler.answer(b"sealed")
    url = server.url("/a").replace("http:", "https:")

    failure = rejection(opener(deadline=0.4), url)
    assert failure.reason is Reason.DOWNLOAD_FAILED
    assert "CERTIFICATE_VERIFY_FAILED" in failure.detail

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert opener().open(url).read() == b"sealed"


def self_signed(folder: Path):
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "loopback.pem"
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path
