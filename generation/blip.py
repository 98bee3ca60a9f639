"""Captions by BLIP (arXiv 2201.12086), as transformers publishes it."""

from collections.abc import Sequence

from transformers import BlipForConditionalGeneration, BlipProcessor

from generation.batches import BatchRunner, Row, slices
from generation.captioning import accept
from generation.cleaning import clean
from generation.config import BlipCaptions
from generation.models import TRANSFORMERS_WEIGHTS, find_model, load_model, load_part, weight_files
from generation.numerics import DTYPES, find_device, reproducible
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
        self._device = find_device(device)
        folder = find_model(config.model, config.revision, _PATTERNS)
        weights = weight_files(folder.path, TRANSFORMERS_WEIGHTS)
        self._config = config
        self._name = folder.name
        self._revision = folder.revision(weights)
        self._processor = load_part(BlipProcessor, folder.path)
        self._model = load_model(BlipForConditionalGeneration, folder.path).to(self._device, DTYPES[config.dtype])

    def caption(self, items: Sequence[CaptionRequest]) -> list[Caption | RejectedItem]:
        """One answer an item, in order; `empty-caption` where nothing is left after cleaning.

        Raises:
            ModelError: a single image needs more memory than there is.
        """
        runner = BatchRunner(self._run, batch_size=self._config.batch_size)
        rows = [row for batch in slices(items, self._config.batch_size) for row in runner.rows(batch)]
        return [self._answer(row) for row in rows]

    def _run(self, items: Sequence[CaptionRequest]) -> list[str]:
        """The captions of one batch, as the model gives them."""
        prefixes = [self._config.prefix] * len(items) if self._config.prefix else None
        with quiet(), reproducible():
            inputs = self._processor(images=[item.pixels for item in items], text=prefixes, return_tensors="pt")
            tokens = self._model.generate(
                **inputs.to(self._device, DTYPES[self._config.dtype]),
                max_new_tokens=self._config.max_new_tokens,
                num_beams=self._config.num_beams,
                do_sample=False,
            )
        # the first token only starts the decoder
        texts: list[str] = self._processor.batch_decode(tokens[:, 1:], skip_special_tokens=True)
        return texts

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
        return accept(
            Caption(
                text=row.result,
                cleaned=clean(row.result),
                model=self._name,
                revision=self._revision,
                decoding=decoding,
            )
        )
