"""Stage 3: the generator, a UNet on the autoencoder's latents with a CLIP text encoder, trained together.

The network predicts the velocity (Salimans & Ho, "Progressive Distillation for Fast Sampling of Diffusion Models",
2022); losses are weighted by the capped signal-to-noise ratio (Hang et al., "Efficient Diffusion Training via Min-SNR
Weighting Strategy", 2023), and a tenth of the prompts is dropped for classifier-free guidance.
"""

import copy
import logging
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from demo.training.data import Windows
from demo.training.schedule import Budget, batches, mixed_precision, step
from demo.training.tokenizers import prompt_tokenizer
from demo.training.vae import encode, load_nameless, load_vae

_BATCH = 32
_PEAK_LEARNING_RATE = 1e-3
_TEXT_WIDTH = 160
_DROPPED_PROMPTS = 0.1
_SNR_CAP = 5.0
_AVERAGING = 0.998
_LOG_EVERY = 100
_SAVE_EVERY = 500

_log = logging.getLogger(__name__)
# the package's own annotations do not cover its classes' mixins
_UNet: Any = diffusers.UNet2DConditionModel
_Scheduler: Any = diffusers.DPMSolverMultistepScheduler
_Pipeline: Any = diffusers.StableDiffusionPipeline


class Denoiser(nn.Module):
    """UNet and text encoder as one module: noisy latents, timesteps and prompt tokens in, velocities out."""

    def __init__(self, unet: Any, text_encoder: CLIPTextModel) -> None:
        super().__init__()
        self.unet = unet
        self.text_encoder = text_encoder

    def forward(self, latents: Tensor, timesteps: Tensor, tokens: Tensor) -> Tensor:
        """Velocities of the latents' shape (batch, 4, 16, 16) for tokens of shape (batch, 77)."""
        words = self.text_encoder(tokens).last_hidden_state
        velocities: Tensor = self.unet(latents, timesteps, encoder_hidden_states=words).sample
        return velocities


def new_denoiser(tokenizer: CLIPTokenizer) -> Denoiser:
    """An untrained UNet of 4.8 million parameters and text encoder of 0.7 million.

    Attention stands at 8 x 8 only: at 16 x 16 it doubles the time of a step.
    """
    unet = _UNet(
        sample_size=16,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(96, 128),
        layers_per_block=1,
        cross_attention_dim=_TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=_TEXT_WIDTH,
            intermediate_size=2 * _TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=5,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=_TEXT_WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return Denoiser(unet, text_encoder)


def new_scheduler() -> Any:
    """Stable Diffusion's noise levels, velocity prediction, DPM-Solver++ of second order."""
    return _Scheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        steps_offset=1,
    )


def train_diffusion(windows: Windows, out: Path, minutes: float, device: torch.device, *, resume: bool = False) -> None:
    """Train for ``minutes`` with the autoencoder in ``out / "vae"``; write a whole pipeline to ``out``.

    With ``resume`` the weights found in ``out`` are trained further.
    """
    torch.manual_seed(4)
    vae = load_vae(out / "vae")
    latents = encode(vae.to(device), windows, device) * vae.config.scaling_factor
    tokenizer, scheduler = prompt_tokenizer(), new_scheduler()
    denoiser = _saved_denoiser(out) if resume else new_denoiser(tokenizer)
    denoiser = denoiser.to(device).to(memory_format=torch.channels_last).train()
    average = AveragedModel(denoiser, avg_fn=_moving_average)
    optimizer = torch.optim.AdamW(denoiser.parameters(), weight_decay=0.01, betas=(0.9, 0.99))
    tokens, nothing = _tokens(tokenizer, windows.captions), _tokens(tokenizer, ("",))
    alphas = scheduler.alphas_cumprod
    rng = torch.Generator().manual_seed(4)
    budget = Budget(minutes)
    for number, chosen in enumerate(batches(len(latents), _BATCH, rng)):
        dropped = torch.rand((_BATCH, 1), generator=rng) < _DROPPED_PROMPTS
        prompts = torch.where(dropped, nothing, tokens[chosen])
        timesteps = torch.randint(0, len(alphas), (_BATCH,), generator=rng)
        noise = torch.randn((_BATCH, *latents.shape[1:]), generator=rng)
        noisy, velocity, weight = _diffused(latents[chosen], noise, alphas[timesteps])
        with mixed_precision(device):
            predicted = denoiser(
                noisy.to(device=device, memory_format=torch.channels_last), timesteps.to(device), prompts.to(device)
            )
        error = (predicted.float() - velocity.to(device)).square().mean(dim=(1, 2, 3))
        loss = (error * weight.to(device)).mean()
        step(loss, optimizer, budget.learning_rate(_PEAK_LEARNING_RATE))
        average.update_parameters(denoiser)
        if number % _LOG_EVERY == 0:
            _log.info("diffusion step %d, %.0f %%, loss %.4f", number, 100 * budget.progress(), loss.item())
        if number % _SAVE_EVERY == _SAVE_EVERY - 1:
            _save(average, vae, tokenizer, scheduler, out)
        if budget.progress() >= 1:
            break
    _save(average, vae, tokenizer, scheduler, out)


def _moving_average(average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Exponential moving average whose memory grows with the number of steps, so that the first weights fade."""
    return torch.lerp(current, average, min(_AVERAGING, (1 + int(count)) / (10 + int(count))))


def _tokens(tokenizer: CLIPTokenizer, prompts: tuple[str, ...]) -> Tensor:
    """Token ids as the pipeline makes them, int64 (count, 77)."""
    batch = tokenizer(
        list(prompts), padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    )
    ids: Tensor = batch.input_ids
    return ids


def _diffused(latents: Tensor, noise: Tensor, alphas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy latents, the velocities to predict and the weights of the losses, for cumulated alphas (batch,)."""
    signal, spread = alphas.sqrt().view(-1, 1, 1, 1), (1 - alphas).sqrt().view(-1, 1, 1, 1)
    ratio = alphas / (1 - alphas)
    weight = ratio.clamp(max=_SNR_CAP) / (ratio + 1)
    return signal * latents + spread * noise, signal * noise - spread * latents, weight


def _saved_denoiser(out: Path) -> Denoiser:
    return Denoiser(
        load_nameless(_UNet, out / "unet"),
        CLIPTextModel.from_pretrained(out / "text_encoder", local_files_only=True, dtype=torch.float32),
    )


def _save(
    average: AveragedModel,
    vae: Any,
    tokenizer: CLIPTokenizer,
    scheduler: Any,
    out: Path,
) -> None:
    """Write the averaged weights as a pipeline folder, in half precision, with no safety checker."""
    denoiser = copy.deepcopy(average.module)
    pipeline = _Pipeline(
        vae=copy.deepcopy(vae).half(),
        text_encoder=denoiser.text_encoder.half(),
        tokenizer=tokenizer,
        unet=denoiser.unet.half(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(out)
