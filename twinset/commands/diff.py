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

    Exit code: 0 where they are equal, 1 where they differ.
    """
    from manifests.dataset import Dataset
    from manifests.diff import diff as compare

    difference = compare(Dataset.open(a), Dataset.open(b), examples=examples)
    if as_json:
        typer.echo(difference.model_dump_json())
    else:
        _show(difference)
    if not difference.is_empty:
        raise typer.Exit(1)


def _show(found: "Difference") -> None:
    if found.is_empty:
        typer.echo(f"equal: {found.pairs[0]:,} pairs")
        return
    for setting in found.settings:
        typer.echo(f"{setting.path}: {_value(setting.a)} -> {_value(setting.b)}")
    typer.echo(f"pairs: {found.pairs[0]:,} -> {found.pairs[1]:,}")
    _list("only in the first", found.only_a, found.examples_a)
    _list("only in the second", found.only_b, found.examples_b)
    _list("changed", found.changed, [f"{pair.pair_id}: {', '.join(pair.fields)}" for pair in found.examples_changed])
    for field, count in found.fields.items():
        typer.echo(f"  {field}: {count:,} pairs")
    _list("in another split", found.moved, [f"{pair.pair_id}: {pair.a} -> {pair.b}" for pair in found.examples_moved])
    for move, count in found.moves.items():
        typer.echo(f"  {move}: {count:,} pairs")


def _list(title: str, count: int, examples: "tuple[str, ...] | list[str]") -> None:
    if count:
        typer.echo(f"{title}: {count:,}")
        for example in examples:
            typer.echo(f"  {example}")
        if count > len(examples):
            typer.echo(f"  and {count - len(examples):,} more")


def _value(value: object) -> str:
    """A setting on one line; foreign data can put anything into it."""
    text = "not set" if value is None else str(value)
    return "".join(character if character.isprintable() else "?" for character in text)[:200]
