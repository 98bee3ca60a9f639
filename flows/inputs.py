"""Whether a build can begin: asked before anything is written."""

from flows.folder import BuildFolder
from generation.presence import require_weights


def check_models(build: BuildFolder) -> None:
    """Check that the models that a recipe names by path are there. The sources are asked by the first stage.

    Raises:
        ModelError: a model's folder is missing, or holds no weights.
    """
    for settings in (build.recipe.caption, *build.recipe.generators):
        model = getattr(build.located(settings), "model", "")
        if model:
            require_weights(model)
