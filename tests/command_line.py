"""The command `twinset` as people start it: in a process of its own."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

_TWINSET = (sys.executable, "-m", "twinset")


def twinset(*arguments: object, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run it to its end, whatever that is.

    Args:
        arguments: of the command.
        environment: all of it; None: the tests' own.
    """
    command = [*_TWINSET, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def start(
    *arguments: object, log: Path | None = None, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Start it in a session of its own, so that all of its processes can be killed at once.

    Args:
        arguments: of the command.
        log: what it says is put behind what is there; None: it comes through pipes.
        environment: all of it; None: the tests' own.
    """
    command = [*_TWINSET, *map(str, arguments)]
    with nullcontext(subprocess.PIPE) if log is None else log.open("ab") as output:
        return subprocess.Popen(
            command, stdout=output, stderr=output, text=True, start_new_session=True, env=environment
        )
