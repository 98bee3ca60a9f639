"""Stable Diffusion pipelines of the published shapes with random weights, in a folder as they are published.

The configurations are those of `CompVis/stable-diffusion-v1-4` and `stabilityai/stable-diffusion-xl-base-1.0`; only the
tokenizer is another one, since its vocabulary is none of the models' shapes: it knows single characters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, PNDMScheduler, UNet2DConditionModel
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

_REDUCTION = 8
_NOISE: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def write_sd14(folder: Path, device: torch.device, dtype: torch.dtype, side: int) -> None:
    """A pipeline of SD 1.4's shapes, for images of `side` pixels."""
    pipeline_class: Any = diffusers.StableDiffusionPipeline
    with _making(device, dtype):
        unet = UNet2DConditionModel(
            sample_size=side // _REDUCTION,
            cross_attention_dim=768,
            attention_head_dim=8,
            block_out_channels=(320, 640, 1280, 1280),
        )
        text = CLIPTextModel(_text_config(768, 12, 12, "quick_gelu", 512))
        vae = _autoencoder(0.18215)
    scheduler = PNDMScheduler(**_NOISE, skip_prk_steps=True, set_alpha_to_one=False)
    pipeline_class(
        vae=vae,
        text_encoder=text,
        tokenizer=_tokenizer(),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def write_sdxl(folder: Path, device: torch.device, dtype: torch.dtype, side: int) -> None:
    """A pipeline of SDXL base's shapes, for images of `side` pixels."""
    pipeline_class: Any = diffusers.StableDiffusionXLPipeline
    with _making(device, dtype):
        unet = UNet2DConditionModel(
            sample_size=side // _REDUCTION,
            cross_attention_dim=2048,
            attention_head_dim=(5, 10, 20),
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
        text = CLIPTextModel(_text_config(768, 12, 12, "quick_gelu", 768))
        text_2 = CLIPTextModelWithProjection(_text_config(1280, 32, 20, "gelu", 1280))
        vae = _autoencoder(0.13025)
    pipeline_class(
        vae=vae,
        text_encoder=text,
        text_encoder_2=text_2,
        tokenizer=_tokenizer(),
        tokenizer_2=_tokenizer(),
        unet=unet,
        scheduler=EulerDiscreteScheduler(**_NOISE, timestep_spacing="leading"),
        add_watermarker=False,
    ).save_pretrained(folder)


@contextmanager
def _making(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Inside: modules are made on a device and in a precision, with torch's own random weights.

    These keep the signal's size through all layers, so that what comes out varies as an image does: it is compressed and
    written at the cost of one.
    """
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            yield
    finally:
        torch.set_default_dtype(before)


def _autoencoder(scaling: float) -> Any:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        scaling_factor=scaling,
        sample_size=512,
    )


def _text_config(width: int, layers: int, heads: int, activation: str, projection: int) -> Any:
    return CLIPTextConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_act=activation,
        projection_dim=projection,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


def _tokenizer() -> Any:
    characters = sorted(ByteLevel.alphabet())
    tokens = ["<|startoftext|>", "<|endoftext|>", *characters, *(f"{character}</w>" for character in characters)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], pad_token="<|endoftext|>", model_max_length=77)  # noqa: S106 - no password
