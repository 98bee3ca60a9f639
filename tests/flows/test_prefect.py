"""The real flow, with no server but the embedded one: quiet at its end, and done a second time at once."""

import json
import os
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
    path, out = recipe(), tmp_path / "out"
    first = twinset("build", str(path), "--out", str(out), "--json")
    assert first.returncode == 0, first.stderr
    assert "Traceback" not in first.stderr + first.stdout
    assert "CancelledError" not in first.stderr
    assert (out / "report.html").exists()
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


def test_a_run_that_drops_too_much_stops(recipe: Recipe, tmp_path: Path):
    path = recipe(replace={"drop_rate = 1.0": "drop_rate = 0.01"})
    result = twinset("build", str(path), "--out", str(tmp_path / "out"))
    assert result.returncode == 1
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: stage screen dropped")
    assert "raise limits.drop_rate" in line
    assert "Traceback" not in result.stderr
