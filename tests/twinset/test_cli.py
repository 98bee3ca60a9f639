"""The command line answers at once, and imports no model library to do so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
HEAVY = ("torch", "diffusers", "transformers", "timm", "lightning", "prefect", "sklearn", "matplotlib")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "twinset", *arguments], capture_output=True, text=True, check=False)


def imported(*arguments: str) -> set[str]:
    """Which heavy libraries a command imports."""
    script = (
        "import sys, runpy\n"
        f"sys.argv = ['twinset', *{list(arguments)!r}]\n"
        "try:\n    runpy.run_module('twinset', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        f"print('IMPORTED', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(result.stderr.splitlines()[-1].split()[1:])


def test_help_names_the_commands():
    result = run("--help")
    assert result.returncode == 0
    for command in ("demo", "plan", "build", "status", "report", "train"):
        assert command in result.stdout


@pytest.mark.parametrize("command", ["demo", "plan", "build", "status", "report", "train"])
def test_each_command_has_help(command: str):
    result = run(command, "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_help_and_plan_import_no_model_library(tmp_path: Path):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    recipe = tmp_path / "recipe.toml"
    text = (RECIPES / "demo.toml").read_text()
    start, end = text.index("[[sources]]"), text.index("[screen]")
    recipe.write_text(f'{text[:start]}[[sources]]\ntype = "folder"\npath = "photographs"\n\n{text[end:]}')
    assert imported("--help") == set()
    assert imported("plan", str(recipe)) == set()
    planned = json.loads(run("plan", str(recipe), "--json").stdout)
    assert planned["name"] == "demo"


def test_errors_are_one_line(tmp_path: Path):
    result = run("status", str(tmp_path))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {tmp_path}: no build here")
    assert len(result.stderr.splitlines()) == 1
