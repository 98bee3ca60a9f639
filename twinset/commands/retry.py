"""The command `twinset retry`."""

from typing import Annotated

import typer

from flows.runners import RunnerName
from twinset.commands.runners import RayAddress, RunnerOption, asked_runner


def retry(
    build: Annotated[str, typer.Argument(help="The build's folder.", show_default=False)],
    *,
    train: Annotated[
        bool, typer.Option(help="Train the recipe's classifier on the finished dataset, if it has one.")
    ] = True,
    runner: RunnerOption = RunnerName.THREADS,
    ray_address: RayAddress = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the stages' counts as JSON.")] = False,
) -> None:
    """Try again what failed for a reason that may pass (the network, a machine), and bring the build to its end."""
    from flows.counts import is_finished
    from flows.failures import failed_chunks
    from flows.folder import BuildFolder
    from flows.occupied import occupied
    from twinset.commands.build import conclude, run_to_gate

    def start() -> None:
        from flows.retry import retry_build

        retry_build(out=folder.url, runner=asked)

    asked = asked_runner(runner, ray_address)
    folder = BuildFolder.open(build)
    before = sum(chunk.items for chunk in failed_chunks(folder))
    if not before and is_finished(folder):
        typer.echo(f"{folder.folder}: nothing failed here for a reason that may pass", err=True)
        return
    with occupied(folder.folder):
        failed = run_to_gate(start)
        after = sum(chunk.items for chunk in failed_chunks(folder))
        left = (
            f"{after} of them failed once more: run the same command later"
            if after
            else "none has to be tried once more"
        )
        typer.echo(f"{before} items tried again, {left}", err=True)
        conclude(folder, failed, train=train, as_json=as_json)
