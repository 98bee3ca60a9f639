import datetime as dt
import gzip
import ipaddress
import ssl
import time
import tracemalloc
from collections.abc import Callable
from importlib.metadata import version
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest

from manifests.errors import RejectedItem
from manifests.records import Reason
from sources.fetching.answers import Answer
from sources.fetching.bounded_opener import BoundedOpener
from sources.fetching.downloading import FetchSettings


def opener(
    deadline: float = 5.0, max_bytes: int = 1000, log: Callable[[Answer], None] = lambda _: None, **settings: Any
):
    return BoundedOpener(
        FetchSettings(**{"deadline": deadline, "private_hosts": {"127.0.0.1"}} | settings),
        max_bytes=max_bytes,
        opted_out=lambda headers: headers["X-Robots-Tag"] is not None,
        log=log,
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


def test_servers_are_told_who_asks(server: Any):
    server.routes["/who"] = lambda handler: handler.answer(handler.headers["User-Agent"].encode())
    asked = Request(server.url("/who"), headers={"User-Agent": "Mozilla/5.0"})  # noqa: S310
    name = f"twinset/{version('twinset')}"
    assert opener().open(asked).read().decode() == name
    contact = "https://example.org/about"
    assert opener(contact=contact).open(asked).read().decode() == f"{name} (+{contact})"


def test_every_attempt_is_told_of(server: Any):
    def busy_once(handler: Any):
        if server.hits["/photo"] == 1:
            handler.answer(b"", status=503)
        else:
            handler.answer(b"here", Content_Type="image/jpeg")

    server.routes["/old"] = lambda handler: handler.answer(b"", status=301, Location="/photo?a b")
    server.routes["/photo?a%20b"] = lambda handler: handler.answer(b"", status=308, Location="/photo")
    server.routes["/photo"] = busy_once
    told: list[Answer] = []
    bounded = opener(log=told.append)
    rejection(bounded, server.url("/old"))
    assert bounded.open(server.url("/old")).read() == b"here"
    rejection(bounded, "http://a.invalid:port/")
    found = [(answer.url, answer.final_url, answer.status, answer.content_type, answer.redirected) for answer in told]
    assert found == [
        (server.url("/old"), server.url("/photo"), 503, "", True),
        (server.url("/old"), server.url("/photo"), 200, "image/jpeg", True),
        ("http://a.invalid:port/", "", 0, "", False),
    ]


def test_a_server_that_says_when_to_come_back_is_not_asked_before(server: Any):
    server.routes["/busy"] = lambda handler: handler.answer(b"", status=429, Retry_After="60")
    bounded = opener()
    for _ in range(2):
        assert rejection(bounded, server.url("/busy")).detail == "HTTP 429"
    assert server.hits["/busy"] == 1  # a minute is more than the deadline leaves


@pytest.mark.parametrize(
    ("lines", "detail"),
    [
        (b"<html>\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\n" + 101 * b"X-More: more\r\n" + b"\r\n", "HTTPException"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + bytes(2**17), "LineTooLong"),
        (b"", "RemoteDisconnected"),
    ],
)
def test_an_answer_that_is_not_http_is_refused(server: Any, lines: bytes, detail: str):
    server.routes["/odd"] = lambda handler: handler.wfile.write(lines)
    failure = rejection(opener(), server.url("/odd"))
    assert (failure.reason, failure.detail) == (Reason.DOWNLOAD_FAILED, detail)


def test_gzip_that_nobody_has_asked_for_is_taken_off(server: Any):
    server.routes["/zipped"] = lambda handler: handler.answer(gzip.compress(b"photo"), Content_Encoding="gzip")
    assert opener().open(server.url("/zipped")).read() == b"photo"


def test_gzip_that_grows_beyond_the_cap_is_refused_before_it_has_grown(server: Any):
    bomb = gzip.compress(bytes(2**24))
    server.routes["/bomb"] = lambda handler: handler.answer(bomb, Content_Encoding="gzip")
    tracemalloc.start()
    try:
        assert rejection(opener(max_bytes=2**15), server.url("/bomb")).reason is Reason.TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_gzip_that_is_cut_off_is_no_success(server: Any):
    cut = gzip.compress(bytes(range(256)))[:-20]
    server.routes["/cut"] = lambda handler: handler.answer(cut, Content_Encoding="gzip")
    assert rejection(opener(), server.url("/cut")).detail == "the body ends early"


def robots(server: Any, text: str, **settings: Any):
    server.routes["/robots.txt"] = lambda handler: handler.answer(text.encode(), X_Robots_Tag="noindex")
    return opener(robots=True, **settings)


def test_robots_txt_is_asked_for_once_and_obeyed(server: Any):
    server.routes |= dict.fromkeys(("/a.jpg", "/b.jpg", "/c.png"), lambda handler: handler.answer(b"open"))
    bounded = robots(server, "User-agent: *\nDisallow: /\n\nUser-agent: twinset\nDisallow: /*.png$\n")
    for path in ("/a.jpg", "/b.jpg"):
        assert bounded.open(server.url(path)).read() == b"open"
    failure = rejection(bounded, server.url("/c.png"))
    assert (failure.reason, failure.detail) == (Reason.OPTED_OUT, "robots.txt")
    assert server.hits == {"/robots.txt": 1, "/a.jpg": 1, "/b.jpg": 1}


def test_robots_txt_is_asked_where_a_redirect_leads(server: Any):
    server.routes["/open"] = lambda handler: handler.answer(b"", status=302, Location="/closed")
    assert rejection(robots(server, "User-agent: *\nDisallow: /closed"), server.url("/open")).detail == "robots.txt"
    assert server.hits["/closed"] == 0


def test_a_host_without_robots_txt_allows_all(server: Any):
    server.routes["/a.jpg"] = lambda handler: handler.answer(b"open")
    assert opener(robots=True).open(server.url("/a.jpg")).read() == b"open"
    assert server.hits["/robots.txt"] == 1


def test_a_robots_txt_that_cannot_be_read_now_forbids_for_now(server: Any):
    """RFC 9309, 2.3.1.4: a server in trouble is left alone."""
    server.routes["/robots.txt"] = lambda handler: handler.answer(b"", status=503)
    failure = rejection(opener(robots=True), server.url("/a.jpg"))
    assert (failure.reason, failure.detail) == (Reason.DOWNLOAD_FAILED, "robots.txt: HTTP 503")
    assert server.hits["/a.jpg"] == 0


def test_a_robots_txt_that_never_comes_holds_nobody_beyond_the_deadline(server: Any):
    server.routes["/robots.txt"] = lambda handler: handler.wait()
    bounded = opener(deadline=0.7, robots=True)
    began = time.monotonic()
    with ThreadPool(3) as threads:
        failures = threads.map(lambda number: rejection(bounded, server.url(f"/{number}")), range(3))
    assert {failure.reason for failure in failures} == {Reason.TIMEOUT}
    assert time.monotonic() - began < 3


def test_waiting_for_a_turn_is_not_charged_to_the_url(server: Any):
    def slow(handler: Any):
        handler.wait(0.3)
        handler.answer(b"late")

    server.routes["/slow"] = slow
    urls = [f"{server.url('/slow')}#{number}" for number in range(4)]  # the server does not see what stands after #
    bounded = opener(deadline=0.8, per_host=1)
    with ThreadPool(4) as threads:
        assert threads.map(lambda url: bounded.open(url).read(), urls) == [b"late"] * 4


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
