"""The order in which a build's stages run: from left to right; under a target of pairs, in waves until they stand.

`select` lets through a number of chunks. Once they are aligned, either the target's pairs stand, or more chunks are let
through and all stages from `select` on do what was added. The number at which it ends is the smallest that is enough: a
property of the images, whatever the waves were and wherever a run was cut off.
"""

import math
from collections.abc import Iterable, Iterator

from flows.folder import BuildFolder
from flows.stages.align import AlignStage
from flows.stages.audit import build_stages
from flows.stages.base import BuildStage
from flows.stages.select import SelectStage
from flows.stages.split import SplitStage
from flows.standing import StandingPair, of_chunk, of_stage, standing
from flows.target import SPARE, want_chunks, wanted_chunks


def stages_in_order(build: BuildFolder) -> Iterator[BuildStage]:
    """The stages of a build as they are to be run; the caller does one before it asks for the next."""
    for stage in build_stages(build):
        if stage.name == SplitStage.label:
            yield from _waves(build)
        yield stage


def shortfall(build: BuildFolder) -> str:
    """One line where the sources had too few images for the recipe's target; empty otherwise, and before it is known."""
    target, split = build.recipe.target_pairs, SplitStage(build)
    if target is None or split.pending():
        return ""
    placed = _placed(build, (pair for _, pair in of_stage(AlignStage(build), StandingPair)))
    if placed >= target:
        return ""
    return (
        f"target_pairs: {placed} of {target} pairs stand, and no image is left. "
        "Raise the sources' limits, add a source, or ask for less."
    )


def _waves(build: BuildFolder) -> Iterator[BuildStage]:
    """The stages from `select` to `align`, again and again while more images are wanted, or fewer."""
    while SplitStage(build).pending() and _revise(build):
        stages = build_stages(build)
        names = [stage.name for stage in stages]
        yield from stages[names.index(SelectStage.label) : names.index(SplitStage.label)]


def _revise(build: BuildFolder) -> bool:
    """Decide anew how many chunks are wanted, all that were let through being aligned; whether that changes anything."""
    target, wanted = build.recipe.target_pairs, wanted_chunks(build)
    if target is None or wanted is None:
        return False
    align = AlignStage(build)
    aligned: list[StandingPair] = []
    placed = 0
    for index in range(align.count() or 0):
        aligned += (pair for _, pair in of_chunk(align, index, StandingPair))
        if len(aligned) < target:
            continue
        placed = _placed(build, aligned)
        if placed == target:
            return _want(build, index + 1)
    spares = _spares(build)
    if not spares:
        return False
    placed = placed or _placed(build, aligned)
    # by what the chunks have given so far; twice as many where they gave nothing
    more = math.ceil((target - placed) * wanted / placed) if placed else wanted
    return _want(build, wanted + min(more, math.ceil(spares / build.recipe.chunks.size)))


def _want(build: BuildFolder, chunks: int) -> bool:
    if chunks == wanted_chunks(build):
        return False
    want_chunks(build, chunks)
    return True


def _placed(build: BuildFolder, aligned: Iterable[StandingPair]) -> int:
    return sum(1 for home in standing(build, aligned) if home.split is not None)


def _spares(build: BuildFolder) -> int:
    select = SelectStage(build)
    return sum(
        1 for index in range(select.count() or 0) for reject in select.store.rejects(index) if reject.detail == SPARE
    )
