"""`twinset doctor` ends with 1 where a recipe's needs are not met, and prints a table or JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from manifests.errors import RecipeError
from twinset.cli import app


@pytest.fixture(autouse=True)
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    (tmp_path / "photographs").mkdir()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def init(*arguments: str) -> None:
    assert run("init", "r.toml", "--source", "folder", "--path", "photographs", *arguments).exit_code == 0


def test_a_recipe_that_has_all_it_needs():
    init("--generator", "demo")
    result = run("doctor", "r.toml", "--json")
    assert result.exit_code == 0, result.output
    found = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert found["generator demo"]["state"] == "ok"
    assert {"python", "dataclasses", "torch", "disk", "Hub", "Prefect server"} <= found.keys()


def test_a_model_that_is_not_here_is_named_in_the_table(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "200")
    init("--generator", "sana")
    result = run("doctor", "r.toml")
    assert result.exit_code == 1, result.output
    assert "Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers is not on this machine" in result.stdout


def test_a_recipe_that_is_none_is_told_before_anything_is_looked_at(tmp_path: Path):
    (tmp_path / "r.toml").write_text("name = 1")
    assert isinstance(run("doctor", "r.toml").exception, RecipeError)
