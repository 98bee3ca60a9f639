"""The command line answers at once, and imports no model library to do so."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import start, twinset

RECIPES = Path(__file__).parents[2] / "recipes"
FOLDER_RECIPE = """
name = "small"

[[sources]]
type = "folder"
path = "photographs"

[[views]]
name = "patch"
framing = "patch"
frame = 64
size = 64
generators = ["vae"]

[caption]
source = "class-template"

[[generators]]
name = "vae"
method = "reconstruct"
model = "org/autoencoder"
"""
HEAVY = ("torch", "diffusers", "transformers", "timm", "lightning", "prefect", "sklearn", "matplotlib")


def imported(*arguments: str, ends_with: str = "") -> set[str]:
    """Which heavy libraries a command imports, and that what it says last begins so."""
    script = (
        "import sys, runpy\n"
        f"sys.argv = ['twinset', *{list(arguments)!r}]\n"
        "try:\n    runpy.run_module('twinset', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        f"print('IMPORTED', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *said, libraries = result.stderr.splitlines()
    assert not ends_with or said[-1].startswith(ends_with)
    return set(libraries.split()[1:])


def test_help_names_the_commands():
    result = twinset("--help")
    assert result.returncode == 0
    for command in ("demo", "plan", "build", "status", "report", "train"):
        assert command in result.stdout


@pytest.mark.parametrize("command", ["demo", "plan", "build", "status", "report", "train"])
def test_each_command_has_help(command: str):
    result = twinset(command, "--help")
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
    planned = json.loads(twinset("plan", recipe, "--json").stdout)
    assert planned["name"] == "demo"


@pytest.mark.parametrize(
    "mistaken",
    [
        ("evaluate", "nowhere", "{here}"),
        ("evaluate", "org/detector", "nowhere"),
        ("predict", "nowhere", "--model", "org/detector"),
        ("train", "{here}", "--out", "detector", "--preset", "small"),
        ("distill", "--teachers", "teacher", "{here}", "--out", "detector", "--preset", "small"),
        ("continue", "--replay", "earlier", "first", "{here}", "--out", "detector", "--preset", "small"),
    ],
)
def test_a_mistake_is_told_before_a_model_library_is_imported(mistaken: tuple[str, ...], tmp_path: Path):
    assert imported(*(argument.format(here=tmp_path) for argument in mistaken), ends_with="error: ") == set()


def test_errors_are_one_line(tmp_path: Path):
    result = twinset("status", tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {tmp_path}: no build here")
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_may_be_named_like_markup(tmp_path: Path):
    (tmp_path / "photographs").mkdir()
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(FOLDER_RECIPE)
    out = tmp_path / "[bold]out[/]"
    script = (
        "import sys\nfrom pathlib import Path\nfrom flows.folder import BuildFolder\nfrom flows.recipe import load_recipe\n"
        "path = Path(sys.argv[1])\nBuildFolder(load_recipe(path), str(path.parent), sys.argv[2]).claim()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(recipe), str(out)], check=True)
    result = twinset("status", out)
    assert result.returncode == 0, result.stderr
    assert "[bold]out[/]" in result.stdout.replace("\n", "")


def test_interrupted_is_told_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        process = start("verify", f"http://127.0.0.1:{server.getsockname()[1]}/dataset")
        connection, _ = server.accept()
        with connection:  # never answers, and so keeps the command waiting
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors == "stopped. Run the same command again to go on where it stopped.\n"


def test_a_recipe_without_a_classifier_cannot_train(tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(FOLDER_RECIPE)
    result = twinset("train", tmp_path, "--out", tmp_path / "detector", "--recipe", recipe)
    assert result.returncode == 1
    assert "no table [classifier]" in result.stderr


@pytest.mark.parametrize(
    "command",
    [("train",), ("distill", "--teachers", "teacher"), ("continue", "--replay", "earlier", "first")],
)
def test_a_preset_of_no_recipe_is_refused(command: tuple[str, ...], tmp_path: Path):
    result = twinset(*command, tmp_path, "--out", tmp_path / "detector", "--preset", "midjourney")
    assert result.returncode == 1
    assert result.stderr.startswith("error: --preset midjourney: presets are a recipe's")
    assert result.stderr.count("\n") == 1
