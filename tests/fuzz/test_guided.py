"""Fuzzing that is led by coverage runs, where atheris is installed."""

import subprocess
import sys

import pytest


def test_a_target_is_asked_for_a_second():
    pytest.importorskip("atheris", reason="atheris is not installed: it does not install everywhere")
    command = [sys.executable, "-m", "tests.fuzz.guided", "--seconds=1", "prompts"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "prompts: Done " in done.stdout
