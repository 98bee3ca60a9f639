"""BLIP's model, made fast: what it sees, how its vision tower attends, and how its decoder remembers.

None of it changes what is computed but for rounding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CompileConfig, EncoderDecoderCache, StaticCache

from generation.compiling import compile_module, limits
from pixels.arrays import Pixels


def resized(image_processor: Any, images: Sequence[Pixels]) -> list[Tensor]:
    """Images at the model's size, still as bytes: a quarter of what would have to be moved as floats.

    Args:
        image_processor: BLIP's, as transformers publishes it.
        images: (height, width, 3) uint8 each, of any sizes.

    Returns:
        (3, side, side) uint8 each, on the CPU.
    """
    inputs = image_processor(images=list(images), do_rescale=False, do_normalize=False, return_tensors="pt")
    return list(inputs["pixel_values"])


def normalized(image_processor: Any, images: Tensor) -> Tensor:
    """Resized images as the model sees them: what the image processor itself would have given, bit for bit on one device.

    Args:
        image_processor: BLIP's, as transformers publishes it.
        images: (rows, 3, side, side) uint8, on the model's device.

    Returns:
        (rows, 3, side, side) float32, there.
    """
    given: Tensor = image_processor.rescale_and_normalize(
        images,
        image_processor.do_rescale,
        image_processor.rescale_factor,
        image_processor.do_normalize,
        tuple(image_processor.image_mean),
        tuple(image_processor.image_std),
    )
    return given


def fuse_attention(vision_model: Any) -> None:
    """Let the vision tower attend by one fused operation, which never writes down the scores of all pairs of patches."""
    for layer in vision_model.encoder.layers:
        layer.self_attn = _FusedAttention(layer.self_attn)


class _FusedAttention(nn.Module):
    """`BlipAttention` by `scaled_dot_product_attention`, with the same weights."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self._heads = attention.num_heads
        self._scale = attention.scale
        self.qkv = attention.qkv
        self.projection = attention.projection

    def forward(self, hidden_states: Tensor, **_: Any) -> tuple[Tensor, None]:
        """Attend: (rows, patches, width) to the same shape, and None for the weights, which are never there."""
        rows, patches, width = hidden_states.shape
        split = self.qkv(hidden_states).reshape(rows, patches, 3, self._heads, width // self._heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, scale=self._scale)
        return self.projection(mixed.transpose(1, 2).reshape(rows, patches, width)), None


class _DecoderCompileConfig(CompileConfig):
    """What transformers compiles the decoder with, which has no field for a limit of shapes of its own."""

    def to_dict(self) -> dict[str, Any]:
        """Arguments of `torch.compile`."""
        return super().to_dict() | limits()


class CompiledDecoding:
    """Greedy decoding with compiled models and caches of fixed shapes, for batches of one size at a time.

    Args:
        model: `BlipForConditionalGeneration` on its device; its vision tower is compiled in its place.
        max_tokens: most tokens of a caption, with its first words.
    """

    def __init__(self, model: Any, max_tokens: int) -> None:
        vision = model.config.vision_config
        self._text_config = model.config.text_config
        self._max_tokens = max_tokens
        self._patches = (vision.image_size // vision.patch_size) ** 2 + 1
        self._caches: tuple[int, Any] | None = None
        compile_module(model.vision_model)
        # no CUDA graphs: they belong to one thread, and chunks come from several
        backend = torch.compiler.get_default_backend()
        self._compile = _DecoderCompileConfig(fullgraph=True, dynamic=False, mode="default", backend=backend)
        # transformers has no other way to compile on a CPU
        self._compile._compile_all_devices = True  # type: ignore[assignment]  # noqa: SLF001

    def arguments(self, rows: int) -> dict[str, Any]:
        """Further arguments of the model's `generate` for a batch of so many rows."""
        if self._caches is None or self._caches[0] != rows:
            self._caches = None  # two at a time may not fit
            own = StaticCache(self._text_config, max_cache_len=self._max_tokens)
            self._caches = (rows, EncoderDecoderCache(own, StaticCache(self._text_config, max_cache_len=self._patches)))
        caches = self._caches[1]
        caches.reset()
        return {"past_key_values": caches, "compile_config": self._compile}


def stacked(images: Sequence[Tensor], device: torch.device) -> Tensor:
    """Rows of one batch, (rows, 3, side, side), on their device."""
    batch = torch.stack(list(images))
    return batch.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else batch.to(device)
