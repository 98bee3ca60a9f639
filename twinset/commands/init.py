"""The command `twinset init`."""

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.starter.choices import Captions, Framing, SourceKind

if TYPE_CHECKING:
    from flows.starter.choices import Choices

DEMO_MODELS = Path(__file__).parents[2] / "demo" / "models"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_ASKED_FOR = {
    SourceKind.FOLDER: "Folder",
    SourceKind.OPEN_IMAGES: "Image-metadata CSV of Open Images, path or URL",
    SourceKind.URL_LIST: "Table with a column of URLs",
    SourceKind.WEBDATASET: "Shard, folder of shards, or pattern",
    SourceKind.HUB: "Repository, org/name",
}


def init(
    recipe: Annotated[Path, typer.Argument(help="The file to write.")] = Path("recipe.toml"),
    *,
    source: Annotated[SourceKind | None, typer.Option(help="Where real images come from.", show_default=False)] = None,
    path: Annotated[
        str | None, typer.Option(help="The folder, list, shards, or repository on the Hub.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The dataset's name. [default: as the file]", show_default=False)
    ] = None,
    image_license: Annotated[
        str, typer.Option("--license", help="Licence of the real images.", show_default=False)
    ] = "",
    limit: Annotated[int | None, typer.Option(help="At most so many images.", min=1, show_default=False)] = None,
    generator: Annotated[
        list[str] | None,
        typer.Option(
            help="A generator, again for each further one: sd14, sd15, sd21, sdxl, sd35, flux, flux-schnell, pixart, sana; "
            "vae (reconstruction), demo (tiny, for trying out). [default: sd14]",
            show_default=False,
        ),
    ] = None,
    framing: Annotated[
        Framing | None, typer.Option(help="What a pair shows. [default: scene]", show_default=False)
    ] = None,
    frame: Annotated[
        int | None,
        typer.Option(help="F: side that generators are asked for, pixels. [default: as they were trained]", min=16),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="S: side of the dataset's images, pixels. [default: F / 2 of a scene, else F]", min=32),
    ] = None,
    caption: Annotated[Captions, typer.Option(help="Where captions come from.")] = Captions.BLIP,
    classifier: Annotated[
        bool | None, typer.Option("--classifier/--no-classifier", help="Train a detector at the end. [default: yes]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a commented recipe, by a few questions or by flags; with --source and --path nothing is asked."""
    from manifests.errors import TwinsetError, printable
    from manifests.storage import Folder

    if recipe.exists() and not force:
        raise TwinsetError(f"{recipe}: there already. Give another name, or --force to overwrite it.")
    if not recipe.absolute().parent.is_dir():
        raise TwinsetError(f"{recipe}: there is no folder {recipe.absolute().parent}. Make it first.")
    given: dict[str, Any] = {
        "source": source,
        "path": path,
        "limit": limit,
        "generators": tuple(generator) if generator else None,
        "framing": framing,
        "frame": frame,
        "size": size,
        "has_classifier": classifier,
    }
    if source is None or path is None:
        if not is_terminal():
            raise TwinsetError(
                "there is no terminal to ask at: give --source and --path, as in "
                "`twinset init recipe.toml --source folder --path photographs`."
            )
        given |= _asked(given)
    answers = {key: value for key, value in given.items() if value is not None}
    answers |= {"name": name or _name_of(recipe), "license": image_license, "captions": caption}
    choices = _checked(answers, recipe)
    Folder.at(str(recipe.absolute().parent)).write(recipe.name, _text(choices, recipe).encode())
    typer.echo(printable(f"{recipe}: written. Read it, then: twinset doctor {recipe}; twinset plan {recipe}"))


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _name_of(recipe: Path) -> str:
    """A dataset's name out of the file's."""
    return _NOT_IN_NAMES.sub("-", recipe.stem).lstrip("._-") or "dataset"


def _checked(answers: dict[str, Any], recipe: Path) -> "Choices":
    """The answers, their path as seen from the recipe."""
    from pydantic import ValidationError

    from flows.starter.choices import Choices
    from manifests.errors import RecipeError, first_complaint

    try:
        choices = Choices.model_validate(answers)
    except ValidationError as error:
        raise RecipeError(first_complaint(error)) from None
    return choices.model_copy(update={"path": _seen_from(recipe, choices)})


def _seen_from(recipe: Path, choices: "Choices") -> str:
    """Where the images are: a path of this machine as seen from the recipe's folder, a URL as it is."""
    _check_path(choices.source, choices.path)
    if _is_address(choices.source, choices.path):
        return choices.path
    path = Path(choices.path).expanduser()
    return str(path) if path.is_absolute() else os.path.relpath(path, recipe.absolute().parent)


def _is_address(source: SourceKind, given: str) -> bool:
    """Whether images come from elsewhere than a path of this machine."""
    return source is SourceKind.HUB or "://" in given


def _check_path(source: SourceKind, given: str) -> None:
    """Whether images may come from there.

    Raises:
        SourceError: it is no repository's name, or not there.
    """
    from manifests.errors import SourceError

    if source is SourceKind.HUB and not _REPOSITORY.fullmatch(given):
        raise SourceError(f"{given}: not a repository's name; give one such as org/name.")
    if _is_address(source, given):
        return
    is_pattern = source is SourceKind.WEBDATASET and any(sign in given for sign in "*?[{")
    path = Path(given).expanduser()
    if source is SourceKind.FOLDER and path.exists() and not path.is_dir():
        raise SourceError(f"{path}: this is a file; give the path of a folder of images.")
    if not is_pattern and not path.exists():
        raise SourceError(f"{path}: not there; give the path of what holds the images.")


def _text(choices: "Choices", recipe: Path) -> str:
    """The recipe's text, which was read and found to be a recipe."""
    from flows.recipe import parse_recipe
    from flows.starter.writing import recipe_text

    text = recipe_text(choices, os.path.relpath(DEMO_MODELS, recipe.absolute().parent))
    parse_recipe(tomllib.loads(text), str(recipe))
    return text


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """What nobody gave by a flag, asked at the terminal."""
    from flows.starter.choices import generator_names

    answers: dict[str, Any] = {}
    source = given["source"]
    if source is None:
        source = SourceKind(_choose("Where are the real images?", list(SourceKind), SourceKind.FOLDER))
        answers["source"] = source
    if given["path"] is None:
        answers["path"] = _path(source)
    if given["limit"] is None:
        answers["limit"] = _limit()
    if given["framing"] is None:
        typer.echo("A scene is the whole photograph reduced; a patch is a window of its native pixels.")
        answers["framing"] = Framing(_choose("What is a pair to show?", list(Framing), Framing.SCENE))
    if given["generators"] is None:
        framing = answers.get("framing", given["framing"])
        answers["generators"] = (
            _choose("Which generator?", generator_names(), "sd14" if framing is Framing.SCENE else "vae"),
        )
    if given["has_classifier"] is None:
        answers["has_classifier"] = typer.confirm("Train a detector at the end?", default=True)
    return answers


def _choose(question: str, names: Sequence[str], default: str) -> str:
    """Ask until one of the names is given."""
    while True:
        answer = str(typer.prompt(f"{question} ({', '.join(names)})", default=str(default))).strip()
        if answer in names:
            return answer
        typer.echo(f"Please type one of: {', '.join(names)}")


def _path(source: SourceKind) -> str:
    """Ask until images may come from there."""
    from manifests.errors import SourceError, printable

    while True:
        answer = str(typer.prompt(_ASKED_FOR[source])).strip()
        try:
            _check_path(source, answer)
        except SourceError as error:
            typer.echo(printable(str(error)))
        else:
            return answer


def _limit() -> int | None:
    """Ask until a number is given that may be a limit; None for no limit."""
    while True:
        limit = int(typer.prompt("At most how many images? (0: all)", default=0, type=int))
        if limit >= 0:
            return limit or None
        typer.echo("Please type 0 or more.")
