"""The real flow, with no server but the embedded one, as it stops: too many drops, and an interrupt."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Recipe = Callable[..., Path]

pytestmark = pytest.mark.xdist_group("commands")


def test_a_run_that_drops_too_much_stops(recipe: Recipe, tmp_path: Path):
    path = recipe(replace={"drop_rate = 1.0": "drop_rate = 0.01"})
    command = [sys.executable, "-m", "twinset", "build", str(path), "--out", str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: stage screen dropped")
    assert "raise limits.drop_rate" in line
    assert "Traceback" not in result.stderr


def test_an_interrupted_build_stops_at_once(recipe: Recipe, tmp_path: Path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "twinset", "build", str(recipe()), "--out", str(out)]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (out / "work" / "frame" / "00000.done.json").exists() and process.poll() is None:
        time.sleep(0.05)
    time.sleep(1)  # into the loading of a model
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - started < 10
    assert "stopped. Run the same command again to go on where it stopped." in errors
    assert "Traceback" not in errors
    assert is_gone(process.pid, within=10), "Prefect's server still runs"


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
