"""Fetching a list of URLs with img2dataset, which runs as a program of its own and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.util import find_spec
from math import ceil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason

JOB, OUTCOMES, OUTPUT = "job.json", "outcomes.jsonl", "output"
"""What lies in the folder of a run: its input, its result, and img2dataset's own folder."""

_START = 600.0  # seconds that img2dataset and its processes may take to be imported on a busy machine
_LOOK_UP = 60.0  # seconds that the look-up of a name may take beside the deadline of its URL


class FetchSettings(BaseModel):
    """How URLs are fetched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: int = Field(default=32, gt=0, le=1024, description="URLs that are fetched at the same time")
    deadline: float = Field(
        default=30.0, gt=0, description="seconds for one URL in all, redirects and retries included"
    )
    retries: int = Field(
        default=2, ge=0, description="further attempts after a failure that may pass, within the deadline"
    )
    user_agent_token: str = Field(
        default="twinset",
        pattern=r"^[a-z0-9._-]+$",
        description="names this program to servers, and to opt-out headers that name programs",
    )


class Job(BaseModel):
    """The input of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: tuple[str, ...]
    settings: FetchSettings
    max_bytes: int


class Outcome(BaseModel):
    """One line of a run's result: the file with the bytes, or the error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: int = Field(ge=0, description="position of the URL in the job")
    file: str = Field(default="", description="path inside img2dataset's folder")
    error: str = ""


def require_img2dataset() -> None:
    """Check that img2dataset can run here.

    Raises:
        SourceError: it is not installed, or the `dataclasses` backport is.
    """
    if find_spec("img2dataset") is None:
        raise SourceError("fetching URLs needs img2dataset: pip install 'twinset[fetch]'")
    standard = Path(sysconfig.get_path("stdlib"))
    for entry in sys.path:
        found = PathFinder.find_spec("dataclasses", [entry])
        if found is not None and found.origin is not None and Path(found.origin).parent != standard:
            raise SourceError("the package `dataclasses` hides Python's own module: pip uninstall -y dataclasses")


def download(
    urls: Sequence[str], workdir: Path, settings: FetchSettings, *, max_bytes: int
) -> Iterator[bytes | RejectedItem]:
    """The bytes at some URLs exactly as they came, whatever they are, in the order of the URLs.

    img2dataset runs in a session of its own: killed with its processes when this generator ends, and by itself when
    this process is killed. It is given its own folder in `workdir`, removed at the end; `img2dataset.log` stays.

    Args:
        urls: what to fetch.
        workdir: a local folder.
        settings: how.
        max_bytes: longer bodies are rejected.

    Raises:
        SourceError: img2dataset is not installed, stopped with an error, or took longer than its deadlines allow.
    """
    require_img2dataset()
    if not urls:
        return
    folder, log = workdir / "img2dataset", workdir / "img2dataset.log"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        (folder / JOB).write_text(Job(urls=tuple(urls), settings=settings, max_bytes=max_bytes).model_dump_json())
        waves = ceil(len(urls) / settings.concurrency)
        _run(folder, log, seconds=_START + waves * (settings.deadline + _LOOK_UP))
        for outcome in _outcomes(folder, log, len(urls)):
            yield _rejection(outcome.error) if outcome.error else (folder / OUTPUT / outcome.file).read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, log: Path, *, seconds: float) -> None:
    command = [sys.executable, "-P", "-m", "sources.img2dataset_worker", str(folder)]
    # albumentations, which img2dataset imports, would otherwise ask a server whether it is up to date
    environment = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,  # its end tells the worker that this process is gone
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        ) as worker,
    ):
        try:
            code = worker.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise SourceError(f"img2dataset did not end within {seconds:.0f} s; see {log}") from error
        finally:
            with suppress(ProcessLookupError):  # the processes that it started stand in its group
                os.killpg(worker.pid, signal.SIGKILL)
    if code != 0:
        raise SourceError(f"img2dataset stopped with exit code {code}: {_last_line(log)}; see {log}")


def _outcomes(folder: Path, log: Path, count: int) -> list[Outcome]:
    with (folder / OUTCOMES).open("rb") as lines:
        outcomes = sorted((Outcome.model_validate_json(line) for line in lines), key=lambda outcome: outcome.item)
    if [outcome.item for outcome in outcomes] != list(range(count)):
        raise SourceError(f"img2dataset accounts for {len(outcomes)} of {count} URLs: {_last_line(log)}; see {log}")
    return outcomes


def _rejection(error: str) -> RejectedItem:
    """The rejection that an error column tells of: the opener's, or img2dataset's own words."""
    reason, _, detail = error.partition(": ")
    try:
        return RejectedItem(Reason(reason), detail)
    except ValueError:
        return RejectedItem(Reason.DOWNLOAD_FAILED, error)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it printed nothing"
