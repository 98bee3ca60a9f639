"""Killed anywhere and run again, a build ends in the same bytes as one that was never killed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Recipe = Callable[..., Path]
Run = Callable[[Path, Path], Path]

pytestmark = pytest.mark.xdist_group("resume")

KILLS = int(os.environ.get("TWINSET_TEST_KILLS", "1"))


def start(path: Path, out: Path) -> subprocess.Popen[bytes]:
    with (path.parent / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "twinset", "build", str(path), "--out", str(out)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def kill_when(process: subprocess.Popen[bytes], folder: Path, count: int) -> bool:
    """SIGKILL the whole session once the folder holds this many files; False when the process ended before."""
    while process.poll() is None:
        if files(folder) >= count:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.005)
    return False


def contents(dataset: Path) -> dict[str, bytes]:
    names = ["manifest.jsonl", "rejects.jsonl", *(f"shards/{path.name}" for path in (dataset / "shards").iterdir())]
    return {name: (dataset / name).read_bytes() for name in names}


def test_a_killed_build_ends_in_the_same_bytes(recipe: Recipe, run_stages: Run, tmp_path: Path):
    path = recipe()
    untouched = run_stages(path, tmp_path / "untouched")
    expected = contents(untouched)
    total = files(tmp_path / "untouched")
    rng = random.Random(20)
    out = tmp_path / "killed"
    # the moments lie in the order in which files come to be, so that all stages are met
    moments = sorted(rng.randrange(2, total) for _ in range(KILLS))
    killed = 0
    for moment in moments:
        process = start(path, out)
        killed += kill_when(process, out, moment)
    assert killed == KILLS
    process = start(path, out)
    assert process.wait() == 0, (path.parent / "log.txt").read_text()
    assert contents(out / "dataset") == expected
    assert not [found for found in out.rglob("*") if ".partial-" in found.name]
