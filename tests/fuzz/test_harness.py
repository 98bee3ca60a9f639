"""The harness sees what it looks for: readers that do what no reader may do are found out."""

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.harness import Target, survive


class _Program:
    """What runs a program when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("true",)


def _hold(file: Path) -> None:
    if file.read_bytes() == b"":
        bytes(range(256)) * 2**19


def _turn(file: Path) -> None:
    while file.read_bytes() == b"":
        time.process_time()


def _raise(file: Path) -> None:
    if not file.read_bytes():
        raise KeyError("not for a person")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "raises": (_raise, "not for a person"),
    "writes": (lambda file: (file.parents[1] / "canary").write_bytes(b""), "for writing"),
    "removes": (lambda file: (file.parents[1] / "canary").unlink(missing_ok=True), "os.remove"),
    "runs": (lambda file: os.system("true"), "os.system"),  # noqa: S605, S607, ARG005 - it must be seen
    "unpickles": (lambda file: pickle.loads(pickle.dumps(_Program())), "find_class"),  # noqa: S301, ARG005 - likewise
    "aborts": (lambda file: None if file.read_bytes() else os.abort(), "SIGABRT"),
    "holds memory": (_hold, "of memory"),
    "never ends": (_turn, "seconds"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_reader_is_found_out(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    read, words = BAD[name]
    monkeypatch.setattr("tests.fuzz.harness._SECONDS", 1)
    monkeypatch.setattr("tests.fuzz.harness._MEMORY", 2**26)

    with pytest.raises(AssertionError, match=words):
        survive(Target(name, "file", lambda: [b"whole"], read, examples=100), tmp_path)
