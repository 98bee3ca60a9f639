"""What the service answers: verdicts, reasons, refusals."""

import re
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from classifier.detector import Detector
from classifier.images import judged_pixels
from pages.service.judging import Judging
from pages.service.refusals import RefusalError
from pages.service.settings import ServiceSettings
from pages.service.uploads import Linked
from tests.pages.service.conftest import OpenService
from tests.pages.service.pictures import HOSTILE, POLYGLOT, encoded


def form(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", file) for file in files]


def test_each_image_has_its_answer_in_the_order_sent(open_service: OpenService, detector: Detector):
    images = [(f"{number}.png", encoded(number)) for number in range(7)]
    with open_service(batch=3) as client:
        answered = client.post("/predict", files=form(*images))
    assert answered.status_code == 200
    found = answered.json()
    assert (found["model"], found["threshold"]) == ("somewhere/mine", 0.5)
    assert [each["image"] for each in found["images"]] == [name for name, _ in images]
    scores = detector.predict([judged_pixels(data) for _, data in images])
    assert [each["score"] for each in found["images"]] == pytest.approx(scores.tolist(), abs=1e-5)
    assert [each["verdict"] for each in found["images"]] == ["fake" if score > 0.5 else "real" for score in scores]


def test_files_that_mean_harm_get_reasons_and_the_others_verdicts(open_service: OpenService):
    files = [*((name, data) for name, (data, _) in HOSTILE.items()), ("polyglot.png", POLYGLOT)]
    with open_service() as client:
        answered = client.post("/predict", files=form(*files))
        alone = client.post("/predict", files=form(("cut.png", HOSTILE["cut.png"][0])))
        assert client.get("/health").json() == {"status": "ok", "waiting": 0, "queue": 64}
    found = {each["image"]: each for each in answered.json()["images"]}
    assert {name: found[name]["reason"] for name in HOSTILE} == {name: why for name, (_, why) in HOSTILE.items()}
    assert all(found[name]["detail"] and found[name]["verdict"] is None for name in HOSTILE)
    assert found["polyglot.png"]["verdict"] in ("real", "fake")
    assert (answered.status_code, alone.status_code) == (200, 422)
    assert alone.json()["images"][0]["reason"] == "truncated"


def test_names_are_repeated_without_control_characters(open_service: OpenService):
    with open_service() as client:
        answered = client.post("/predict", files=form(("../../etc/\x1b[2Jpass\u202ewd" + "x" * 500, encoded())))
    [answer] = answered.json()["images"]
    assert answer["verdict"]
    assert answer["image"].isprintable()
    assert len(answer["image"]) == 255


@pytest.mark.parametrize(
    ("settings", "request_", "status", "error"),
    [
        ({"max_bytes": 2000}, {"files": form(("a.png", encoded()))}, 413, "too-large"),
        ({"max_bytes": 2000}, {"content": iter([b"x" * 1500] * 2), "headers": {"content-type": "application/json"}}, 413, "too-large"),
        ({"max_images": 2}, {"files": form(*[("a.png", encoded())] * 3)}, 400, "form"),
        ({}, {"data": {"images": "text"}, "files": {}}, 415, "content-type"),
        ({}, {"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 400, "form"),
        ({}, {"content": b"--x--\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, "no-images"),
        ({}, {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "json"),
        ({}, {"json": ["[" * 10]}, 400, "json"),
        ({}, {"json": {"url": "file:///etc/passwd"}}, 400, "url"),
        ({}, {"json": {"url": "http://[1"}}, 400, "json"),
        ({}, {"json": {"url": "http://x.example", "more": 1}}, 400, "json"),
        ({}, {"files": form(("a.png", encoded())), "headers": {"origin": "https://elsewhere.example"}}, 403, "origin"),
        ({}, {"files": form(("a.png", encoded())), "headers": {"host": "rebound.example"}}, 403, "host"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_in_one_form(
    open_service: OpenService, settings: dict[str, object], request_: dict[str, object], status: int, error: str
):
    with open_service(**settings) as client:
        answered = client.post("/predict", **request_)
        assert client.get("/health").json()["waiting"] == 0
    assert (answered.status_code, answered.json()["error"]) == (status, error)
    assert answered.json()["detail"]


def test_what_is_not_there_is_told_in_the_same_form(open_service: OpenService):
    with open_service() as client:
        assert [client.get(path).status_code for path in ("/nothing", "/../etc/passwd", "/predict")] == [404, 404, 405]
        assert client.get("/predict").json()["error"] == "no-such-thing"


def test_the_page_needs_nothing_from_anywhere(open_service: OpenService):
    with open_service() as client:
        assert client.get("/").url.path == "/docs"
        page = client.get("/docs").text
        document = client.get("/openapi.json").json()
    assert "POST /predict" in page
    assert not re.findall(r'(?:src|href)="(?!#|/openapi\.json)[^"]*"|<script|@import|url\(', page)
    assert {"/predict", "/health", "/model"} == set(document["paths"])
    assert "multipart/form-data" in document["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert {"200", "413", "422", "429"} <= set(document["paths"]["/predict"]["post"]["responses"])


def test_the_detector_is_told_without_where_it_lies(open_service: OpenService):
    with open_service() as client:
        found = client.get("/model").json()
    assert (found["trained_on"], found["generators"], found["threshold"], found["test"]) == (
        "little-world", ["sd"], 0.5, None,
    )  # fmt: skip


def test_a_client_that_asks_too_often_is_told_when_to_come_again(
    open_service: OpenService, monkeypatch: pytest.MonkeyPatch
):
    # however long an answer takes, no token comes meanwhile
    monkeypatch.setattr("pages.service.rates.time", SimpleNamespace(monotonic=lambda: 100.0))
    with open_service(rate=0.5, burst=2) as client:
        answered = [client.post("/predict", files=form(*[("a.png", encoded())] * 2)) for _ in range(3)]
        assert client.get("/health").status_code == 200
    assert [each.status_code for each in answered] == [200, 429, 429]
    assert answered[1].json()["error"] == "rate"
    assert int(answered[1].headers["retry-after"]) == 2


def test_when_all_places_are_taken_the_next_is_refused(detector: Detector):
    judging = Judging(detector, ServiceSettings(queue=2))
    with judging.place(), judging.place():
        with pytest.raises(RefusalError, match="queue-full") as refused, judging.place():
            pass
        assert (refused.value.status, refused.value.retry_after) == (429, 1)
    with judging.place():
        assert judging.waiting == 1
    judging.worker.close()
    assert not judging.worker.is_alive


def test_a_detector_that_fails_says_nothing_of_itself(open_service: OpenService, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error in /secret/path")

    with open_service() as client:
        with monkeypatch.context() as patched:
            patched.setattr("pages.service.model_worker.judged", broken)
            failed = client.post("/predict", files=form(("a.png", encoded()), ("b.png", encoded(1))))
        assert client.post("/predict", files=form(("a.png", encoded()))).status_code == 200
    assert failed.status_code == 500
    assert failed.json()["error"] == "detector"
    assert "secret" not in failed.text


class _Web(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302 if self.path.startswith("/inwards") else 200)
        if self.path.startswith("/inwards"):
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
        self.end_headers()
        self.wfile.write(encoded() if self.path.startswith("/a.png") else b"")

    def log_message(self, *_: object):
        pass


@pytest.fixture
def web():
    with HTTPServer(("127.0.0.1", 0), _Web) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_urls_lead_to_no_private_address_unless_it_is_allowed(open_service: OpenService, web: str):
    with open_service() as client:
        refused = client.post("/predict", json={"url": f"{web}/a.png"})
    with open_service(private_hosts=frozenset({"127.0.0.1"})) as client:
        allowed = client.post("/predict", json={"url": f"{web}/a.png?token=secret"})
        inwards = client.post("/predict", json={"url": f"{web}/inwards"})
    assert (refused.status_code, refused.json()["images"][0]["reason"]) == (422, "private-address")
    assert allowed.status_code == 200
    assert inwards.json()["images"][0]["reason"] == "private-address"
    assert "169.254" not in inwards.text
    assert "secret" not in allowed.text
    assert Linked("https://user:password@x.example/a.png?token=1", ServiceSettings()).name == "https://x.example/a.png"


def test_temporary_files_of_forms_are_gone_afterwards(
    open_service: OpenService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_service() as client:
        assert client.post("/predict", files=form(("a.png", encoded(side=700)))).status_code == 200
    assert not list(tmp_path.iterdir())
