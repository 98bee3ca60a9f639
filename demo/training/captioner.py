"""Stage 2: the captioner, a small BLIP that is taught by teacher forcing to name what a window shows.

It sees photographs and the autoencoder's reconstructions of them in equal parts, so that it reads fakes as well.
"""

import io
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers import BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

from demo.training.data import SIZE, Windows
from demo.training.schedule import Budget, batches, mixed_precision, step
from demo.training.tokenizers import DECODER_START, caption_tokenizer
from demo.training.vae import encode, load_vae

_BATCH = 32
_PEAK_LEARNING_RATE = 6e-4
_WIDTH = 192
_LOG_EVERY = 100
_SHIFT = 4
_JPEG_SHARE = 0.35
# few enough to stay in the processor's cache
_DECODED_AT_ONCE = 16
# noise on the latents of a reconstruction, in units of their spread: a stand-in for an imperfect generator
_LATENT_NOISE = 0.25

_log = logging.getLogger(__name__)
# the package's own annotations are incomplete
_Processor: Any = BlipProcessor


def new_captioner() -> Any:
    """A small, untrained BLIP for 64 x 64 pictures, about 3 million parameters."""
    tokenizer = caption_tokenizer()
    start = tokenizer.convert_tokens_to_ids(DECODER_START)
    ends = {"bos_token_id": start, "eos_token_id": tokenizer.sep_token_id, "sep_token_id": tokenizer.sep_token_id}
    config = BlipConfig(
        vision_config={
            "hidden_size": _WIDTH,
            "intermediate_size": 3 * _WIDTH,
            "num_hidden_layers": 5,
            "num_attention_heads": 6,
            "image_size": SIZE,
            "patch_size": 8,
            "initializer_range": 0.02,
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": _WIDTH,
            "encoder_hidden_size": _WIDTH,
            "intermediate_size": 2 * _WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 6,
            "max_position_embeddings": 64,
            "pad_token_id": tokenizer.pad_token_id,
            **ends,
        },
        projection_dim=_WIDTH,
        image_text_hidden_size=_WIDTH,
    )
    return BlipForConditionalGeneration(config)


def new_processor() -> Any:
    """The processor that belongs to :func:`new_captioner`."""
    return _Processor(BlipImageProcessor(size={"height": SIZE, "width": SIZE}), caption_tokenizer())


def train_captioner(
    windows: Windows, vae: Path, out: Path, minutes: float, device: torch.device, *, resume: bool = False
) -> None:
    """Train for ``minutes`` and save model and processor to ``out``, weights in half precision.

    With ``resume`` the weights found in ``out`` are trained further.
    """
    torch.manual_seed(2)
    rng = torch.Generator().manual_seed(2)
    draws = np.random.default_rng(2)
    processor = new_processor()
    pictures = np.concatenate([windows.images, _reconstructions(windows, vae, device)])
    tokens = _tokens(processor, (*windows.captions, *windows.captions))
    captioner = _saved_captioner(out) if resume else new_captioner()
    captioner = captioner.to(device).train()
    optimizer = torch.optim.AdamW(captioner.parameters(), weight_decay=0.05, betas=(0.9, 0.98))
    budget = Budget(minutes)
    for number, chosen in enumerate(batches(len(pictures), _BATCH, rng)):
        pixels = _normalised(processor, np.stack([_varied(pictures[index], draws) for index in chosen.tolist()]))
        words = tokens[chosen].to(device)
        with mixed_precision(device):
            loss = captioner(
                pixel_values=pixels.to(device),
                input_ids=words,
                attention_mask=(words != processor.tokenizer.pad_token_id).long(),
                labels=words.masked_fill(words == processor.tokenizer.pad_token_id, -100),
            ).loss
        step(loss, optimizer, budget.learning_rate(_PEAK_LEARNING_RATE, warm_up=0.05))
        if number % _LOG_EVERY == 0:
            _log.info("captioner step %d, %.0f %%, loss %.4f", number, 100 * budget.progress(), loss.item())
        if budget.progress() >= 1:
            break
    captioner.eval().half().save_pretrained(out)
    processor.save_pretrained(out)


def _saved_captioner(folder: Path) -> Any:
    return BlipForConditionalGeneration.from_pretrained(folder, local_files_only=True, dtype=torch.float32)


def _tokens(processor: Any, captions: tuple[str, ...]) -> Tensor:
    """Token ids, int64 (count, length), padded; the first is the decoder's start token, as in generation."""
    ids: Tensor = processor.tokenizer(list(captions), padding=True, return_tensors="pt").input_ids
    ids[:, 0] = processor.tokenizer.bos_token_id
    return ids


def _reconstructions(windows: Windows, vae: Path, device: torch.device) -> NDArray[np.uint8]:
    """The windows through the autoencoder and back, with a little noise on the latents; uint8, the same shape."""
    model = load_vae(vae).to(device=device).eval()
    latents = encode(model, windows, device)
    rng = torch.Generator().manual_seed(3)
    strength = _LATENT_NOISE * latents.std() * torch.rand((len(latents), 1, 1, 1), generator=rng)
    latents += strength * torch.randn(latents.shape, generator=rng)
    pictures = []
    with torch.inference_mode(), mixed_precision(device):
        for part in torch.tensor_split(latents, math.ceil(len(latents) / _DECODED_AT_ONCE)):
            decoded = model.decode(part.to(device)).sample.float()
            pictures.append(((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu())
    return torch.cat(pictures).numpy()


def _varied(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture shifted by up to four pixels, a little brighter or darker, some of them a JPEG once more."""
    top, left = rng.integers(0, 2 * _SHIFT, 2, endpoint=True)
    padded = np.pad(picture, ((_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0)), mode="edge")
    moved = padded[top : top + SIZE, left : left + SIZE].astype(np.float32)
    moved = (moved - 128) * rng.uniform(0.9, 1.1) + 128 + rng.uniform(-10, 10)
    bright = np.rint(np.clip(moved, 0, 255)).astype(np.uint8)
    if rng.random() >= _JPEG_SHARE:
        return bright
    out = io.BytesIO()
    Image.fromarray(bright).save(out, "JPEG", quality=int(rng.integers(60, 98)))
    return np.asarray(Image.open(out))


def _normalised(processor: Any, pictures: NDArray[np.uint8]) -> Tensor:
    """What the processor makes of pictures that need no resizing: float32 (batch, 3, 64, 64)."""
    mean = torch.tensor(processor.image_processor.image_mean).view(1, 3, 1, 1)
    spread = torch.tensor(processor.image_processor.image_std).view(1, 3, 1, 1)
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - mean) / spread
