"""The command `twinset predict`."""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifests.errors import TwinsetError, printable
from twinset.commands.options import BatchOption, DeviceOption

if TYPE_CHECKING:
    from classifier.backends import BackendName
    from classifier.prediction import Answer

_SOME_NOT_JUDGED = 3
_COLUMNS = ("image", "verdict", "probability", "score", "reason", "detail")


def predict(
    images: Annotated[list[str], typer.Argument(help="Image files, folders, and http(s) URLs.", show_default=False)],
    model: Annotated[
        str,
        typer.Option(
            help="The detector: the folder that `twinset train` wrote, a checkpoint, or a model on the Hub (ORG/NAME).",
            show_default=False,
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines: an object an image.")] = False,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv", help="Write a table to this file instead of printing.", dir_okay=False, show_default=False
        ),
    ] = None,
    batch: BatchOption = 32,
    device: DeviceOption = "auto",
    backend: Annotated[
        str,
        typer.Option(
            help="What runs the network: eager, bf16, compile, onnxruntime or openvino (the last two need the extra `fast`). "
            "auto: eager; from 1,000 images on, whichever of them a short probe finds fastest."
        ),
    ] = "auto",
) -> None:
    """Say of images whether they are real or generated.

    The verdict goes by the threshold that was chosen on the detector's validation
    images; the probability is calibrated on the same. In folders, files that are
    no images are passed over and counted. An image that cannot be judged is named
    with the reason, and the rest goes on.

    Exit code: 0 when all were judged, 3 when some could not be, 1 on an error.
    """
    from classifier.whereabouts import check_whereabouts
    from flows.images import NamedImages

    # before torch is imported, which takes seconds
    check_whereabouts(model)
    found = NamedImages(images)
    found.check()
    from classifier.backends import backend_named, candidates, run_by
    from classifier.opening import open_detector
    from classifier.prediction import answers
    from flows.progress import counting

    tally = {"fake": 0, "real": 0, "": 0}
    with ExitStack() as stack:
        write = stack.enter_context(_output(csv_file, as_json=as_json))
        detector = open_detector(model, device)
        backends: tuple[BackendName, ...] = ()
        if backend == "auto":
            backends = candidates(detector.network.mean.device.type, found.at_most)
        else:
            detector = run_by(detector, backend_named(backend))
        # the bar and the answers share the terminal only where the answers go elsewhere
        quiet = not sys.stderr.isatty() or (csv_file is None and sys.stdout.isatty())
        advance = None if quiet else stack.enter_context(counting("predict", None, "images"))
        for answer in answers(detector, found, batch=batch, backends=backends):
            write(answer)
            tally[answer.verdict or ""] += 1
            if advance is not None:
                advance()
        if not sum(tally.values()):
            raise TwinsetError(
                f"{', '.join(images)}: no image there ({found.passed_over} other files). Give images, or a folder of them."
            )
    typer.echo(_summary(tally, found.passed_over), err=True)
    if tally[""]:
        raise typer.Exit(_SOME_NOT_JUDGED)


@contextmanager
def _output(csv_file: Path | None, *, as_json: bool) -> Iterator[Callable[["Answer"], None]]:
    """Where answers go: a table that appears whole at the end, JSON Lines, or lines for a person."""
    if csv_file is None:
        yield _print_json if as_json else _print
        return
    from manifests.storage import Folder

    target = csv_file.absolute()
    with Folder.at(str(target.parent)).create(target.name) as stream:

        def write(*cells: object) -> None:
            buffer = _Line()
            csv.writer(buffer).writerow(["" if cell is None else cell for cell in cells])
            stream.write(buffer.text.encode(errors="backslashreplace"))

        write(*_COLUMNS)
        yield lambda answer: write(*answer.model_dump(mode="json").values())


class _Line:
    """One line of a table, as the csv module writes it."""

    text = ""

    def write(self, text: str) -> None:
        self.text += text


def _print_json(answer: "Answer") -> None:
    # in ASCII: names stay escaped on a terminal too
    typer.echo(json.dumps(answer.model_dump(mode="json")))


def _print(answer: "Answer") -> None:
    if answer.verdict is None:
        typer.echo(printable(f"not judged: {answer.image}: {answer.reason}: {answer.detail}"), err=True)
    else:
        typer.echo(printable(f"{answer.verdict}  {answer.probability:.3f}  {answer.image}"))


def _summary(tally: dict[str, int], passed_over: int) -> str:
    judged = tally["fake"] + tally["real"]
    parts = [f"{judged} judged: {tally['fake']} fake, {tally['real']} real"]
    if tally[""]:
        parts.append(f"{tally['']} not judged")
    if passed_over:
        parts.append(f"{passed_over} other files passed over")
    return "; ".join(parts)
