"""Is an image safe to use? Asked of any image classifier that transformers loads."""

from collections.abc import Sequence

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

from generation.batches import BatchRunner, slices
from generation.class_names import class_numbers
from generation.models import TRANSFORMERS_WEIGHTS, find_model, load_model, load_part, weight_files
from generation.numerics import find_device, reproducible
from generation.quiet import quiet
from manifests.errors import ModelError
from pixels.arrays import Pixels
from pixels.config import SafetyRules

_PATTERNS = (
    "*.json",
    f"{TRANSFORMERS_WEIGHTS}.safetensors",
    f"{TRANSFORMERS_WEIGHTS}-[0-9]*-of-[0-9]*.safetensors",
)


class SafetyClassifier:
    """Judges images in fixed batches, in float32; code that a model brings along is never run.

    Args:
        rules: the recipe's `screen.safety` table; a folder's path as it is from here.
        device: where the model runs.

    Raises:
        ModelError: the model cannot be found or loaded, or has no class of one of the names given.
    """

    def __init__(self, rules: SafetyRules, device: str) -> None:
        self._rules = rules
        self._device = find_device(device)
        folder = find_model(rules.model, rules.revision, _PATTERNS)
        weights = weight_files(folder.path, TRANSFORMERS_WEIGHTS)
        self._name = f"{folder.name} ({folder.revision(weights)[:8]})"
        self._processor = load_part(AutoImageProcessor, folder.path, trust_remote_code=False)
        model = load_model(AutoModelForImageClassification, folder.path, trust_remote_code=False)
        self._model = model.to(self._device, torch.float32)
        self._unsafe = class_numbers(model.config.id2label, rules.unsafe_labels, rules.model)
        self._exclusive = model.config.problem_type != "multi_label_classification"

    def prepare(self, pixels: Pixels) -> torch.Tensor:
        """Make an image what the model takes.

        Args:
            pixels: (height, width, 3), uint8 sRGB, upright.

        Returns:
            (channels, height, width) of the model's own size, on the CPU: a chunk of them is small.
        """
        with quiet():
            # a Pillow image cannot be taken for one whose channels come first
            values = self._processor(images=Image.fromarray(pixels), return_tensors="pt")["pixel_values"]
        tensor: torch.Tensor = values[0]
        return tensor

    def judge(self, inputs: Sequence[torch.Tensor]) -> list[str]:
        """Judge prepared images.

        Returns:
            An answer an image, in order: what was found and how probable it is, empty for a safe image.

        Raises:
            InfrastructureError: a single image needs more memory than there is, or the device failed.
            ModelError: the model gives no probability.
        """
        runner = BatchRunner(self._probabilities, batch_size=self._rules.batch_size)
        rows = [row.result for batch in slices(inputs, self._rules.batch_size) for row in runner.rows(batch)]
        return [self._answer(probability) for probability in rows]

    def _probabilities(self, inputs: Sequence[torch.Tensor]) -> list[float]:
        """The probability that an image is unsafe: classes that exclude one another add up, others do not."""
        with quiet(), reproducible():
            logits = self._model(pixel_values=torch.stack(list(inputs)).to(self._device)).logits.float()
            if self._exclusive:
                unsafe = logits.softmax(dim=1)[:, self._unsafe].sum(dim=1)
            else:
                unsafe = logits.sigmoid()[:, self._unsafe].amax(dim=1)
        return [float(value) for value in unsafe.cpu()]

    def _answer(self, probability: float) -> str:
        if not 0 <= probability <= 1.001:
            raise ModelError(f"model {self._name} gives {probability} for an image; expected a probability")
        if probability < self._rules.threshold:
            return ""
        labels = " or ".join(self._rules.unsafe_labels)
        return f"{labels}: {min(probability, 1):.2f} by {self._name}, limit {self._rules.threshold:g}"
