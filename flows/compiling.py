"""Whether the models of a run are compiled, by how many images the whole run asks them for."""

from collections.abc import Sequence

from flows.folder import BuildFolder
from flows.stages.select import SelectStage
from generation.compiling import Compilable, decided
from pixels.config import ViewRules


def decided_for(build: BuildFolder, config: Compilable, views: Sequence[ViewRules]) -> Compilable:
    """The settings with `compile` decided.

    Args:
        build: the build, whose images are selected.
        config: settings of the captioner, or of a generator that denoises.
        views: those whose pairs ask for the model.
    """
    from flows.device import device

    sides = [view.frame + 2 * view.margin for view in views]
    pixels = sum(side * side for side in sides) // len(sides)
    return decided(config, images=_images(build) * len(views), pixels=pixels, device=device())


def _images(build: BuildFolder) -> int:
    """How many images the run uses, as selected or as its target says, which no resumed run finds changed."""
    selected = (SelectStage(build).count() or 0) * build.recipe.chunks.size
    target = build.recipe.target_pairs
    return selected if target is None else min(selected, target)
