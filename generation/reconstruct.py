"""Fakes that are real images sent through an autoencoder and back.

No noise is drawn, so there is no seed and no second try. To make a fake again from its record, put the same region at
`batch_position` of a batch of `batch_size` rows (the others may hold anything, see generation/batches.py).
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
from generation.models import DIFFUSERS_WEIGHTS, find_model
from generation.numerics import DTYPES, device_kind, find_device, library_versions, reproducible
from generation.quiet import quiet
from generation.requests import Generated, GenerationRequest
from generation.sizes import common_size
from manifests.errors import ModelError, RejectedItem
from manifests.records import Fake, Reason
from pixels.arrays import Pixels, to_bytes
from pixels.predicates import blank

_PATTERNS = tuple(
    f"{folder}{name}" for folder in ("", "vae/") for name in ("config.json", f"{DIFFUSERS_WEIGHTS}.safetensors")
)


class Reconstruct:
    """Sends real images through an autoencoder and back.

    The latent of an `AutoencoderKL` is the mode of its distribution, never a sample. An `AutoencoderTiny` is asked to
    encode and decode directly: its `forward` would round the latent to bytes on the way.

    Args:
        config: the generator's settings; the model is an autoencoder's folder or Hub id, or that of a pipeline with one
            in `vae/`.
        device: where the model runs.

    Raises:
        ModelError: the autoencoder cannot be found or loaded.
    """

    def __init__(self, config: ReconstructConfig, device: str) -> None:
        self._device = find_device(device)
        folder = find_model(config.model, config.revision, _PATTERNS)
        path = folder.path if (folder.path / "config.json").is_file() else folder.path / "vae"
        autoencoder, weights = load_autoencoder(path)
        self._config = config
        self._model = folder.name
        self._revision = folder.revision(weights)
        self._dtype = _precision(autoencoder, config.dtype)
        with quiet():
            self._autoencoder = autoencoder.to(self._device, DTYPES[self._dtype])
            if self._device.type == "cuda":
                self._autoencoder.to(memory_format=torch.channels_last)

    @property
    def size_multiple(self) -> int:
        """Widths and heights of requests must be multiples of this, pixels; other sizes would be padded at the edge."""
        return reduction(self._autoencoder)

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Generated | RejectedItem]]:
        """Reconstruct the regions of one chunk; see `generation.requests.ImageGenerator`."""
        if not requests:
            return
        common_size(self._config.name, requests, self.size_multiple)
        runner = BatchRunner(self._run, batch_size=self._config.batch_size)
        for batch in slices(requests, self._config.batch_size):
            rows = runner.rows([self._region(request) for request in batch])
            yield [self._judge(request, row) for request, row in zip(batch, rows, strict=True)]

    def _region(self, request: GenerationRequest) -> Pixels:
        if request.region is None or request.region.shape != (request.height, request.width, 3):
            found = "none" if request.region is None else f"one of shape {request.region.shape}"
            raise ModelError(
                f"generator {self._config.name}: pair {request.pair_id} must bring a region of "
                f"{request.width}x{request.height} pixels, but there is {found}"
            )
        return request.region

    def _run(self, regions: Sequence[Pixels]) -> list[NDArray[np.float32]]:
        """Reconstruct one batch: (height, width, 3) float32 each, in [0, 1] or NaN."""
        levels = torch.from_numpy(np.stack(regions)).to(self._device)
        images = levels.permute(0, 3, 1, 2).to(torch.float32).div(127.5).sub(1).to(DTYPES[self._dtype])
        with reproducible():
            decoded = self._autoencoder.decode(self._encode(images)).sample
        # in float32, or the change of range would round a half-precision image once more
        values = decoded.float().div(2).add(0.5).clamp(0, 1).permute(0, 2, 3, 1)
        return list(values.cpu().numpy())

    def _encode(self, images: torch.Tensor) -> Any:
        encoded = self._autoencoder.encode(images)
        return (
            encoded.latents if isinstance(self._autoencoder, diffusers.AutoencoderTiny) else encoded.latent_dist.mode()
        )

    def _judge(self, request: GenerationRequest, row: Row[NDArray[np.float32]]) -> Generated | RejectedItem:
        try:
            pixels = to_bytes(row.result)
        except RejectedItem as rejected:
            return RejectedItem(rejected.reason, f"{self._config.name}: {rejected.detail}")
        if blank(pixels):
            return RejectedItem(Reason.BLANK, f"{self._config.name}: the reconstruction is blank")
        fake = Fake(
            generator=self._config.name,
            method=self._config.method,
            model=self._model,
            revision=self._revision,
            license=self._config.license,
            pipeline=type(self._autoencoder).__name__,
            seed=0,
            native_width=request.width,
            native_height=request.height,
            batch_size=row.batch_size,
            batch_position=row.batch_position,
            dtype=self._dtype,
            versions=library_versions(),
            device=device_kind(self._device),
            numerics="degraded" if row.degraded else "exact",
            native_sha256=sha256(pixels.tobytes()).hexdigest(),
        )
        return Generated(pixels, fake)


def _precision(autoencoder: Any, wanted: Precision) -> Precision:
    """The precision that the autoencoder bears: some say that they overflow in float16."""
    return "float32" if wanted == "float16" and autoencoder.config.get("force_upcast", False) else wanted
