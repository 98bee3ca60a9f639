"""What the documents promise: links lead somewhere, commands and reasons are there, the notebook runs."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from manifests.records import Reason
from twinset.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_LARGEST_PICTURE = 350_000


def commands_of(document: Path) -> list[str]:
    """The lines of the fenced blocks that name no language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    return "".join(block for language, block in blocks if not language).replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(document: Path):
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    gone = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert gone == []


# in ARCHITECTURE.md, `twinset` is a room
@pytest.mark.parametrize(
    "document", [page for page in DOCUMENTS if page.name != "ARCHITECTURE.md"], ids=lambda path: path.name
)
def test_commands_and_their_options_are_there(document: Path):
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in commands_of(document):
        if not line.startswith(("twinset ", "$ twinset ")):
            continue
        name, *rest = shlex.split(line.removeprefix("$ ").partition(" #")[0])[1:]
        if name.startswith("-"):
            continue
        assert name in commands, line
        known = {
            option for parameter in commands[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        asked = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert asked <= known | {"--help"}, line


def test_every_reason_is_explained():
    explained = set(
        re.findall(
            r"`([a-z-]+)`",
            "".join(re.findall(r"^\| (`.*?) \|", (ROOT / "docs/faq.md").read_text(), flags=re.MULTILINE)),
        )
    )
    assert {str(reason) for reason in Reason} <= explained


def test_the_citation_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["authors"] == [{"name": "The twinset contributors"}]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]


def test_the_changelog_tells_of_what_is_not_released():
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "pictures").glob("*.png"):
        assert picture.stat().st_size < _LARGEST_PICTURE
