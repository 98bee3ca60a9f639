"""The null control of a dataset's own recipe: its views, its alignment, and the codings of its own reals."""

import statistics
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from audit.config import AuditConfig
from audit.dead_leaves import DeadLeaves
from audit.null_control import PHOTOGRAPHS, REDUCTION, NullControl
from flows.recipe import Recipe, parse_recipe
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.header import Header
from manifests.records import ImageFacts, JpegCoding
from pixels.config import ViewRules

ON_BY_DEFAULT = 500
"""Datasets of more pairs than this have a null control, unless the recipe says otherwise."""

_WINDOWS = 8
# spare pictures, for windows that framing or alignment drops; and room for the windows of a picture to differ
_SPARE = 2
_ROOM = 1.25
_LARGEST_PICTURE = 4096
# reals whose codings are drawn from
_CODINGS = 500


def null_control(dataset: Dataset, config: AuditConfig, *, wanted: bool | None = None) -> NullControl | None:
    """What the null control of this dataset works on; None where nobody asks for it.

    Args:
        dataset: the dataset; its manifest is read.
        config: the audit's settings.
        wanted: overrules the settings; None leaves the answer to them.
    """
    pairs = sum(shard.pairs for shard in dataset.header.shards)
    asked = wanted if wanted is not None else config.null_control
    if not (pairs > ON_BY_DEFAULT if asked is None else asked):
        return None
    if "merged" in dataset.header.recipe:
        if asked:
            raise DatasetError(
                f"{dataset.root}: merged from several recipes, and the null control is of one; audit each by itself, "
                "or leave it out with --no-null-control"
            )
        return None
    recipe = parse_recipe(dataset.header.recipe, f"{dataset.root}/manifest.jsonl, line 1")
    codings, sides = _reals(dataset)
    return of_recipe(recipe, config, codings, sides)


def of_recipe(
    recipe: Recipe,
    config: AuditConfig,
    codings: tuple[JpegCoding | None, ...] = PHOTOGRAPHS,
    sides: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> NullControl:
    """What the null control of a recipe works on.

    Args:
        recipe: with a view of pairs.
        config: tells the number of pairs.
        codings: of the reals, as often as each occurs; None stands for a lossless one.
        sides: pixels a side of the reals' windows, by view; where there are none, reals are as small as the recipe allows.
    """
    views = tuple(view for view in recipe.views if not view.is_single)
    side = max(_picture_side(view, recipe, sides.get(view.name, [])) for view in views)
    count = _SPARE * -(-config.null_control_pairs // _WINDOWS)
    return NullControl(
        pictures=(DeadLeaves(number, side) for number in range(count)),
        views=views,
        alignment=recipe.alignment,
        screen=recipe.screen,
        codings=codings,
        windows=_WINDOWS,
        salt=recipe.seed_salt,
    )


def _reals(dataset: Dataset) -> tuple[tuple[JpegCoding | None, ...], dict[str, list[int]]]:
    """How some of the reals are coded, and how large a window of its real each pair of a view shows."""
    coded: dict[str, ImageFacts] = {}
    sides: dict[str, list[int]] = {}
    largest = ""
    for pair in dataset.pairs():
        # keys are digests: the smallest are a sample
        if pair.image.key not in coded and (len(coded) < _CODINGS or pair.image.key < largest):
            coded[pair.image.key] = pair.facts
            if len(coded) > _CODINGS:
                del coded[largest]
            largest = max(coded)
        sides.setdefault(pair.frame.view, []).append(pair.frame.side)
    return tuple(_own(dataset.header, coded[key]) for key in sorted(coded)), sides


def _own(header: Header, facts: ImageFacts) -> JpegCoding | None:
    return header.coding(facts.jpeg_tables, facts.subsampling) if facts.jpeg_tables else None


def _picture_side(view: ViewRules, recipe: Recipe, sides: Sequence[int]) -> int:
    """Pixels of a picture that gives windows such as the view's reals have, reduced as the null control asks."""
    smallest = max(view.frame + 2 * view.margin * (view.framing == "patch"), recipe.screen.min_side)
    usual = statistics.median_low(sides) if sides and view.framing == "scene" else smallest
    return int(max(REDUCTION * smallest, min(REDUCTION * usual, _LARGEST_PICTURE)) * _ROOM)
