"""Tiny random models of the published classes and formats, made once a worker; they are loaded through the real code."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.generation import tiny_pipelines
from tests.generation.tiny_pipelines import clip_text_config, clip_tokenizer, tiny_unet

FRAME = 32
WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[DEC]",
    "a",
    "photo",
    "of",
    "red",
    "blue",
    "cube",
    "floor",
    "and",
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with one model a sub-folder: sd, sd-checked, sdxl, vae, vae-16, vae-tiny, blip, clip."""
    import torch

    from generation.quiet import quiet

    root = tmp_path_factory.mktemp("models")
    # as many test workers as cores: threads would only stand in each other's way
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(0)
        _stable_diffusion(checked=False).save_pretrained(root / "sd")
        _stable_diffusion(checked=True).save_pretrained(root / "sd-checked")
        _stable_diffusion_xl().save_pretrained(root / "sdxl")
        _autoencoder_kl().save_pretrained(root / "vae")
        tiny_pipelines.autoencoder_kl(16).save_pretrained(root / "vae-16")
        _autoencoder_tiny().save_pretrained(root / "vae-tiny")
        model, processor = _blip()
        model.save_pretrained(root / "blip")
        processor.save_pretrained(root / "blip")
        model, processor = _clip()
        model.save_pretrained(root / "clip")
        processor.save_pretrained(root / "clip")
    yield root
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of a tiny pipeline of `tests/generation/tiny_pipelines.py`, by its builder's name."""
    import torch

    from generation.quiet import quiet

    root = tmp_path_factory.mktemp("pipelines")

    def built(name: str) -> Path:
        folder = root / name
        if not folder.exists():
            with quiet(), torch.random.fork_rng():
                torch.manual_seed(0)
                getattr(tiny_pipelines, name)().save_pretrained(folder)
        return folder

    return built


@pytest.fixture
def altered(models: Path, tmp_path: Path) -> Callable[[str, str, Callable[[dict[str, Any]], None]], Path]:
    """Make a copy of a model in which some tensors of one safetensors file are changed."""
    from safetensors.torch import load_file, save_file

    def alter(model: str, weights: str, edit: Callable[[dict[str, Any]], None]) -> Path:
        copy = tmp_path / "altered" / model
        shutil.copytree(models / model, copy)
        tensors = load_file(copy / weights)
        edit(tensors)
        save_file(tensors, copy / weights, metadata={"format": "pt"})
        return copy

    return alter


def picture(seed: int, side: int = FRAME) -> NDArray[np.uint8]:
    """A smooth coloured picture with some noise, (side, side, 3)."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 1, side)
    corners = rng.uniform(0, 255, (3, 2, 2))
    smooth = np.stack(
        [np.outer(1 - slope, 1 - slope) * a + np.outer(slope, slope) * b for (a, b), _ in corners], axis=-1
    )
    return (smooth + rng.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures() -> list[NDArray[np.uint8]]:
    return [picture(seed) for seed in range(5)]


def _autoencoder_kl() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=4,
    )


def _autoencoder_tiny() -> Any:
    from diffusers import AutoencoderTiny

    return AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8),
        decoder_block_out_channels=(8, 8, 8),
        num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, 1),
    )


def _stable_diffusion(*, checked: bool) -> Any:
    from diffusers import PNDMScheduler, StableDiffusionPipeline
    from transformers import CLIPImageProcessor, CLIPTextModel

    return StableDiffusionPipeline(
        vae=_autoencoder_kl(),
        text_encoder=CLIPTextModel(clip_text_config()),
        tokenizer=clip_tokenizer(),
        unet=tiny_unet(16),
        scheduler=PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=_safety_checker() if checked else None,
        feature_extractor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        requires_safety_checker=checked,
    )


def _safety_checker() -> Any:
    """A checker that looks at the picture and flags none: its thresholds lie beyond every cosine."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = sizes | {"image_size": 32, "patch_size": 8, "projection_dim": 16}
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(text_config=clip_text_config().to_dict(), vision_config=vision, projection_dim=16)
    )
    with torch.no_grad():
        checker.vision_model.embeddings.patch_embedding.weight.normal_(std=0.5)
        checker.visual_projection.weight.normal_()
        checker.concept_embeds.normal_()
        checker.special_care_embeds.normal_()
        checker.concept_embeds_weights.fill_(2.0)
        checker.special_care_embeds_weights.fill_(2.0)
    return checker


def _stable_diffusion_xl() -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    embedded_sizes = 8
    return StableDiffusionXLPipeline(
        vae=_autoencoder_kl(),
        text_encoder=CLIPTextModel(clip_text_config()),
        text_encoder_2=CLIPTextModelWithProjection(clip_text_config()),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(pad="!"),
        unet=tiny_unet(
            32,
            addition_embed_type="text_time",
            addition_time_embed_dim=embedded_sizes,
            projection_class_embeddings_input_dim=16 + 6 * embedded_sizes,
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"),
        add_watermarker=False,
    )


def _blip() -> tuple[Any, Any]:
    import torch
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = sizes | {
        "vocab_size": len(WORDS),
        "encoder_hidden_size": 16,
        "max_position_embeddings": 40,
        "bos_token_id": WORDS.index("[DEC]"),
        "eos_token_id": WORDS.index("[SEP]"),
        "sep_token_id": WORDS.index("[SEP]"),
        "pad_token_id": WORDS.index("[PAD]"),
    }
    model = BlipForConditionalGeneration(
        BlipConfig(
            text_config=text, vision_config=sizes | {"image_size": 32, "patch_size": 8}, image_text_hidden_size=16
        )
    )
    # at the usual scale of initial weights all pictures would get one caption
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif "norm" not in name.lower():
                parameter.normal_(std=0.6)
    tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)}, model_max_length=40)
    return model, BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer)


def _clip() -> tuple[Any, Any]:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = sizes | {"image_size": 32, "patch_size": 8, "projection_dim": 16}
    model = CLIPModel(CLIPConfig(text_config=clip_text_config().to_dict(), vision_config=vision, projection_dim=16))
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return model, CLIPProcessor(processor, clip_tokenizer())
