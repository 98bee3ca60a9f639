"""Completion in the shell: the script is printed, and what it asks for is answered."""

import os
import subprocess
import sys
from pathlib import Path

TWINSET = Path(sys.executable).parent / "twinset"


def ask(*arguments: str, **variables: str) -> str:
    result = subprocess.run(
        [TWINSET, *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


def test_the_script_is_shown():
    script = ask("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "COMP_WORDS" in script


def test_commands_and_values_are_completed():
    # what a shell sets when the tabulator is pressed
    assert "doctor" in ask(_TWINSET_COMPLETE="complete_bash", COMP_WORDS="twinset do", COMP_CWORD="1").split()
