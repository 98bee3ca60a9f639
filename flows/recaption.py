"""Who is asked for captions of the finished members: the captioner that gave the recipe's captions, if it is here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from pydantic import TypeAdapter, ValidationError

from audit.config import AuditConfig
from audit.recaption import NoRecaptioner, Recaptioner
from flows.folder import BuildFolder
from generation.config import BlipCaptions, CaptionConfig
from manifests.errors import ModelError, RejectedItem
from pixels.arrays import Pixels

if TYPE_CHECKING:
    from generation.requests import Captioner

_CAPTIONS: TypeAdapter[CaptionConfig] = TypeAdapter(CaptionConfig)


@dataclass(frozen=True)
class RecipeCaptioner:
    """A recipe's captioner, asked of pixels alone."""

    name: str
    captioner: "Captioner"

    def __call__(self, pixels: Sequence[Pixels]) -> list[str]:
        """The cleaned caption of each image; empty where nothing is left of it."""
        from generation.requests import CaptionRequest

        answers = self.captioner.caption([CaptionRequest(pair_id="", pixels=image) for image in pixels])
        return ["" if isinstance(answer, RejectedItem) else answer.cleaned for answer in answers]


def captions_of_build(build: BuildFolder) -> CaptionConfig | None:
    """The `caption` table of a build's recipe, its paths located; None where it needs none."""
    captions = build.recipe.caption
    return None if captions is None else build.located(captions)


def captions_of(recipe: Mapping[str, Any]) -> CaptionConfig | None:
    """The `caption` table of a recipe out of a manifest; None where it has none that can be read."""
    try:
        return _CAPTIONS.validate_python(recipe.get("caption"))
    except ValidationError:
        return None


def open_recaptioner(captions: CaptionConfig | None, config: AuditConfig) -> Recaptioner | NoRecaptioner:
    """Make the captioner ready; nothing is fetched from anywhere.

    Args:
        captions: the recipe's `caption` table, its paths located; None where there is none.
        config: the audit's settings.

    Returns:
        The captioner, or why there is none: it is not asked for, has no model, or its model is not on this machine.
    """
    if not config.recaption_pairs:
        return NoRecaptioner("audit.recaption_pairs is 0")
    if captions is None:
        return NoRecaptioner("the recipe names no captioner of the whole dataset")
    if not isinstance(captions, BlipCaptions):
        return NoRecaptioner(f"captions of the kind {captions.source!r} come from no model")
    name = Path(captions.model).name if Path(captions.model).is_dir() else captions.model
    if not _is_here(captions):
        return NoRecaptioner(f"the recipe's captioner, {name}, is not on this machine")
    from flows.device import device
    from generation.captioning import open_captioner

    try:
        return RecipeCaptioner(name, open_captioner(captions, device()))
    except ModelError:
        return NoRecaptioner(f"the recipe's captioner, {name}, cannot be loaded on this machine")


def _is_here(captions: BlipCaptions) -> bool:
    """Whether the model is a folder, or lies in the Hub's local cache."""
    if Path(captions.model).is_dir():
        return True
    try:
        found = try_to_load_from_cache(captions.model, "config.json", revision=captions.revision or None)
    except HFValidationError:
        return False
    return isinstance(found, str)
