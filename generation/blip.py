"""Captions by BLIP (arXiv 2201.12086), as transformers publishes it."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers import BlipForConditionalGeneration, BlipProcessor

from generation.batches import BatchRunner, Row, slices
from generation.blip_model import CompiledDecoding, fuse_attention, normalized, resized, stacked
from generation.captioning import accept
from generation.cleaning import clean
from generation.compiling import COMPILED, COMPILER
from generation.config import BlipCaptions
from generation.faults import loading
from generation.models import TRANSFORMERS_WEIGHTS, find_model, load_model, load_part, weight_files
from generation.numerics import DTYPES, find_device, reproducible
from generation.overlap import ahead
from generation.quiet import quiet
from generation.requests import CaptionRequest
from manifests.errors import RejectedItem
from manifests.records import Caption

_PATTERNS = (
    "*.json",
    "*.txt",
    f"{TRANSFORMERS_WEIGHTS}.safetensors",
    f"{TRANSFORMERS_WEIGHTS}-[0-9]*-of-[0-9]*.safetensors",
)


class BlipCaptioner:
    """Captions framed images, in fixed batches, by greedy decoding or beam search: nothing is drawn at random.

    Args:
        config: the recipe's `caption` table.
        device: where the model runs.

    Raises:
        ModelError: the model cannot be found or loaded.
    """

    def __init__(self, config: BlipCaptions, device: str) -> None:
        place = find_device(device)
        folder = find_model(config.model, config.revision, _PATTERNS)
        weights = weight_files(folder.path, TRANSFORMERS_WEIGHTS)
        self._config = config
        self._name = folder.name
        self._revision = folder.revision(weights)
        processor = load_part(BlipProcessor, folder.path)
        model = load_model(BlipForConditionalGeneration, folder.path)
        with loading(folder.name):
            model.to(place, DTYPES[config.dtype])
        self._reader = Reader(model, processor, config)

    def caption(self, items: Sequence[CaptionRequest]) -> list[Caption | RejectedItem]:
        """One answer an item, in order; `empty-caption` where nothing is left after cleaning.

        Raises:
            InfrastructureError: a single image needs more memory than there is, or the device failed.
        """
        size = self._config.batch_size
        runner = BatchRunner(self._reader.read, batch_size=size, fill=self._config.compile is True)
        prepared = ahead(slices(items, size), self._reader.prepare)
        return [self._answer(row) for batch in prepared for row in runner.rows(batch)]

    def _answer(self, row: Row[str]) -> Caption | RejectedItem:
        config = self._config
        decoding: dict[str, int | float | bool | str] = {
            "prefix": config.prefix,
            "max_new_tokens": config.max_new_tokens,
            "num_beams": config.num_beams,
            "do_sample": False,
            "dtype": config.dtype,
            "batch_size": row.batch_size,
            "numerics": "degraded" if row.degraded else "exact",
        }
        if config.compile is True:
            decoding[COMPILED] = COMPILER
        return accept(
            Caption(
                text=row.result,
                cleaned=clean(row.result),
                model=self._name,
                revision=self._revision,
                decoding=decoding,
            )
        )


class Reader:
    """A BLIP model that reads batches of images.

    Args:
        model: `BlipForConditionalGeneration`, on its device and in its precision; it is changed in its place.
        processor: its `BlipProcessor`.
        config: how to decode, and whether to compile.
    """

    def __init__(self, model: Any, processor: Any, config: BlipCaptions) -> None:
        self._model = model
        self._processor = processor
        self._config = config
        self._device = model.device
        fuse_attention(model.vision_model)
        self._prefix = self._tokens(config.prefix) if config.prefix else None
        # beam search puts rows of its caches elsewhere, which fixed caches do not survive
        self._compiled = (
            CompiledDecoding(model, config.max_new_tokens + self._words())
            if config.compile is True and config.num_beams == 1
            else None
        )

    def prepare(self, items: Sequence[CaptionRequest]) -> list[Tensor]:
        """The images at the model's size, (3, side, side) uint8 each; needs no device."""
        return resized(self._processor.image_processor, [item.pixels for item in items])

    def read(self, images: Sequence[Tensor]) -> list[str]:
        """The captions of one batch of prepared images, as the model gives them."""
        more = self._compiled.arguments(len(images)) if self._compiled else {"disable_compile": True}
        if self._prefix is not None:
            more |= {name: tokens.expand(len(images), -1).clone() for name, tokens in self._prefix.items()}
        with quiet(), reproducible():
            pixels = normalized(self._processor.image_processor, stacked(images, self._device))
            tokens = self._model.generate(
                pixel_values=pixels.to(self._model.dtype),
                max_new_tokens=self._config.max_new_tokens,
                num_beams=self._config.num_beams,
                do_sample=False,
                **more,
            )
        # the first token only starts the decoder
        texts: list[str] = self._processor.batch_decode(tokens[:, 1:], skip_special_tokens=True)
        return texts

    def _tokens(self, prefix: str) -> dict[str, Tensor]:
        """The first words of all captions: one row of token ids and mask."""
        found = self._processor.tokenizer([prefix], return_tensors="pt", return_token_type_ids=False)
        return {name: tokens.to(self._device) for name, tokens in found.items()}

    def _words(self) -> int:
        """Tokens that every caption starts with: the one that starts the decoder, and the prefix."""
        return 1 if self._prefix is None else int(self._prefix["input_ids"].shape[1]) - 1
