"""The real flow, with no server but the embedded one: quiet at its end, and done a second time at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Recipe = Callable[..., Path]

pytestmark = pytest.mark.xdist_group("prefect")


def twinset(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "twinset", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ.copy(),
    )


def test_build_again_and_status(recipe: Recipe, tmp_path: Path):
    path, out = recipe(), tmp_path / "detector-build"
    first = twinset("build", str(path), "--out", str(out), "--json")
    assert first.returncode == 0, first.stderr
    assert "Traceback" not in first.stderr + first.stdout
    assert "CancelledError" not in first.stderr
    assert (out / "report.html").exists()
    assert (out / "audit" / "audit.html").exists()
    counts = {count["name"]: count for count in json.loads(first.stdout)}
    assert counts["list"]["seen"] == 26
    manifest = (out / "dataset" / "manifest.jsonl").stat()

    started = time.monotonic()
    again = twinset("build", str(path), "--out", str(out), "--json")
    assert again.returncode == 0, again.stderr
    assert time.monotonic() - started < 30
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert (out / "dataset" / "manifest.jsonl").stat().st_mtime_ns == manifest.st_mtime_ns

    status = twinset("status", str(out / "dataset"), "--json")
    assert json.loads(status.stdout) == json.loads(first.stdout)
    table = twinset("status", str(out))
    assert "not-an-image" in table.stdout

    # a recipe is built first, where it is not built yet
    training = path.with_name("training.toml")
    training.write_text(
        path.read_text() + '\n[classifier]\nbackbone = "test_resnet"\nimage_size = 32\nepochs = 1\nnum_workers = 1\n'
    )
    trained = twinset("train", str(path), "--recipe", str(training), "--out", str(tmp_path / "detector"), "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["test"]["n_real"] > 0
    assert (out / "dataset" / "manifest.jsonl").stat().st_mtime_ns == manifest.st_mtime_ns


def test_a_run_that_drops_too_much_stops(recipe: Recipe, tmp_path: Path):
    path = recipe(replace={"drop_rate = 1.0": "drop_rate = 0.01"})
    result = twinset("build", str(path), "--out", str(tmp_path / "out"))
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
