"""What a server may answer: bodies of all kinds, none, too slowly, too much."""

import gzip
import time
import tracemalloc
from importlib.metadata import version
from multiprocessing.pool import ThreadPool
from typing import Any
from urllib.request import Request

import pytest

from manifests.records import Reason
from sources.fetching.answers import Answer
from tests.sources.fetching.opening import opener, rejection


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
    bounded = opener(deadline=2.0)
    begin = time.monotonic()
    failure = rejection(bounded, server.url(path))
    assert failure.reason is Reason.TIMEOUT
    assert failure.detail == "no whole answer within 2 s"
    assert time.monotonic() - begin < 30  # the server itself would take more than a minute
    assert rejection(bounded, server.url(path)).reason is Reason.TIMEOUT
    assert server.hits[path] == 1  # the time of this URL is up: a retry does not ask again


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
    failure = rejection(opener(), "http://127.0.0.1:1/")
    assert (failure.reason, failure.detail) == (Reason.DOWNLOAD_FAILED, "Connection refused")


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


def test_waiting_for_a_turn_is_not_charged_to_the_url(server: Any):
    def slow(handler: Any):
        handler.wait(1.1)
        handler.answer(b"late")

    server.routes["/slow"] = slow
    urls = [f"{server.url('/slow')}#{number}" for number in range(4)]  # the server does not see what stands after #
    bounded = opener(deadline=4.0, per_host=1)  # less than the four take together
    with ThreadPool(4) as threads:
        assert threads.map(lambda url: bounded.open(url).read(), urls) == [b"late"] * 4
