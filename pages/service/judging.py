"""From a request's images to answers: decoded side by side, judged in one queue, each with a verdict or the reason why not."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from classifier.detector import Detector
from classifier.prediction import Answer, Window, window_of
from manifests.errors import RejectedItem, printable
from pages.service.model_worker import ModelWorker
from pages.service.refusals import RefusalError
from pages.service.settings import ServiceSettings
from pages.service.uploads import Image, Linked

_MOST_FETCHES = 16


class Judging:
    """A detector, the threads that work for it, and the places of those who wait. Made and used in one event loop."""

    def __init__(self, detector: Detector, settings: ServiceSettings) -> None:
        """Start the model's thread."""
        self.worker = ModelWorker(detector, settings.batch)
        self._detector = detector
        self._settings = settings
        self._decoders = CapacityLimiter(settings.decoders)
        self._fetchers = CapacityLimiter(_MOST_FETCHES)
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Requests that are read or wait for their answer."""
        return self._taken

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the places in the queue.

        Raises:
            RefusalError: all are taken.
        """
        if self._taken >= self._settings.queue:
            raise RefusalError(
                429, "queue-full", f"{self._taken} requests are waiting. Send this one again later.", retry_after=1
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def answers(self, images: Sequence[Image]) -> list[Answer]:
        """What is said of each image, in their order.

        Raises:
            RefusalError: the network failed.
        """
        return list(await asyncio.gather(*(self._answer(image) for image in images)))

    async def _answer(self, image: Image) -> Answer:
        data = await run_sync(image.read, limiter=self._fetchers) if isinstance(image, Linked) else None
        window = await run_sync(self._window, image, data, limiter=self._decoders)
        if isinstance(window, RejectedItem):
            return Answer(image=image.name, reason=window.reason, detail=printable(window.detail))
        try:
            return await asyncio.wrap_future(self.worker.submit(image.name, window))
        except Exception as error:  # the worker has logged it; what it says may hold paths
            raise RefusalError(500, "detector", "The detector failed on this image. Its log says why.") from error

    def _window(self, image: Image, data: bytes | RejectedItem | None) -> Window | RejectedItem:
        found = image.read() if data is None else data
        return window_of(self._detector, found, max_pixels=self._settings.max_pixels)
