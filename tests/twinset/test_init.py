"""`twinset init` writes a recipe that loads, by questions or by flags, and overwrites nothing."""

import errno
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.plan import plan_recipe
from flows.recipe import load_recipe
from manifests import storage
from manifests.errors import TwinsetError
from twinset.cli import app


@pytest.fixture(autouse=True)
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "one.jpg").touch()


def init(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(app, ["init", *arguments], input=answers)


def test_flags_are_enough(tmp_path: Path):
    (tmp_path / "recipes").mkdir()
    result = init(
        *("recipes/my set.toml", "--source", "folder", "--path", "photographs", "--generator", "sd14"),
        *("--generator", "vae", "--limit", "100", "--license", "CC0-1.0"),
    )
    assert result.exit_code == 0, result.output
    path = tmp_path / "recipes" / "my set.toml"
    recipe = load_recipe(path)
    assert recipe.name == "my-set"
    assert recipe.sources[0].model_dump()["path"] == "../photographs"
    assert [generator.name for generator in recipe.generators] == ["sd14", "vae"]
    planned = plan_recipe(recipe, path.parent)
    assert planned.pairs == 1


def test_the_demos_models_are_found_from_where_the_recipe_is(tmp_path: Path):
    assert init("r.toml", "--source", "folder", "--path", "photographs", "--generator", "demo").exit_code == 0
    recipe = load_recipe(tmp_path / "r.toml")
    assert (tmp_path / recipe.generators[0].model / "model_index.json").is_file()


def test_what_is_not_given_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # the runner puts a stream in the place of the terminal
    monkeypatch.setattr("twinset.commands.init.is_terminal", lambda: True)
    answers = "somewhere\nfolder\ngone\nphotographs\n50\npatch\nvae\nn\n"
    result = init("asked.toml", answers=answers)
    assert result.exit_code == 0, result.output
    assert "Where are the real images?" in result.output
    assert "gone: not there" in result.output
    recipe = load_recipe(tmp_path / "asked.toml")
    assert recipe.sources[0].limit == 50
    assert recipe.views[0].framing == "patch"
    assert recipe.generators[0].method == "reconstruct"
    assert recipe.classifier is None


def test_what_is_no_repository_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("twinset.commands.init.is_terminal", lambda: True)
    result = init("asked.toml", "--source", "hub", answers="no repository\norg/name\n0\nscene\nsd14\nn\n")
    assert result.exit_code == 0, result.output
    assert load_recipe(tmp_path / "asked.toml").sources[0].model_dump()["repo"] == "org/name"


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "r.toml").write_text("mine")
    monkeypatch.setattr(storage.os, "replace", full)
    assert "the disk is full" in refused("r.toml", "--source", "folder", "--path", "photographs", "--force")
    assert (tmp_path / "r.toml").read_text() == "mine"


def refused(*arguments: str) -> str:
    result = init(*arguments)
    assert isinstance(result.exception, TwinsetError), result.output
    message = str(result.exception)
    assert "\n" not in message
    return message


def test_without_a_terminal_nothing_is_asked(tmp_path: Path):
    assert "give --source and --path" in refused("r.toml")
    assert "give --source and --path" in refused("r.toml", "--source", "folder")
    assert not (tmp_path / "r.toml").exists()


def test_nothing_is_overwritten_unless_asked(tmp_path: Path):
    flags = ("r.toml", "--source", "folder", "--path", "photographs")
    (tmp_path / "r.toml").write_text("mine")
    assert "--force" in refused(*flags)
    assert (tmp_path / "r.toml").read_text() == "mine"
    assert init(*flags, "--force").exit_code == 0
    assert load_recipe(tmp_path / "r.toml").name == "r"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--source", "folder", "--path", "gone"), "gone: not there"),
        (("--source", "folder", "--path", "photographs/one.jpg"), "this is a file"),
        (("--source", "folder", "--path", "photographs", "--generator", "dalle"), "generator 'dalle'"),
        (("--source", "folder", "--path", "photographs", "--frame", "64", "--size", "128"), "never enlarged"),
        (("--source", "folder", "--path", "photographs", "--name", "a b"), "`name` = 'a b'"),
        (("--source", "hub", "--path", "no repository"), "repo"),
    ],
)
def test_what_makes_no_recipe_is_refused_in_one_line(flags: tuple[str, ...], message: str, tmp_path: Path):
    assert message in refused("r.toml", *flags)
    assert not (tmp_path / "r.toml").exists()


def test_a_folder_that_is_not_there_is_told():
    assert "there is no folder" in refused("no/r.toml", "--source", "folder", "--path", "photographs")
