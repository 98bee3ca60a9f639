"""Traps: what a build meets on its way, made to fail or to be its end at the nth time."""

import builtins
import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self
from unittest.mock import patch

from fsspec.implementations.local import LocalFileSystem
from PIL import ImageFile

ERRORS = {
    "full disk": errno.ENOSPC,
    "no permission": errno.EACCES,
    "read-only": errno.EROFS,
    "broken disk": errno.EIO,
}
KILLS = ("killed before", "killed after")
WAYS: dict[str, tuple[str, ...]] = {
    "mkdir": ("full disk", "no permission", "read-only", *KILLS),
    "open": ("full disk", "no permission", "read-only", "broken disk", *KILLS),
    "write": ("full disk", "broken disk", "killed before", "killed midway"),
    "rename": ("full disk", "no permission", "broken disk", *KILLS),
    "remove": ("no permission", "read-only", "broken disk", *KILLS),
    "read": ("no permission", "broken disk", *KILLS),
    "decode": KILLS,
    "model": KILLS,
}
"""What can happen at each kind of event."""

KILLED = 137


class Interrupted(BaseException):
    """A kill of a process that goes on nevertheless: the test's own."""


@dataclass(frozen=True)
class Fault:
    """What happens at which event.

    Attributes:
        event: a key of `WAYS`.
        nth: from 1.
        way: one of the event's ways.
    """

    event: str
    nth: int
    way: str

    @property
    def is_kill(self) -> bool:
        """Whether the process ends by it."""
        return self.way.startswith("killed")


@dataclass
class Trap:
    """Counts events, and lets the fault happen.

    Attributes:
        fault: None to count only.
        kill: what a kill does.
        counts: events met so far, by kind.
        sprung: whether the fault has happened.
    """

    fault: Fault | None = None
    kill: Callable[[], None] = lambda: os._exit(KILLED)
    counts: Counter[str] = field(default_factory=Counter)
    sprung: bool = False

    def around(self, event: str, call: Callable[[], Any], midway: Callable[[], Any] = lambda: None) -> Any:
        """Do what the event is, or what its fault makes of it.

        Args:
            event: its kind.
            call: does it.
            midway: does half of it.
        """
        self.counts[event] += 1
        fault = self.fault
        if fault is None or (fault.event, fault.nth) != (event, self.counts[event]):
            return call()
        self.sprung = True
        if fault.way in ERRORS:
            midway()
            code = ERRORS[fault.way]
            raise OSError(code, os.strerror(code))
        if fault.way == "killed midway":
            midway()
        elif fault.way == "killed after":
            with suppress(OSError):  # what is to be removed need not be there
                opened = call()
                if hasattr(opened, "close"):
                    opened.close()  # a process that ends closes its files
        return self.kill()


class _Trapped:
    """A file that is written through a trap."""

    def __init__(self, stream: IO[bytes], trap: Trap) -> None:
        self._stream = stream
        self._trap = trap

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: bytes) -> int:
        """Write, or half of it."""

        def half() -> None:
            self._stream.write(bytes(data)[: len(data) // 2])
            self._stream.flush()

        return int(self._trap.around("write", lambda: self._stream.write(data), half))


@contextmanager
def set_traps(trap: Trap, *, model: bool = False) -> Iterator[None]:
    """Lead what a build does through a trap.

    Args:
        trap: the trap.
        model: calls of models, too.
    """
    replace, makedirs, load = os.replace, os.makedirs, ImageFile.ImageFile.load
    remove, read = LocalFileSystem.rm_file, LocalFileSystem.cat_file

    def opened(path: str, mode: str) -> _Trapped:
        return _Trapped(trap.around("open", lambda: builtins.open(path, mode)), trap)  # noqa: PTH123 - as the code does

    def renamed(source: Any, target: Any, **options: Any) -> None:
        if ".partial-" in str(source):
            trap.around("rename", lambda: replace(source, target))
        else:
            replace(source, target, **options)

    def made(path: Any, *args: Any, **options: Any) -> None:
        if Path(path).is_dir():
            makedirs(path, *args, **options)
        else:
            trap.around("mkdir", lambda: makedirs(path, *args, **options))

    with (
        patch("manifests.storage.open", opened, create=True),
        patch("os.replace", renamed),
        patch("os.makedirs", made),
        patch.object(LocalFileSystem, "rm_file", lambda self, path: trap.around("remove", lambda: remove(self, path))),
        patch.object(
            LocalFileSystem,
            "cat_file",
            lambda self, path, *args, **kw: trap.around("read", lambda: read(self, path, *args, **kw)),
        ),
        patch.object(ImageFile.ImageFile, "load", lambda self: trap.around("decode", lambda: load(self))),
        _model_calls(trap if model else None),
    ):
        yield


@contextmanager
def _model_calls(trap: Trap | None) -> Iterator[None]:
    if trap is None:
        yield
        return
    from torch import nn

    call = nn.Module.__call__
    with patch.object(
        nn.Module, "__call__", lambda self, *args, **kw: trap.around("model", lambda: call(self, *args, **kw))
    ):
        yield


@contextmanager
def still_clock(now: float = 1_800_000_000.0) -> Iterator[None]:
    """A clock that stands, so that even what tells the time comes out in the same bytes."""
    with patch("time.time", lambda: now):
        yield


@contextmanager
def jumping_clock(nth: int, seconds: float) -> Iterator[None]:
    """A clock that jumps when it is asked for the nth time, and goes on from there."""
    real, asked = time.time, 0

    def now() -> float:
        nonlocal asked
        asked += 1
        return real() + (seconds if asked >= nth else 0.0)

    with patch("time.time", now):
        yield
