"""The tutorial, word for word: its commands are taken out of the page and run in an empty folder.

All of them, with the detector at the end, where TWINSET_TEST_TUTORIAL is set: that takes minutes. Otherwise those that
come before the build, on three photographs.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
PHOTOGRAPHS = ", 300)"


def commands() -> list[str]:
    """What a reader types after setting up, but for the server that runs until it is stopped."""
    text = TUTORIAL.read_text()
    steps = text[text.index("## 2. ") : text.index("## For real")]
    # what a command says stands in blocks that name a language
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", steps, flags=re.MULTILINE | re.DOTALL)
    lines = "".join(block for language, block in blocks if not language).splitlines()
    return [line for line in lines if not line.startswith("twinset pages")]


def run(command: str, folder: Path) -> str:
    # the environment's programs first, as after `. .venv/bin/activate`
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    result = subprocess.run(
        [shutil.which("bash") or "bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def test_up_to_the_plan(tmp_path: Path):
    before = commands()[: commands().index("twinset plan runs/tutorial/recipe.toml") + 1]
    world, *others = (command for command in before if "doctor" not in command)
    assert PHOTOGRAPHS in world
    run(world.replace(PHOTOGRAPHS, ", 3)"), tmp_path)
    told = [run(command, tmp_path) for command in others]
    assert "pairs, at most: 3 in views scene" in told[-1]


@pytest.mark.skipif("TWINSET_TEST_TUTORIAL" not in os.environ, reason="takes minutes: set TWINSET_TEST_TUTORIAL")
def test_a_reader_ends_with_a_detector(tmp_path: Path):
    told = {command: run(command, tmp_path) for command in commands()}
    assert (tmp_path / "runs/tutorial/build/detector/model.safetensors").is_file()
    assert "28 judged" in told["twinset predict runs/tutorial/images/test --model runs/tutorial/build/detector"]
