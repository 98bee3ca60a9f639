"""Three faults of whole runs, as people start them, through Prefect; `make faults` asks for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import start, twinset
from tests.faults.conftest import Tree, Undisturbed, tree
from tests.faults.traps import KILLED, Fault

pytestmark = [
    pytest.mark.xdist_group("faults"),
    pytest.mark.skipif(
        int(os.environ.get("TWINSET_TEST_FAULTS", "0")) <= 60, reason="takes minutes: set TWINSET_TEST_FAULTS to 600"
    ),
]

ROOT = Path(__file__).parents[2]
ARMED = """
import sys
from tests.faults.traps import Fault, Trap, set_traps
event, nth, way, *command = sys.argv[1:]
sys.argv = ["twinset", *command]
with set_traps(Trap(Fault(event, int(nth), way))):
    from twinset.cli import main
    main()
"""


@pytest.fixture(scope="module", autouse=True)
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))


def command(undisturbed: Undisturbed, out: Path) -> list[str]:
    return ["build", str(undisturbed.recipe), "--out", str(out)]


def run(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, text=True, stderr=subprocess.PIPE)


def untimed(files: Tree) -> Tree:
    """The manifest, the rejects and the shards: none of them tells the time."""
    named = ("dataset/shards/", "dataset/manifest.jsonl", "dataset/rejects.jsonl", "dataset/reports/")
    return {name: data for name, data in files.items() if name.startswith(named)}


def check(undisturbed: Undisturbed, out: Path) -> None:
    again = twinset(*command(undisturbed, out))
    assert again.returncode == 0, again.stderr
    found = tree(out)
    assert untimed(found) == untimed(undisturbed.end)
    assert not [name for name in found if ".partial-" in name or ".lock" in name]


@pytest.mark.parametrize("fault", [Fault("rename", 31, "killed before"), Fault("write", 40, "full disk")], ids=str)
def test_a_fault_of_a_whole_run(undisturbed: Undisturbed, tmp_path: Path, fault: Fault):
    out = tmp_path / "out"
    process = run("-c", ARMED, fault.event, str(fault.nth), fault.way, *command(undisturbed, out))
    _, said = process.communicate()
    assert process.returncode == (KILLED if fault.is_kill else 1), said
    if not fault.is_kill:
        last = said.strip().splitlines()[-1]
        assert last.startswith("error: ")
        assert "the disk is full" in last
    check(undisturbed, out)


def test_of_two_builds_in_one_folder_the_second_is_refused(undisturbed: Undisturbed, tmp_path: Path):
    out = tmp_path / "out"
    both = [start(*command(undisturbed, out)) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    refused = next(text for process, text in zip(both, said, strict=True) if process.returncode)
    assert "another twinset works in this folder" in refused.strip().splitlines()[-1]
    check(undisturbed, out)
