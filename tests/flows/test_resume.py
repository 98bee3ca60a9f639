"""Killed anywhere and run again, a build ends in the same bytes as one that was never killed; then nothing is left to do."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import start, twinset

Recipe = Callable[..., Path]

pytestmark = pytest.mark.xdist_group("commands")

KILLS = int(os.environ.get("TWINSET_TEST_KILLS", "1"))


def files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def kill_when(process: "subprocess.Popen[str]", folder: Path, count: int) -> bool:
    """SIGKILL the whole session once the folder holds this many files; False when the process ended before."""
    while process.poll() is None:
        if files(folder) >= count:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.02)
    return False


def contents(dataset: Path) -> dict[str, bytes]:
    names = ["manifest.jsonl", "rejects.jsonl", *(f"shards/{path.name}" for path in (dataset / "shards").iterdir())]
    return {name: (dataset / name).read_bytes() for name in names}


def stamps(out: Path) -> dict[Path, int]:
    """When each chunk was done, and each file of the dataset written."""
    written = [*(out / "work").rglob("*.done.json"), *(out / "dataset").rglob("*")]
    return {path: path.stat().st_mtime_ns for path in written if path.is_file()}


def test_a_killed_build_ends_in_the_same_bytes_and_is_not_done_again(recipe: Recipe, built: Path, tmp_path: Path):
    path = recipe()
    out = tmp_path / "detector-build"  # where the training of `detector` builds
    rng = random.Random(20)
    # the moments lie in the order in which files come to be, so that all stages are met
    for moment in sorted(rng.randrange(2, files(built)) for _ in range(KILLS)):
        assert kill_when(start("build", path, "--out", out, log=tmp_path / "log.txt"), out, moment)

    # a training starts with the build; what earlier runs have done of it is not done again
    training = path.with_name("training.toml")
    training.write_text(
        path.read_text() + '\n[classifier]\nbackbone = "test_resnet"\nimage_size = 32\nepochs = 1\nnum_workers = 1\n'
    )
    trained = twinset("train", path, "--recipe", training, "--out", tmp_path / "detector", "--json")
    assert trained.returncode == 0, trained.stderr
    assert "Traceback" not in trained.stderr + trained.stdout
    assert "CancelledError" not in trained.stderr
    assert json.loads(trained.stdout)["test"]["n_real"] > 0
    assert contents(out / "dataset") == contents(built / "dataset")
    assert not [found for found in out.rglob("*") if ".partial-" in found.name]
    assert (out / "report.html").exists()
    assert (out / "audit" / "audit.html").exists()
    done = stamps(out)

    again = twinset("build", path, "--out", out, "--json")
    assert again.returncode == 0, again.stderr
    counts = {count["name"]: count for count in json.loads(again.stdout)}
    assert counts["list"]["seen"] == 26
    assert stamps(out) == done

    status = twinset("status", out / "dataset", "--json")
    assert json.loads(status.stdout) == json.loads(again.stdout)
    assert "not-an-image" in twinset("status", out).stdout
