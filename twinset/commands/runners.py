"""The options that say who does a build's chunks, shared by the commands that build."""

from typing import Annotated

import typer

from flows.runners import Runner, RunnerName

RunnerOption = Annotated[
    RunnerName,
    typer.Option(
        "--runner",
        help="Who does the chunks: threads of this process, processes of this machine, or a Dask or Ray cluster "
        "(DASK_SCHEDULER_ADDRESS, RAY_ADDRESS; without one, its workers run on this machine).",
    ),
]
RayAddress = Annotated[
    str,
    typer.Option(help="The Ray cluster's address, HOST:PORT. [default: RAY_ADDRESS]", metavar="ADDRESS"),
]


def asked_runner(name: RunnerName, ray_address: str) -> Runner:
    """The runner that was asked for, usable as it stands.

    Raises:
        TwinsetError: it cannot be used, and why.
    """
    runner = Runner.of(name, ray_address)
    runner.require()
    return runner
