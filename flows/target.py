"""How many images a target of pairs asks for: a number of chunks, kept in `work/target.json` and revised wave by wave."""

import math

from flows.folder import BuildFolder
from flows.recipe import Recipe
from manifests import canonical
from manifests.records import Record

SPARE = "a spare that the target does not need"
"""What `rejects.jsonl` says of an image that was not needed."""

_FILE = "target.json"


class Wanted(Record):
    """How many chunks of images the target asks for, as far as is known."""

    chunks: int


def chunks_at_least(recipe: Recipe, target: int) -> int:
    """How many chunks of images a target of pairs asks for where no pair is lost."""
    return math.ceil(target / (recipe.chunks.size * len(recipe.views)))


def wanted_chunks(build: BuildFolder) -> int | None:
    """How many chunks of images `select` lets through; None where the recipe has no target."""
    target = build.recipe.target_pairs
    if target is None:
        return None
    try:
        return Wanted.model_validate_json(build.work.read(_FILE)).chunks
    except FileNotFoundError:
        return chunks_at_least(build.recipe, target)


def want_chunks(build: BuildFolder, chunks: int) -> None:
    """Let `select` let through so many chunks from now on."""
    build.work.write(_FILE, canonical.dumps(Wanted(chunks=chunks)))
