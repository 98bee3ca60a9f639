"""The command line: thin callers of flows and functions. Heavy imports happen inside the commands."""

import os
import sys
from typing import NoReturn

import typer

from manifests.errors import TwinsetError
from twinset.commands.build import build
from twinset.commands.demo import demo
from twinset.commands.plan import plan
from twinset.commands.report import report
from twinset.commands.status import status
from twinset.commands.train import train

app = typer.Typer(
    name="twinset",
    help="Build paired real/fake image datasets whose pairs differ in origin only, and train detectors on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, plan, build, status, report, train):
    app.command()(command)


def main() -> NoReturn:
    """Run the command; an error a person can act on is one line and a non-zero exit."""
    try:
        app()
    except TwinsetError as error:
        _stop(f"error: {error}", 1)
    except KeyboardInterrupt:
        _stop("stopped. Run the same command again to go on where it stopped.", 130)
    except BrokenPipeError:
        # whoever read the output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(0)


def _stop(line: str, code: int) -> NoReturn:
    sys.stderr.write(f"{line}\n")
    sys.exit(code)
