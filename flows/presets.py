"""Presets: what a recipe's own `[presets.NAME]` changes in it, so that one file serves a laptop and a cluster.

A preset is laid over the recipe before it is checked: tables key by key, lists of named tables (`[[sources]]`,
`[[views]]`, `[[generators]]`) entry by entry, by `name`; everything else is replaced. A table whose kind changes
(`type`, `method`, `source`) is replaced whole, because the other keys belong to the kind. `scale` multiplies the
recipe's limits and counts before that.
"""

from collections.abc import Mapping
from typing import Any

from manifests.errors import RecipeError, printable

FULL = "full"
"""The recipe as it is, unless it has a table of that name."""

_TABLE = "presets"
_SCALE = "scale"
_KINDS = ("type", "method", "source")
_SCALED = ("limit", "limit_per_class", "images_per_prompt")

Table = dict[str, Any]


def apply_preset(content: Mapping[str, Any], preset: str, origin: str) -> Table:
    """A recipe's tables with its presets laid over them, and without the table `presets`.

    Args:
        content: the recipe's tables.
        preset: a preset's name; or several with commas between them, laid over one after the other.
        origin: where the recipe comes from, for errors.

    Raises:
        RecipeError: the recipe has no such preset, or the preset names a table that the recipe has not.
    """
    recipe = dict(content)
    presets = recipe.pop(_TABLE, {})
    if not isinstance(presets, dict) or not all(isinstance(change, dict) for change in presets.values()):
        raise RecipeError(f"{origin}: `{_TABLE}` holds tables, each named [{_TABLE}.NAME]")
    for name in preset.split(","):
        if name in presets:
            recipe = _changed(recipe, presets[name], f"{origin}: {_TABLE}.{name}")
        elif name != FULL:
            there = ", ".join(sorted({FULL, *presets}))
            raise RecipeError(printable(f"{origin}: no preset {name!r}; there are {there}"))
    return recipe


def _changed(recipe: Table, preset: Table, place: str) -> Table:
    """The recipe with one preset laid over it."""
    change = dict(preset)
    scale = change.pop(_SCALE, 1)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale <= 1:
        raise RecipeError(f"{place}.{_SCALE} = {scale!r}: expected a number above 0, at most 1")
    merged: Table = _merged(_scaled(recipe, scale), change, place)
    return merged


def _scaled(recipe: Table, scale: float) -> Table:
    """The recipe with smaller limits and counts; each stays at least 1."""
    if scale == 1:
        return recipe
    scaled = dict(recipe)
    for name in ("sources", "candidates"):
        if isinstance(recipe.get(name), list):
            scaled[name] = [_smaller(entry, _SCALED, scale) for entry in recipe[name]]
    for name, keys in (("select", ("limit",)), ("split", ("counts",))):
        if name in recipe:
            scaled[name] = _smaller(recipe[name], keys, scale)
    smaller: Table = _smaller(scaled, ("target_pairs",), scale)
    return smaller


def _smaller(table: Any, keys: tuple[str, ...], scale: float) -> Any:
    if not isinstance(table, dict):
        return table
    return {name: _times(value, scale) if name in keys else value for name, value in table.items()}


def _times(value: Any, scale: float) -> Any:
    if isinstance(value, dict):
        return {name: _times(number, scale) for name, number in value.items()}
    return max(1, int(value * scale)) if isinstance(value, int) and value > 0 else value


def _merged(base: Any, change: Any, place: str) -> Any:
    if isinstance(base, dict) and isinstance(change, dict):
        if any(kind in base and base[kind] != change.get(kind, base[kind]) for kind in _KINDS):
            return {key: base[key] for key in ("name",) if key in base} | change
        return base | {key: _merged(base.get(key), value, f"{place}.{key}") for key, value in change.items()}
    if _are_named(base) and _are_named(change):
        return _by_name(base, change, place)
    return change


def _are_named(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(entry, dict) and "name" in entry for entry in value)
    )


def _by_name(base: list[Table], changes: list[Table], place: str) -> list[Table]:
    """The base's entries in their order, each with its change."""
    wanted = {change["name"]: change for change in changes}
    names = [entry["name"] for entry in base]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise RecipeError(printable(f"{place}: the recipe has no {unknown[0]!r}; it has {', '.join(names)}"))
    return [_merged(entry, wanted.get(entry["name"], {}), f"{place}.{entry['name']}") for entry in base]
