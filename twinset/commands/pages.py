"""The command `twinset pages`."""

from importlib.util import find_spec
from threading import Thread
from typing import Annotated

import typer

from twinset.commands.options import DatasetArgument

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def pages(
    dataset: DatasetArgument,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="The detector to try: a folder that `twinset train` wrote, or a checkpoint; by default the build's own.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8501,
    host: Annotated[str, typer.Option(help="The address to listen on; this machine alone by default.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> None:
    """Look at a dataset in the browser: its pairs, its audit, its build, a detector; and judge images yourself.

    Everything stays on this machine. Ctrl-C ends it.
    """
    from manifests.errors import TwinsetError, printable

    if find_spec("streamlit") is None:
        raise TwinsetError("`twinset pages` needs twinset[web]. Run `pip install 'twinset[web]'`.")
    from classifier.whereabouts import check_whereabouts
    from pages.app.context import arguments, from_arguments
    from pages.app.server import check_address, serve

    words = arguments(dataset, model)
    context = from_arguments(words)
    if model is not None:
        check_whereabouts(model)
    check_address(host, port)
    if host not in _LOOPBACK:
        typer.echo("note: whoever reaches this address sees the dataset and can flag pairs.", err=True)
    shown_host = f"[{host}]" if ":" in host else host
    typer.echo(printable(f"{context.name}: http://{shown_host}:{port} (Ctrl-C ends it)"), err=True)
    Thread(target=context.prepare, daemon=True).start()
    serve(words, host=host, port=port, browser=browser)
