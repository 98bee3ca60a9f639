"""Fakes that are real images sent through an autoencoder and back.

No noise is drawn, so there is no seed and no second try. `generation/replay.py` makes a fake again from its record.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray

from generation.autoencoders import load_autoencoder, reduction
from generation.batches import BatchRunner, Row, slices
from generation.config import Precision, ReconstructConfig
from generation.faults import device_faults, loading
from generation.models import DIFFUSERS_WEIGHTS, find_model
from generation.numerics import DTYPES, device_kind, find_device, library_versions, reproducible
from generation.quiet import quiet
from generation.requests import Generated, GenerationRequest
from generation.sizes import common_size, region_of
from generation.usable import usable
from manifests.errors import RejectedItem
from manifests.records import Fake
from pixels.arrays import Pixels

_PATTERNS = tuple(
    f"{folder}{name}" for folder in ("", "vae/") for name in ("config.json", f"{DIFFUSERS_WEIGHTS}.safetensors")
)


class LoadedAutoencoder:
    """An autoencoder on its device.

    The latent of an `AutoencoderKL` is the mode of its distribution, never a sample; that of an `AutoencoderDC` has none. An `AutoencoderTiny` is asked to
    encode and decode directly: its `forward` would round the latent to bytes on the way.

    Args:
        config: names an autoencoder's folder or Hub id, or that of a pipeline with one in `vae/`.
        device: where the model runs.

    Attributes:
        name: what records call the model.
        revision: the Hub's commit, or the digest of the folder's weights.
        dtype: the precision that it runs in.
        device: where it runs.

    Raises:
        ModelError: the autoencoder cannot be found or loaded.
    """

    def __init__(self, config: ReconstructConfig, device: str) -> None:
        self.device = find_device(device)
        folder = find_model(config.model, config.revision, _PATTERNS)
        path = folder.path if (folder.path / "config.json").is_file() else folder.path / "vae"
        autoencoder, weights = load_autoencoder(path)
        self.name = folder.name
        self.revision = folder.revision(weights)
        self.dtype = _precision(autoencoder, config.dtype)
        with quiet(), loading(self.name):
            self._autoencoder = autoencoder.to(self.device, DTYPES[self.dtype])
            if self.device.type == "cuda":
                self._autoencoder.to(memory_format=torch.channels_last)

    @property
    def class_name(self) -> str:
        """Its class in diffusers."""
        return type(self._autoencoder).__name__

    @property
    def size_multiple(self) -> int:
        """Widths and heights must be multiples of this, pixels; other sizes would be padded at the edge."""
        return reduction(self._autoencoder)

    def reconstruct(self, regions: Sequence[Pixels]) -> list[NDArray[np.float32]]:
        """Send one batch of (height, width, 3) uint8 through and back: as many, float32, in [0, 1] or NaN."""
        levels = torch.from_numpy(np.stack(regions)).to(self.device)
        images = levels.permute(0, 3, 1, 2).to(torch.float32).div(127.5).sub(1).to(DTYPES[self.dtype])
        with reproducible():
            decoded = self._autoencoder.decode(self._encode(images)).sample
        # in float32, or the change of range would round a half-precision image once more
        values = decoded.float().div(2).add(0.5).clamp(0, 1).permute(0, 2, 3, 1)
        return list(values.cpu().numpy())

    def _encode(self, images: torch.Tensor) -> Any:
        encoded = self._autoencoder.encode(images)
        match self._autoencoder:
            case diffusers.AutoencoderTiny():
                return encoded.latents
            case diffusers.AutoencoderDC():
                return encoded.latent
            case _:
                return encoded.latent_dist.mode()


class Reconstruct:
    """Sends real images through an autoencoder and back.

    Args:
        autoencoder: the model.
        config: the generator's settings.
    """

    def __init__(self, autoencoder: LoadedAutoencoder, config: ReconstructConfig) -> None:
        self._autoencoder = autoencoder
        self._config = config

    @property
    def size_multiple(self) -> int:
        """Widths and heights of requests must be multiples of this, pixels."""
        return self._autoencoder.size_multiple

    def arranged(self, requests: Sequence[GenerationRequest]) -> list[GenerationRequest]:
        """The requests as they are: all have one setting."""
        return list(requests)

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Generated | RejectedItem]]:
        """Reconstruct the regions of one chunk; see `generation.requests.ImageGenerator`."""
        if not requests:
            return
        name = self._config.name
        size = common_size(name, requests, self.size_multiple)
        runner = BatchRunner(self._run, batch_size=self._config.batch_size)
        for batch in slices(requests, self._config.batch_size):
            regions = [region_of(name, request.pair_id, request.region, size) for request in batch]
            yield [self._judge(request, row) for request, row in zip(batch, runner.rows(regions), strict=True)]

    def _run(self, regions: Sequence[Pixels]) -> list[NDArray[np.float32]]:
        with device_faults(f"generator {self._config.name}"):
            return self._autoencoder.reconstruct(regions)

    def _judge(self, request: GenerationRequest, row: Row[NDArray[np.float32]]) -> Generated | RejectedItem:
        try:
            pixels = usable(row.result)
        except RejectedItem as rejected:
            return RejectedItem(rejected.reason, f"{self._config.name}: {rejected.detail}")
        fake = Fake(
            generator=self._config.name,
            method=self._config.method,
            model=self._autoencoder.name,
            revision=self._autoencoder.revision,
            license=self._config.license,
            pipeline=self._autoencoder.class_name,
            seed=0,
            native_width=request.width,
            native_height=request.height,
            batch_size=row.batch_size,
            batch_position=row.batch_position,
            dtype=self._autoencoder.dtype,
            versions=library_versions(),
            device=device_kind(self._autoencoder.device),
            numerics="degraded" if row.degraded else "exact",
            native_sha256=sha256(pixels.tobytes()).hexdigest(),
        )
        return Generated(pixels, fake)


def _precision(autoencoder: Any, wanted: Precision) -> Precision:
    """The precision that the autoencoder bears: some say that they overflow in float16."""
    return "float32" if wanted == "float16" and autoencoder.config.get("force_upcast", False) else wanted
