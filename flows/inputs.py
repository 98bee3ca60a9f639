"""Whether a build can begin: asked before anything is written."""

from flows.folder import BuildFolder
from flows.stages.listing import ListStage, no_images
from generation.presence import require_weights


def check_inputs(build: BuildFolder) -> None:
    """Check that the models that a recipe names by path are there, and that each source gives a first image.

    Once the sources are listed, they are not asked any more: a build goes on without them.

    Raises:
        ModelError: a model's folder is missing, or holds no weights.
        SourceError: a source is missing, is not in its published format, or is empty.
    """
    for settings in (build.recipe.caption, *build.recipe.generators):
        model = getattr(build.located(settings), "model", "")
        if model:
            require_weights(model)
    if not ListStage(build).pending():
        return
    for config in build.recipe.sources:
        # in the source's own order and without limits the first image is known without reading the rest
        unlimited = config.model_copy(update={"limit": None, "limit_per_class": None, "order": "source"})
        if next(iter(build.located(unlimited).open().list()), None) is None:
            raise no_images(config.name)

