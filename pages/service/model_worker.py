"""The one thread that has the network: it judges together what waits together."""

import logging
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass

from classifier.detector import Detector
from classifier.prediction import Answer, Window, judged

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    name: str
    window: Window
    answer: "Future[Answer]"


class ModelWorker:
    """Judges windows in a thread of its own, in batches of those that have come meanwhile.

    How many wait is for its callers to bound.
    """

    def __init__(self, detector: Detector, batch: int) -> None:
        """Start the thread.

        Args:
            detector: who judges. Nobody else may use it meanwhile.
            batch: windows that are judged at a time, at most.
        """
        self._detector = detector
        self._batch = batch
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether anybody judges."""
        return self._thread.is_alive()

    def submit(self, name: str, window: Window) -> "Future[Answer]":
        """Have a window judged. The future fails where the network does; cancelled ones are passed over."""
        job = _Job(name, window, Future())
        self._jobs.put(job)
        return job.answer

    def close(self) -> None:
        """End the thread once it has judged what was submitted before."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (batch := self._waiting()) is not None:
            if jobs := [job for job in batch if job.answer.set_running_or_notify_cancel()]:
                self._judge(jobs)

    def _waiting(self) -> list[_Job] | None:
        """One job, waited for, and those behind it; None at the end."""
        first = self._jobs.get()
        if first is None:
            return None
        jobs = [first]
        while len(jobs) < self._batch and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            jobs.append(job)
        return jobs

    def _judge(self, jobs: list[_Job]) -> None:
        try:
            answers = list(judged(self._detector, [(job.name, job.window) for job in jobs]))
        except Exception as error:  # noqa: BLE001 - who waits must hear of it, whatever it is; the next batch may go well
            _log.exception("a batch of %d images was not judged", len(jobs))
            for job in jobs:
                job.answer.set_exception(error)
            return
        for job, answer in zip(jobs, answers, strict=True):
            job.answer.set_result(answer)
