"""Images and captions in one space, by CLIP (arXiv 2103.00020), as transformers publishes it."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import CLIPModel, CLIPProcessor

from generation.batches import BatchRunner, slices
from generation.models import TRANSFORMERS_WEIGHTS, find_model, load_model, load_part, weight_files
from generation.numerics import find_device, reproducible
from generation.quiet import quiet
from pixels.arrays import Pixels

Item = TypeVar("Item")

_PATTERNS = (
    "*.json",
    "*.txt",
    f"{TRANSFORMERS_WEIGHTS}.safetensors",
    f"{TRANSFORMERS_WEIGHTS}-[0-9]*-of-[0-9]*.safetensors",
)
_BATCH = 32


class ClipEmbedder:
    """Vectors of unit length whose inner product is CLIP's similarity, in float32.

    Attributes:
        name: the model and the first eight digits of its revision.

    Args:
        model: a folder's path or a Hub id; only safetensors are read.
        revision: branch, tag or commit on the Hub; for a folder, the digest it must have; empty for any.
        device: where the model runs.

    Raises:
        ModelError: the model cannot be found or loaded.
    """

    def __init__(self, model: str, revision: str, device: str) -> None:
        self._device = find_device(device)
        folder = find_model(model, revision, _PATTERNS)
        weights = weight_files(folder.path, TRANSFORMERS_WEIGHTS)
        self.name = f"{folder.name} ({folder.revision(weights)[:8]})"
        self._processor = load_part(CLIPProcessor, folder.path)
        self._model = load_model(CLIPModel, folder.path).to(self._device, torch.float32)
        self._longest = int(self._model.config.text_config.max_position_embeddings)

    def images(self, pixels: Sequence[Pixels]) -> NDArray[np.float32]:
        """A vector an image (shape (height, width, 3), uint8 sRGB), shape (images, dimensions).

        Raises:
            InfrastructureError: a single image needs more memory than there is, or the device failed.
        """
        return self._vectors(BatchRunner(self._images, batch_size=_BATCH), pixels)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector a text, shape (texts, dimensions); what the model's positions do not hold is cut off.

        Raises:
            InfrastructureError: a single text needs more memory than there is, or the device failed.
        """
        return self._vectors(BatchRunner(self._texts, batch_size=_BATCH), texts)

    def _vectors(self, runner: BatchRunner[Item, NDArray[np.float32]], items: Sequence[Item]) -> NDArray[np.float32]:
        rows = [row.result for batch in slices(items, _BATCH) for row in runner.rows(batch)]
        return np.array(rows, dtype=np.float32).reshape(len(items), self._model.config.projection_dim)

    def _images(self, pixels: Sequence[Pixels]) -> list[NDArray[np.float32]]:
        with quiet(), reproducible():
            inputs = self._processor(images=list(pixels), return_tensors="pt").to(self._device)
            return _unit_length(self._model.get_image_features(**inputs).pooler_output)

    def _texts(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        with quiet(), reproducible():
            inputs = self._processor(
                text=list(texts), padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
            ).to(self._device)
            return _unit_length(self._model.get_text_features(**inputs).pooler_output)


def _unit_length(features: torch.Tensor) -> list[NDArray[np.float32]]:
    return list(torch.nn.functional.normalize(features.float(), dim=1).cpu().numpy())
