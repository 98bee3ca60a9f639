"""Stage 1: the autoencoder that turns 64 x 64 pictures into 16 x 16 latents of 4 channels and back."""

import logging
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from demo.training.data import SIZE, Windows
from demo.training.schedule import Budget, as_model_range, batches, mixed_precision, step

_BATCH = 16
_PEAK_LEARNING_RATE = 1e-3
# weight of the divergence from a standard normal, per latent value
_DIVERGENCE = 1e-3
_LOG_EVERY = 50
_SAVE_EVERY = 400

_log = logging.getLogger(__name__)
# the package's own annotations do not cover its classes' mixins
_AutoencoderKL: Any = diffusers.AutoencoderKL


def new_vae() -> Any:
    """A small, untrained autoencoder of Stable Diffusion's kind, about 1 million parameters."""
    return _AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(32, 64, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=16,
        sample_size=SIZE,
    )


def train_vae(windows: Windows, out: Path, minutes: float, device: torch.device, *, resume: bool = False) -> None:
    """Train for ``minutes`` and save to ``out`` in the published format, its ``scaling_factor`` measured.

    With ``resume`` the weights found in ``out`` are trained further.
    """
    torch.manual_seed(1)
    rng = torch.Generator().manual_seed(1)
    vae = load_vae(out) if resume else new_vae()
    vae = vae.to(device=device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(vae.parameters(), weight_decay=1e-4, betas=(0.9, 0.99))
    budget = Budget(minutes)
    for number, chosen in enumerate(batches(len(windows.images), _BATCH, rng)):
        pixels = as_model_range(windows.images[chosen.numpy()], device)
        with mixed_precision(device):
            posterior = vae.encode(pixels).latent_dist
            rebuilt = vae.decode(posterior.sample()).sample
        loss = _reconstruction_loss(rebuilt.float(), pixels) + _DIVERGENCE * _divergence(
            posterior.mean.float(), posterior.logvar.float()
        )
        step(loss, optimizer, budget.learning_rate(_PEAK_LEARNING_RATE))
        if number % _LOG_EVERY == 0:
            _log.info("vae step %d, %.0f %%, loss %.4f", number, 100 * budget.progress(), loss.item())
        if number % _SAVE_EVERY == _SAVE_EVERY - 1:
            _save(vae, windows, out, device)
        if budget.progress() >= 1:
            break
    _save(vae, windows, out, device)


def load_vae(folder: Path) -> Any:
    """The saved autoencoder in single precision."""
    return load_nameless(_AutoencoderKL, folder)


def load_nameless(model_class: Any, folder: Path) -> Any:
    """A saved diffusers model in single precision that does not, when saved again, name the folder it came from."""
    model = model_class.from_pretrained(folder, local_files_only=True).float()
    model.register_to_config(_name_or_path="")
    return model


def encode(vae: Any, windows: Windows, device: torch.device) -> Tensor:
    """Means of the latents of all windows, unscaled, float32 (count, 4, 16, 16), on the CPU."""
    means = []
    with torch.inference_mode(), mixed_precision(device):
        for start in range(0, len(windows.images), _BATCH):
            pixels = as_model_range(windows.images[start : start + _BATCH], device)
            means.append(vae.encode(pixels).latent_dist.mode().float().cpu())
    return torch.cat(means)


def _reconstruction_loss(rebuilt: Tensor, pixels: Tensor) -> Tensor:
    """Absolute and squared error, and the absolute error of the differences of neighbours, which keeps edges."""
    edges = l1_loss(rebuilt.diff(dim=-1), pixels.diff(dim=-1)) + l1_loss(rebuilt.diff(dim=-2), pixels.diff(dim=-2))
    return l1_loss(rebuilt, pixels) + mse_loss(rebuilt, pixels) + edges / 2


def _divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    return (mean.square() + log_variance.exp() - 1 - log_variance).mean() / 2


def _save(vae: Any, windows: Windows, out: Path, device: torch.device) -> None:
    latents = encode(vae, Windows(windows.images[:512], windows.captions[:512], windows.whole[:512]), device)
    vae.register_to_config(scaling_factor=float(1 / latents.std()))
    vae.save_pretrained(out)
