"""A tiny detector with random weights, and the service around it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from starlette.testclient import TestClient

from classifier.detector import Detector
from pages.detector_facts import detector_facts
from pages.service.app import service
from pages.service.settings import ServiceSettings
from tests.pages.detectors import tiny_detector

OpenService = Callable[..., AbstractContextManager[TestClient]]
LOOPBACK = frozenset({"127.0.0.1"})


@pytest.fixture(scope="session")
def detector() -> Detector:
    return tiny_detector()


@pytest.fixture
def open_service(detector: Detector) -> OpenService:
    """Opens the service, in this process, with settings of one's own."""

    @contextmanager
    def opened(**settings: object) -> Iterator[TestClient]:
        limits = ServiceSettings(served_as=LOOPBACK, **settings)  # type: ignore[arg-type]
        app = service(detector, detector_facts("somewhere/mine", detector.config), limits)
        with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
            yield client

    return opened
