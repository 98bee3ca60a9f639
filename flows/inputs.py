"""Whether a build can begin: asked before anything is written."""

from collections.abc import Iterator

from flows.candidates import no_prompts, prompt_of
from flows.folder import BuildFolder
from flows.screening import denied
from flows.stages.listing import ListStage, no_images
from generation.class_names import require_classes
from generation.config import DiffusionSettings, RetrieveConfig
from generation.native_size import require_native_size
from generation.presence import require_additions, require_published, require_text_encoder, require_weights
from sources.base import Listing
from sources.config import SourceConfig


def check_inputs(build: BuildFolder) -> None:
    """Check that models and lists that a recipe names by path are there, and that sources give a first image or prompt.

    Once the sources are listed, they are not asked any more: a build goes on without them.

    Raises:
        ModelError: a model's folder is missing or holds no weights, or the Hub has no such model; that of a generator
            that retrieves has no text encoder; an SDXL model is asked for less than its native size; the model of safety
            has no class of a name given.
        DatasetError: a deny-list is missing, or a line of it is no hash.
        SourceError: a source is missing, is not in its published format, or is empty; candidates have no prompts.
    """
    for settings in (build.recipe.caption, *build.recipe.generators, build.recipe.screen.safety):
        model = getattr(build.located(settings), "model", "")
        if model:
            require_weights(model)
            require_published(model, getattr(settings, "revision", ""))
        if isinstance(settings, RetrieveConfig):
            require_text_encoder(model)
        if isinstance(settings, DiffusionSettings):
            require_additions(build.located(settings))
            for view in build.recipe.views:
                if settings.name in view.generators:
                    margin = view.margin if view.framing == "patch" else 0
                    require_native_size(build.located(settings), view.frame + 2 * margin)
    denied(build)
    if (safety := build.located(build.recipe.screen.safety)) is not None:
        require_classes(safety.model, safety.unsafe_labels)
    if not ListStage(build).pending():
        return
    for config in build.recipe.sources:
        if next(_listings(build, config), None) is None:
            raise no_images(config.name)
    for config in build.recipe.candidates:
        if not any(prompt_of(listing) for listing in _listings(build, config)):
            raise no_prompts(config.name)


def _listings(build: BuildFolder, config: SourceConfig) -> Iterator[Listing]:
    """What a source has, without its limits and in its own order: the first image is known without reading the rest."""
    unlimited = config.model_copy(update={"limit": None, "limit_per_class": None, "order": "source"})
    return build.located(unlimited).open().list()
