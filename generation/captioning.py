"""Captions: from a model, from the source, or from the name of the class."""

from collections.abc import Sequence

from generation.cleaning import clean
from generation.config import BlipCaptions, CaptionConfig, ClassTemplateCaptions, SourceCaptions
from generation.requests import Captioner, CaptionRequest
from manifests.errors import RejectedItem
from manifests.records import Caption, Reason
from manifests.seeds import seed


def open_captioner(config: CaptionConfig, device: str) -> Captioner:
    """Make a captioner ready. Libraries of models are imported only for a captioner that has a model.

    Args:
        config: the recipe's `caption` table.
        device: where a model runs: `cpu`, `cuda`, `cuda:1`, ...

    Raises:
        ModelError: the model cannot be found or loaded.
    """
    match config:
        case BlipCaptions():
            from generation.blip import BlipCaptioner  # noqa: PLC0415 - other captioners need no torch

            return BlipCaptioner(config, device)
        case SourceCaptions():
            return SourceCaptioner()
        case ClassTemplateCaptions():
            return ClassTemplateCaptioner(config)


class SourceCaptioner:
    """Passes on the captions that the source itself gives."""

    def caption(self, items: Sequence[CaptionRequest]) -> list[Caption | RejectedItem]:
        """One answer an item, in order; `empty-caption` where the source gives none."""
        return [
            accept(Caption(text=item.source_caption, cleaned=clean(item.source_caption), model="source"))
            for item in items
        ]


class ClassTemplateCaptioner:
    """Writes the name of the class into a sentence: one of several, drawn by the pair's id."""

    def __init__(self, config: ClassTemplateCaptions) -> None:
        self._templates = config.templates

    def caption(self, items: Sequence[CaptionRequest]) -> list[Caption | RejectedItem]:
        """One answer an item, in order; `empty-caption` where the image has no class."""
        return [self._caption(item.class_label, item.pair_id) for item in items]

    def _caption(self, label: str, pair_id: str) -> Caption | RejectedItem:
        if not label.strip():
            return RejectedItem(Reason.EMPTY_CAPTION, "the image has no class to write into the template")
        template = self._templates[seed(pair_id, "class-template") % len(self._templates)]
        text = template.replace("{label}", label)
        return accept(Caption(text=text, cleaned=clean(text), model="class-template"))


def accept(caption: Caption) -> Caption | RejectedItem:
    """The caption, or `empty-caption` where nothing is left of it."""
    if not caption.cleaned:
        return RejectedItem(Reason.EMPTY_CAPTION, f"nothing is left of the caption {caption.text!r}")
    return caption
