"""The real flow, with no server but the embedded one, as it stops: too many drops, and an interrupt."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import start, twinset

Recipe = Callable[..., Path]

pytestmark = pytest.mark.xdist_group("commands")


def test_a_run_that_drops_too_much_stops(recipe: Recipe, tmp_path: Path):
    path = recipe(replace={"drop_rate = 1.0": "drop_rate = 0.01"})
    result = twinset("build", path, "--out", tmp_path / "out")
    assert result.returncode == 1
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: stage screen dropped")
    assert "raise limits.drop_rate" in line
    assert "Traceback" not in result.stderr


def test_an_interrupted_build_stops_at_once(recipe: Recipe, tmp_path: Path):
    out = tmp_path / "out"
    process = start("build", recipe(), "--out", out)
    while not (out / "work" / "frame" / "00000.done.json").exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(1)  # into the loading of a model
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - started < 30
    assert "stopped. Run the same command again to go on where it stopped." in errors
    assert "Traceback" not in errors
    assert is_gone(process.pid, within=30), "Prefect's server still runs"


def is_gone(group: int, within: float) -> bool:
    """Whether no process of the group is left after some seconds at most."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
