"""Texts as vectors whose inner product says how alike they are: CLIP's text tower, or a sentence encoder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer, CLIPTextModelWithProjection

from generation.batches import BatchRunner, slices
from generation.config import RetrieveConfig
from generation.models import TRANSFORMERS_WEIGHTS, find_model, load_model, load_part, read_config, weight_files
from generation.numerics import DTYPES, find_device, reproducible
from generation.quiet import quiet
from manifests.errors import ModelError

_PATTERNS = (
    "*.json",
    "*.txt",
    "*.model",
    f"{TRANSFORMERS_WEIGHTS}.safetensors",
    f"{TRANSFORMERS_WEIGHTS}-[0-9]*-of-[0-9]*.safetensors",
)
_CLIP = ("clip", "clip_text_model")
_POOLING = "1_Pooling/config.json"
_LONGEST = 512

_Pool = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class TextEncoder:
    """Vectors of unit length, in float32.

    What a model's config says decides how its tokens become one vector: CLIP (arXiv 2103.00020) projects the last one;
    of all other encoders the mean of the tokens is taken, or the first one where the model's folder says so in the
    layout of sentence-transformers (arXiv 1908.10084).

    Args:
        config: a generator that retrieves; its model, a folder's path as it is from here.
        device: where the model runs.

    Raises:
        ModelError: the model cannot be found or loaded, or is no text encoder.
    """

    def __init__(self, config: RetrieveConfig, device: str) -> None:
        self._device = find_device(device)
        self._batch_size = config.batch_size
        folder = find_model(config.model, config.revision, _PATTERNS)
        folder.revision(weight_files(folder.path, TRANSFORMERS_WEIGHTS))
        settings = read_config(folder.path / "config.json")
        self._is_clip = settings.get("model_type") in _CLIP
        if settings.get("is_encoder_decoder"):
            raise ModelError(f"model {folder.name}: a text encoder is expected, and this one has a decoder")
        self._pool = _mean if self._is_clip else _pooling(folder.path / _POOLING)
        self._tokenizer = load_part(AutoTokenizer, folder.path)
        model_class = CLIPTextModelWithProjection if self._is_clip else AutoModel
        self._model = load_model(model_class, folder.path).to(self._device, DTYPES[config.dtype])
        positions = int(getattr(self._model.config, "max_position_embeddings", _LONGEST))
        self._longest = min(positions, self._tokenizer.model_max_length, _LONGEST)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector a text, shape (texts, dimensions); what the model's positions do not hold is cut off.

        Raises:
            ModelError: a single text needs more memory than there is.
        """
        # texts of like length share a batch: little of it is padding
        order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), texts[index]))
        runner = BatchRunner(self._batch, batch_size=self._batch_size)
        found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
        for places in slices(order, self._batch_size):
            rows = runner.rows([texts[place] for place in places])
            for place, row in zip(places, rows, strict=True):
                found[place] = row.result
        return np.stack(found) if found else np.empty((0, 0), np.float32)

    def _batch(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        with quiet(), reproducible():
            inputs = self._tokenizer(
                list(texts), padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
            ).to(self._device)
            features = self._features(inputs)
            return list(torch.nn.functional.normalize(features.float(), dim=1).cpu().numpy())

    def _features(self, inputs: Any) -> torch.Tensor:
        if self._is_clip:
            projected: torch.Tensor = self._model(**inputs).text_embeds
            return projected
        return self._pool(self._model(**inputs).last_hidden_state, inputs["attention_mask"])


def _pooling(path: Path) -> _Pool:
    """How a sentence encoder's folder says that tokens become one vector; the mean where it does not."""
    if not path.is_file():
        return _mean
    modes = {name.removeprefix("pooling_mode_") for name, value in read_config(path).items() if value is True}
    modes.discard("include_prompt")
    if modes == {"cls_token"}:
        return _first
    if modes == {"mean_tokens"}:
        return _mean
    raise ModelError(f"{path}: pooling by {', '.join(sorted(modes)) or 'nothing'}; expected mean_tokens or cls_token")


def _mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = mask[:, :, None].to(torch.float32)
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)


def _first(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states[torch.arange(len(states), device=states.device), mask.argmax(dim=1)]
