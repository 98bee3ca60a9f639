"""Do the captioner and the generator do what they were trained for? Measured on scenes that neither has seen."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from PIL import Image
from transformers import BlipForConditionalGeneration, BlipProcessor

from demo.scenes import Attributes, parse_caption
from demo.training.data import Windows

Objects = tuple[tuple[str, str], ...]

STEPS = 20
GUIDANCE = 4.0
_BATCH = 16
_LONGEST_CAPTION = 24

# the packages' own annotations are incomplete
_Pipeline: Any = diffusers.StableDiffusionPipeline
_Blip: Any = BlipForConditionalGeneration
_Processor: Any = BlipProcessor


@dataclass(frozen=True)
class Agreement:
    """How far captions agree with what was expected: shares of single attributes and of whole captions, 0 to 1."""

    count: int
    attributes: float
    whole: float

    def __str__(self) -> str:
        return f"{100 * self.attributes:.1f} % of attributes, {100 * self.whole:.1f} % of {self.count} whole captions"


class Captioner:
    """The BLIP model of a folder, in single precision."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self._device = device
        self._processor = _Processor.from_pretrained(folder, local_files_only=True)
        self._model = _Blip.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        self._model.to(device).eval()

    def captions(self, images: Sequence[Image.Image]) -> list[str]:
        """A caption for each picture, decoded greedily."""
        texts: list[str] = []
        for start in range(0, len(images), _BATCH):
            inputs = self._processor(images=list(images[start : start + _BATCH]), return_tensors="pt")
            with torch.inference_mode():
                tokens = self._model.generate(**inputs.to(self._device), max_new_tokens=_LONGEST_CAPTION)
            texts += self._processor.batch_decode(tokens, skip_special_tokens=True)
        return [text.strip() for text in texts]


def draw(
    folder: Path, prompts: Sequence[str], device: torch.device, steps: int = STEPS, guidance: float = GUIDANCE
) -> list[Image.Image]:
    """A 64 x 64 picture for each prompt, from the pipeline in ``folder``; the seed of each is its place in the list."""
    pipeline = _Pipeline.from_pretrained(folder, local_files_only=True)
    for part in (pipeline.text_encoder, pipeline.unet, pipeline.vae):
        part.float()
    pipeline.to(device)
    pipeline.set_progress_bar_config(disable=True)
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), _BATCH):
        chosen = list(prompts[start : start + _BATCH])
        rngs = [torch.Generator().manual_seed(start + place) for place in range(len(chosen))]
        pictures += pipeline(chosen, num_inference_steps=steps, guidance_scale=guidance, generator=rngs).images
    return pictures


def agreement(expected: Sequence[str], found: Sequence[str]) -> Agreement:
    """Compare captions attribute by attribute; ``expected`` ones must be such as the demo writes."""
    right = total = whole = 0
    for wanted, text in zip(expected, found, strict=True):
        matched, count = _matches(parse_caption(wanted), parse_caption(text))
        right, total, whole = right + matched, total + count, whole + (matched == count)
    return Agreement(len(expected), right / total, whole / len(expected))


def _matches(wanted: Attributes | None, found: Attributes | None) -> tuple[int, int]:
    """How many attributes of ``wanted`` are found, and how many there are.

    Objects are paired as fits best, for "a cube and a cone" does not say which stands on the left. An object too many
    or too few counts as two attributes that are wrong.
    """
    if wanted is None:
        raise ValueError("an expected caption is not one of the demo's")
    count = 2 * max(len(wanted.objects), len(found.objects) if found else 0) + 1
    if found is None:
        return 0, count
    fewer, more = sorted((wanted.objects, found.objects), key=len)
    right = max(_in_place(fewer, order) for order in itertools.permutations(more))
    return right + (wanted.floor == found.floor), count


def _in_place(first: Objects, second: Objects) -> int:
    """How many colours and shapes are the same, object by object."""
    return sum((one[0] == other[0]) + (one[1] == other[1]) for one, other in zip(first, second, strict=False))


def evaluate(pipeline: Path, blip: Path, unseen: Windows, count: int, device: torch.device) -> str:
    """Both figures over ``count`` unseen windows, as two lines of text."""
    expected = unseen.captions[:count]
    captioner = Captioner(blip, device)
    reals = agreement(expected, captioner.captions([Image.fromarray(image) for image in unseen.images[:count]]))
    fakes = agreement(expected, captioner.captions(draw(pipeline, expected, device)))
    return f"captions of unseen scenes: {reals}\nre-captioned fakes: {fakes}"
