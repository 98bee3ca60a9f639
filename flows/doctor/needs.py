"""What a recipe needs: models, the program that fetches URLs, room on the disk."""

from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from flows.doctor.findings import Finding, missing, ok, warning
from flows.recipe import Recipe, located
from generation.presence import require_published, require_weights
from manifests.errors import ModelError, TwinsetError


def fetches_urls(recipe: Recipe) -> bool:
    """Whether one of its sources is a list of URLs."""
    return any(hasattr(source, "fetch") for source in (*recipe.sources, *recipe.candidates))


def disk_needed(recipe: Recipe, base: Path) -> int | None:
    """Bytes that a build takes, as far as `plan` can tell; None where its sources are not counted yet, or not there."""
    from flows.plan import plan_recipe

    try:
        planned = plan_recipe(recipe, base)
    except TwinsetError:
        return None
    return planned.disk_bytes if planned.pairs is not None else None


def check_sources(recipe: Recipe, base: Path) -> list[Finding]:
    """Whether what the sources name on this machine is there."""
    return [_path(f"source {name}", path) for name, path in _places(recipe, base)]


def check_models(recipe: Recipe, base: Path, *, hub_answers: bool) -> list[Finding]:
    """Whether the models that a recipe names are on this machine, or on the Hub.

    Args:
        recipe: the recipe.
        base: the folder that its relative paths start from.
        hub_answers: whether the Hub can be asked.
    """
    found = [_model(name, model, revision, hub_answers=hub_answers) for name, model, revision in _models(recipe, base)]
    classifier = located(recipe.classifier, base)
    if classifier is not None and classifier.weights:
        found.append(_path("classifier weights", Path(classifier.weights)))
    elif classifier is not None and classifier.pretrained and not hub_answers:
        remedy = "fetch it where the Hub answers, or set pretrained = false"
        found.append(warning("classifier", f"{classifier.backbone} may have to be fetched from the Hub", remedy))
    return found


def _places(recipe: Recipe, base: Path) -> Iterator[tuple[str, Path]]:
    """Names of the sources that read a path of this machine, and the path."""
    for source in (*recipe.sources, *recipe.candidates):
        settings = located(source, base)
        path = getattr(settings, "path", "") or getattr(settings, "csv", "")
        if isinstance(path, str) and path and "://" not in path and not any(sign in path for sign in "*?[{"):
            yield source.name, Path(path)


def _path(name: str, path: Path) -> Finding:
    if path.exists():
        return ok(name, str(path))
    return missing(name, f"no {path}", "put it there, or name another in the recipe")


def _models(recipe: Recipe, base: Path) -> Iterator[tuple[str, str, str]]:
    """What the recipe calls each model, its folder or Hub id, and its revision."""
    if model := getattr(located(recipe.caption, base), "model", ""):
        yield "caption model", model, getattr(recipe.caption, "revision", "")
    for generator in recipe.generators:
        yield f"generator {generator.name}", located(generator, base).model, generator.revision
    if recipe.screen.safety is not None:
        yield "safety model", located(recipe.screen.safety, base).model, recipe.screen.safety.revision
    if recipe.audit.match_model:
        yield "match model", located(recipe.audit, base).match_model, ""


def _model(name: str, model: str, revision: str, *, hub_answers: bool) -> Finding:
    try:
        require_weights(model)
        if Path(model).exists():
            return ok(name, model)
        if _is_cached(model):
            return ok(name, f"{model}, in the Hub's cache")
        if not hub_answers:
            remedy = "fetch it where the Hub answers (`hf download`), or name a folder in the recipe"
            return missing(name, f"{model} is not on this machine", remedy)
        require_published(model, revision)
    except ModelError as error:
        return missing(name, str(error), "see the message")
    return ok(name, f"{model}, on the Hub: fetched when it is needed")


def _is_cached(model: str) -> bool:
    """Whether the Hub's cache has a snapshot of a model."""
    snapshots = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model, repo_type="model") / "snapshots"
    return snapshots.is_dir() and any(snapshots.iterdir())
