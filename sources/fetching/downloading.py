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
from importlib.metadata import version
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_serializer

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.fetching.answers import ANSWERS
from sources.fetching.politeness import Pace

JOB, OUTCOMES, OUTPUT = "job.json", "outcomes.jsonl", "output"
"""What lies in the folder of a run: its input, its result, and img2dataset's own folder."""

HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9._:-]+$")]
"""A name or an IP address as a URL has it: lower case, no port, no brackets."""

_START = 600.0  # seconds that img2dataset and its processes may take to be imported on a busy machine
_NO_URL = "unknown url type"  # what urllib says of text without a scheme, before the opener is asked
_LOOK_UP = 60.0  # seconds that the look-up of a name may take beside the deadline of its URL


class FetchSettings(BaseModel):
    """How URLs are fetched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: int = Field(default=32, gt=0, le=1024, description="URLs that are fetched at the same time")
    deadline: float = Field(
        default=30.0, gt=0, le=3600, description="seconds for one URL in all, redirects and retries included"
    )
    retries: int = Field(
        default=2, ge=0, description="further attempts after a failure that may pass, within the deadline"
    )
    per_host: int | None = Field(
        default=None,
        gt=0,
        description="requests to one host at the same time; by default 8, and no limit for private_hosts",
    )
    interval: float | None = Field(
        default=None,
        ge=0,
        le=60,
        description="seconds between the starts of two requests to one host; by default 0.02, and 0 for private_hosts",
    )
    user_agent_token: str = Field(
        default="twinset",
        pattern=r"^[a-z0-9._-]+$",
        description="names this program to servers, and to robots.txt and opt-out headers that name programs",
    )
    contact: str = Field(
        default="",
        pattern=r"^[!-'*-~]*$",
        description="a URL or mail address that tells a server's owner who is asking; part of the user agent",
    )
    robots: bool = Field(default=False, description="ask each host's robots.txt first, and do what it says")
    private_hosts: frozenset[HostName] = Field(
        default=frozenset(),
        description="hosts that may be asked although their addresses are not on the public internet",
    )

    @property
    def user_agent(self) -> str:
        """How this program introduces itself."""
        name = f"{self.user_agent_token}/{version('twinset')}"
        return f"{name} (+{self.contact})" if self.contact else name

    def pace(self, host: str) -> Pace:
        """How often a host is asked at most."""
        at_a_time, interval = (None, 0.0) if host in self.private_hosts else (8, 0.02)
        return Pace(
            at_a_time=at_a_time if self.per_host is None else self.per_host,
            interval=interval if self.interval is None else self.interval,
        )

    @field_serializer("private_hosts")
    def _in_order(self, hosts: frozenset[str]) -> list[str]:
        return sorted(hosts)


class Job(BaseModel):
    """The input of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: tuple[str, ...]
    settings: FetchSettings
    max_bytes: int


class Outcome(BaseModel):
    """One line of a run's result: where the bytes lie, or the error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: int = Field(ge=0, description="position of the URL in the job")
    file: str = Field(default="", description="a shard in img2dataset's folder")
    offset: int = Field(default=0, ge=0, description="where the bytes begin in the shard")
    size: int = Field(default=0, ge=0, description="bytes")
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
    this process is killed. It is given its own folder in `workdir`, removed at the end; `img2dataset.log` stays, and
    `answers.jsonl`, to which the answers of this run are appended.

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
        _run(folder, log, seconds=_START + _longest(urls, settings))
        outcomes = _outcomes(folder, log, len(urls))
        with (workdir / ANSWERS).open("ab") as answers:
            answers.write((folder / ANSWERS).read_bytes())
        for outcome in outcomes:
            yield _rejection(outcome.error) if outcome.error else stored_bytes(folder, outcome)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stored_bytes(folder: Path, outcome: Outcome) -> bytes:
    """What was fetched, out of the shard that it lies in."""
    with (folder / OUTPUT / outcome.file).open("rb") as shard:
        shard.seek(outcome.offset)
        return shard.read(outcome.size)


def _longest(urls: Sequence[str], settings: FetchSettings) -> float:
    """Seconds that fetching may take at most: every URL up to its deadline, all of one host in the worst case."""
    paces = [settings.pace(host) for host in {_host(url) for url in urls}]
    at_a_time = min(pace.at_a_time or settings.concurrency for pace in paces)
    waves = ceil(len(urls) / min(at_a_time, settings.concurrency))
    pauses = len(urls) * (settings.retries + 1) * max(pace.interval for pace in paces)
    return waves * (settings.deadline + _LOOK_UP) + pauses


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # it will be rejected as malformed
        return ""


def _run(folder: Path, log: Path, *, seconds: float) -> None:
    command = [sys.executable, "-P", "-m", "sources.fetching.img2dataset_worker", str(folder)]
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
    if error.startswith(_NO_URL):
        return RejectedItem(Reason.NOT_FOUND, "malformed URL")
    reason, _, detail = error.partition(": ")
    try:
        return RejectedItem(Reason(reason), detail)
    except ValueError:
        return RejectedItem(Reason.DOWNLOAD_FAILED, error)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it printed nothing"
