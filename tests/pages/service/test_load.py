"""Many clients at once, over real sockets: each is answered or refused, none is lost."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx2
import pytest
from torch import Tensor

from classifier.detector import Detector
from manifests.errors import TwinsetError
from pages.detector_facts import detector_facts
from pages.service.app import service
from pages.service.serving import listening, server_of
from pages.service.settings import ServiceSettings
from tests.pages.service.conftest import LOOPBACK
from tests.pages.service.pictures import HOSTILE, encoded

CLIENTS = 200
PATIENCE = 180


@pytest.fixture
def refused() -> threading.Event:
    """Set once a client was refused."""
    return threading.Event()


@pytest.fixture
def address(detector: Detector, refused: threading.Event) -> Iterator[str]:
    """A service whose network begins to judge once its queue was full: it would be quick enough for all otherwise."""

    def run(images: Tensor) -> Tensor:
        refused.wait(PATIENCE)
        logits: Tensor = detector.network(images)
        return logits

    slow = replace(detector, runner=run)
    settings = ServiceSettings(queue=24, rate=0, max_bytes=2**18, served_as=LOOPBACK)
    listener = listening("127.0.0.1", 0)
    server = server_of(service(slow, detector_facts("mine", detector.config), settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_of_200_uploads_at_once_each_is_answered_or_refused(address: str, refused: threading.Event):
    together = threading.Barrier(CLIENTS)
    bad = [data for data, _ in HOSTILE.values()]
    uploads = [
        bad[number % len(bad)] if number % 10 == 3 else bytes(2**19) if number % 10 == 7 else encoded(number, side=96)
        for number in range(CLIENTS)
    ]

    def upload(number: int) -> tuple[int, dict[str, object], bool]:
        with httpx2.Client(timeout=2 * PATIENCE, trust_env=False, verify=False) as client:
            together.wait()
            answered = client.post(f"{address}/predict", files={"images": (f"{number}.png", uploads[number])})
        if answered.status_code == 429:
            refused.set()
        return answered.status_code, answered.json(), "retry-after" in answered.headers

    with ThreadPoolExecutor(CLIENTS) as clients:
        found = list(clients.map(upload, range(CLIENTS)))
    statuses = Counter(status for status, _, _ in found)
    assert set(statuses) <= {200, 413, 422, 429}
    assert statuses[200] >= 1
    assert statuses[429] >= 1
    for number, (status, body, retry) in enumerate(found):
        assert retry == (status == 429)
        assert (status == 413) == (number % 10 == 7)
        if status == 200:
            [answer] = body["images"]  # type: ignore[misc]
            assert (answer["image"], answer["verdict"] in ("real", "fake")) == (f"{number}.png", True)
    assert httpx2.get(f"{address}/health", trust_env=False).json() == {"status": "ok", "waiting": 0, "queue": 24}


def test_a_port_that_is_taken_is_named():
    with listening("127.0.0.1", 0) as taken, pytest.raises(TwinsetError, match="cannot listen here"):
        listening("127.0.0.1", taken.getsockname()[1])
