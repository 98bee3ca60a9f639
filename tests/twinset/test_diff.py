"""What `twinset diff` says by its exit code, and what it lets through to a terminal."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from manifests import canonical
from manifests.header import Header
from twinset.cli import app


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a dataset without pairs; the arguments are fields of its header."""

    def written(name: str, **fields: object) -> str:
        header = {
            "twinset": "0.1.0",
            "name": "walls",
            "salt": "salt",
            "recipe": {},
            "generators": [],
            "views": [],
            "pairs_per_shard": 4,
            "shards": [],
            "encoders": {},
            "jpeg_tables": {},
        }
        (tmp_path / name).mkdir()
        manifest = tmp_path / name / "manifest.jsonl"
        manifest.write_bytes(canonical.dumps(Header.model_validate(header | fields)) + b"\n")
        return str(tmp_path / name)

    return written


def test_equal_different_and_neither_have_exit_codes_of_their_own(write: Callable[..., str], tmp_path: Path):
    a, b = write("a"), write("b", salt="other")
    equal = CliRunner().invoke(app, ["diff", a, a])
    assert (equal.exit_code, equal.stdout) == (0, "equal: 0 pairs\n")
    different = CliRunner().invoke(app, ["diff", a, b])
    assert different.exit_code == 1
    assert "salt: salt -> other" in different.stdout
    neither = CliRunner().invoke(app, ["diff", a, str(tmp_path / "none")])
    assert (neither.exit_code, neither.stdout) == (2, "")
    assert neither.stderr.startswith(f"error: {tmp_path}/none: no dataset here")
    assert len(neither.stderr.splitlines()) == 1


def test_control_characters_of_foreign_text_do_not_reach_the_terminal(write: Callable[..., str]):
    a, b = write("a", recipe={"sou\x07rces": "x"}), write("b", recipe={"title": "\x07\u202eevil"})
    shown = CliRunner().invoke(app, ["diff", a, b]).stdout
    assert "recipe.sou?rces: x -> not set" in shown
    assert "recipe.title: not set -> ??evil" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)
