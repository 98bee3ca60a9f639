"""What a host's robots.txt forbids is not asked for."""

import time
from multiprocessing.pool import ThreadPool
from typing import Any

from manifests.records import Reason
from tests.sources.fetching.opening import opener, rejection


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
    assert time.monotonic() - began < 30  # the server itself would take a minute
