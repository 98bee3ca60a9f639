"""The command line: thin callers of flows and functions. Heavy imports happen inside the commands."""

import sys

import typer

from manifests.errors import TwinsetError, printable
from twinset.commands.audit import audit
from twinset.commands.build import build
from twinset.commands.continue_ import continue_
from twinset.commands.demo import demo
from twinset.commands.diff import diff
from twinset.commands.distill import distill
from twinset.commands.doctor import doctor
from twinset.commands.evaluate import evaluate
from twinset.commands.export import export
from twinset.commands.flat import flat
from twinset.commands.init import init
from twinset.commands.merge import merge
from twinset.commands.pages import pages
from twinset.commands.plan import plan
from twinset.commands.predict import predict
from twinset.commands.publish import publish
from twinset.commands.push import push
from twinset.commands.rebuild import rebuild
from twinset.commands.reference import reference
from twinset.commands.report import report
from twinset.commands.retry import retry
from twinset.commands.serve import serve
from twinset.commands.status import status
from twinset.commands.subset import subset
from twinset.commands.takedown import takedown
from twinset.commands.train import train
from twinset.commands.verify import verify
from twinset.interruption import stop_at_once_on_interrupt

app = typer.Typer(
    name="twinset",
    help="Build paired real/fake image datasets whose pairs differ in origin only, and train detectors on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    *(init, doctor, reference),
    *(demo, plan, build, rebuild, status, report, retry, takedown, audit, subset, merge, verify, diff, flat),
    *(train, distill, evaluate, predict, push, export, publish, pages, serve),
)
for command in _COMMANDS:
    app.command()(command)
app.command("continue")(continue_)


def main() -> None:
    """Run the command; an error a person can act on is one line and a non-zero exit."""
    stop_at_once_on_interrupt()
    try:
        app()
    except TwinsetError as error:
        sys.stderr.write(f"error: {printable(str(error))}\n")
        sys.exit(1)
