"""The command `twinset serve`."""

from typing import Annotated

import typer

from twinset.commands.options import BatchOption, DeviceOption


def serve(
    detector: Annotated[
        str,
        typer.Argument(
            help="The folder that `twinset train` wrote, a checkpoint, or a model on the Hub (ORG/NAME).",
            show_default=False,
        ),
    ],
    *,
    host: Annotated[str, typer.Option(help="The address to listen on; this machine alone by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0: any that is free.", min=0, max=65535)] = 8000,
    max_bytes: Annotated[int, typer.Option(help="Longest body of a request, bytes.", min=1024)] = 32 * 2**20,
    max_images: Annotated[int, typer.Option(help="Most images in one request.", min=1, max=1000)] = 32,
    max_pixels: Annotated[int, typer.Option(help="Largest image, width times height.", min=1)] = 50_000_000,
    queue: Annotated[
        int, typer.Option(help="Requests that may wait for their answer; the next one is refused with 429.", min=1)
    ] = 64,
    rate: Annotated[
        float, typer.Option(help="Images a second that one client may send in the long run; 0: any number.", min=0)
    ] = 50.0,
    burst: Annotated[int, typer.Option(help="Images that a client which was quiet may send at once.", min=1)] = 200,
    batch: BatchOption = 32,
    device: DeviceOption = "auto",
    backend: Annotated[
        str, typer.Option(help="What runs the network: eager, bf16, compile, onnxruntime or openvino.")
    ] = "eager",
    private_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A host that may be asked for images although it is not on the public internet. May be repeated.",
            metavar="HOST",
        ),
    ] = None,
    served_as: Annotated[
        list[str] | None,
        typer.Option(help="A name that requests may ask for this service by. May be repeated.", metavar="HOST"),
    ] = None,
) -> None:
    """Answer programs over HTTP whether images are real or generated.

    POST /predict takes image files (multipart) or {"url": ...}; GET /health, /model
    and /docs tell about the service. What is too much is refused with 429 and
    Retry-After. Ctrl-C ends it.
    """
    from classifier.backends import backend_named, checked, run_by
    from classifier.opening import open_detector
    from manifests.errors import printable
    from pages.detector_facts import detector_facts
    from pages.service.app import service
    from pages.service.serving import LOOPBACK, listening, require_forms
    from pages.service.serving import serve as answer
    from pages.service.settings import ServiceSettings

    require_forms()
    backend_name = backend_named(backend)
    listener = listening(host, port)
    opened = checked(run_by(open_detector(detector, device), backend_name))
    names = {name.lower() for name in served_as or ()}
    settings = ServiceSettings(
        max_bytes=max_bytes,
        max_images=max_images,
        max_pixels=max_pixels,
        queue=queue,
        rate=rate,
        burst=burst,
        batch=batch,
        private_hosts=frozenset(name.lower() for name in private_host or ()),
        served_as=frozenset(LOOPBACK | names) if host in LOOPBACK or names else frozenset(),
    )
    facts = detector_facts(detector, opened.config)
    if host not in LOOPBACK:
        typer.echo("note: whoever reaches this address can use the detector.", err=True)
    shown = f"[{host}]" if ":" in host else host
    typer.echo(printable(f"{facts.name}: http://{shown}:{listener.getsockname()[1]} (Ctrl-C ends it)"), err=True)
    answer(service(opened, facts, settings), listener)
