"""The command `twinset diff`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from manifests.diff import Difference


def diff(
    a: Annotated[str, typer.Argument(help="A dataset, or a build's folder.", show_default=False)],
    b: Annotated[str, typer.Argument(help="Another one.", show_default=False)],
    examples: Annotated[int, typer.Option(min=0, help="How many pairs of each kind are named.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two datasets by their manifests: settings, pairs added, gone and changed, split moves.

    Exit code: 0 where they are equal, 1 where they differ, 2 where that cannot be told.
    """
    from manifests.dataset import Dataset
    from manifests.diff import diff as compare
    from manifests.errors import TwinsetError, printable

    try:
        difference = compare(Dataset.open(a), Dataset.open(b), examples=examples)
    except TwinsetError as error:
        typer.echo(f"error: {printable(str(error))}", err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(difference.model_dump_json())
    else:
        _show(difference)
    if not difference.is_empty:
        raise typer.Exit(1)


def _show(found: "Difference") -> None:
    if found.is_empty:
        _say(f"equal: {found.pairs[0]:,} pairs")
        return
    for setting in found.settings:
        _say(f"{setting.path}: {_value(setting.a)} -> {_value(setting.b)}")
    _say(f"pairs: {found.pairs[0]:,} -> {found.pairs[1]:,}")
    _list("only in the first", found.only_a, found.examples_a)
    _list("only in the second", found.only_b, found.examples_b)
    _list("changed", found.changed, [f"{pair.pair_id}: {', '.join(pair.fields)}" for pair in found.examples_changed])
    for field, count in found.fields.items():
        _say(f"  {field}: {count:,} pairs")
    _list("in another split", found.moved, [f"{pair.pair_id}: {pair.a} -> {pair.b}" for pair in found.examples_moved])
    for move, count in found.moves.items():
        _say(f"  {move}: {count:,} pairs")


def _list(title: str, count: int, examples: "tuple[str, ...] | list[str]") -> None:
    if count:
        _say(f"{title}: {count:,}")
        for example in examples:
            _say(f"  {example}")
        if count > len(examples):
            _say(f"  and {count - len(examples):,} more")


def _value(value: object) -> str:
    """A setting, cut where it would fill the screen."""
    return "not set" if value is None else str(value)[:200]


def _say(line: str) -> None:
    """One line for a person; foreign data can put anything into it."""
    from manifests.errors import printable

    typer.echo(printable(line))
