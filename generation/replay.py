"""Fakes made again from their records alone.

The low bits of an image depend on the size of its batch and on its place there, not on what the other rows hold (see
generation/batches.py). So each fake stands at its recorded place of a batch of its recorded size; places that nobody asks
for hold copies.
"""

import gc
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol, get_args

import diffusers
import torch

from generation.config import (
    DiffusionConfig,
    ImageConditioned,
    InpaintConfig,
    MakerConfig,
    ReconstructConfig,
    SchedulerName,
)
from generation.faults import device_faults, out_of_memory, refusals
from generation.lora import as_recorded
from generation.masks import raster_of, restored
from generation.numerics import DTYPES, device_kind, library_versions
from generation.pipeline_traits import size_multiple
from generation.pipelines import load_pipeline
from generation.quiet import quiet
from generation.reconstruct import LoadedAutoencoder
from generation.requests import Generated
from generation.sampling import Sampled, SampleRow, Sampling, sample
from generation.sizes import region_of
from generation.usable import usable
from manifests.errors import InfrastructureError, ModelError, RejectedItem
from manifests.records import Fake, Mask
from pixels.arrays import Pixels

# no chunk is larger, so no batch can be: a record that says otherwise would only fill the memory
_LARGEST_BATCH = 4096
_LONGEST_SCHEDULE = 10_000
_COMPILED = "compiled"


@dataclass(frozen=True)
class ReplayRequest:
    """One fake to make again.

    Attributes:
        pair_id: the pair that the fake belongs to.
        fake: its record.
        region: what an image-conditioned generator was given, (native_height, native_width, 3) uint8; None where only
            text was given.
    """

    pair_id: str
    fake: Fake
    region: Pixels | None


class Replayer:
    """Makes a generator's fakes again.

    All settings come from the records: the generator's own say only where the model is. A model is loaded when the first
    record asks for it, at the record's revision and precision.

    Args:
        config: the generator.
        device: where the model runs.
    """

    def __init__(self, config: MakerConfig, device: str) -> None:
        self._config = config
        self._device = device
        self._loaded: tuple[MakerConfig, _Model] | None = None

    def arranged(self, requests: Sequence[ReplayRequest]) -> list[ReplayRequest]:
        """The requests by what the rows of one batch have in common: so they fill the fewest batches."""
        groups: dict[object, list[ReplayRequest]] = {}
        for request in requests:
            groups.setdefault(_shared(request.fake), []).append(request)
        return [request for group in groups.values() for request in group]

    def replay(self, requests: Sequence[ReplayRequest]) -> Iterator[list[Generated | RejectedItem]]:
        """Make fakes again; consecutive requests share a batch where their records let them.

        Yields:
            The answers of one batch, in the order of the requests. The record of an answer is the request's own, with the
            digest of the pixels that came out, and with the libraries and the device that made them.

        Raises:
            ModelError: the model cannot be found or loaded, or is not of the recorded revision; or a record cannot be
                followed.
            InfrastructureError: the device failed, or has not enough memory for a recorded batch.
        """
        for request in requests:
            self._check(request)
        for batch in _batches(requests):
            yield self._batch(batch)

    def _check(self, request: ReplayRequest) -> None:
        fake, place = request.fake, f"generator {self._config.name}: the record of pair {request.pair_id}"
        if fake.method != self._config.method:
            raise ModelError(f"{place} says method {fake.method}, the recipe says {self._config.method}")
        if not fake.batch_position < fake.batch_size <= _LARGEST_BATCH:
            raise ModelError(f"{place} names row {fake.batch_position} of a batch of {fake.batch_size}")
        if fake.mask is not None and not _lies_inside(fake.mask, fake):
            raise ModelError(
                f"{place} names a mask that leads out of its {fake.native_width}x{fake.native_height} pixels"
            )
        if fake.dtype not in DTYPES:
            raise ModelError(f"{place} names dtype {fake.dtype!r}; expected one of {', '.join(DTYPES)}")

    def _batch(self, requests: Sequence[ReplayRequest]) -> list[Generated | RejectedItem]:
        fake = requests[0].fake
        model = self._model(fake)
        if fake.native_width % model.size_multiple or fake.native_height % model.size_multiple:
            raise ModelError(
                f"generator {self._config.name}: {fake.native_width}x{fake.native_height} does not suit its model; "
                f"expected multiples of {model.size_multiple} pixels"
            )
        rows = [requests[-1]] * fake.batch_size
        for request in requests:
            rows[request.fake.batch_position] = request
        try:
            with device_faults(f"generator {self._config.name}"):
                made = model.run(rows)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            raise InfrastructureError(
                f"generator {self._config.name}: out of memory with the recorded batch of {fake.batch_size}; "
                "free the device, or take a larger one"
            ) from error
        return [self._judge(request, made[request.fake.batch_position], model) for request in requests]

    def _model(self, fake: Fake) -> "_Model":
        """The model of a record, loaded unless it is the last one that was used."""
        recorded: dict[str, Any] = {"revision": fake.revision, "dtype": fake.dtype}
        if not isinstance(self._config, ReconstructConfig):
            recorded |= {
                "compile": _COMPILED in fake.versions,
                "scheduler": _scheduler_name(fake),
                "lora": as_recorded(self._config.lora, fake.lora, self._config.name),
            }
        config = self._config.model_copy(update=recorded)
        if self._loaded is None or self._loaded[0] != config:
            self._loaded = None  # two models at a time may not fit
            gc.collect()  # a compiled one refers to itself
            self._loaded = (config, _load(config, self._device))
        return self._loaded[1]

    def _judge(self, request: ReplayRequest, made: Sampled, model: "_Model") -> Generated | RejectedItem:
        fake = request.fake
        try:
            pixels = usable(made.image, flagged=made.flagged)
        except RejectedItem as rejected:
            return RejectedItem(rejected.reason, f"{self._config.name}: {rejected.detail}")
        pixels = restored(pixels, request.region, fake)
        compiled = {_COMPILED: fake.versions[_COMPILED]} if _COMPILED in fake.versions else {}
        found = {
            "native_sha256": sha256(pixels.tobytes()).hexdigest(),
            "versions": library_versions() | compiled,
            "device": device_kind(model.device),
        }
        return Generated(pixels, fake.model_copy(update=found))


def open_replayer(config: MakerConfig, device: str) -> Replayer:
    """A generator's replayer; its model is loaded when it is first asked.

    Args:
        config: one of the recipe's generators; a folder's path as it is from here.
        device: where the model runs: `cpu`, `cuda`, `cuda:1`, ...
    """
    return Replayer(config, device)


class _Model(Protocol):
    """A loaded model that runs one batch of records."""

    @property
    def device(self) -> torch.device: ...

    @property
    def size_multiple(self) -> int: ...

    def run(self, rows: Sequence[ReplayRequest]) -> list[Sampled]: ...


class _Pipeline:
    """A diffusion pipeline."""

    def __init__(self, config: DiffusionConfig, device: str) -> None:
        self._config = config
        self._pipeline = load_pipeline(config, device).pipeline

    @property
    def device(self) -> torch.device:
        device: torch.device = self._pipeline.device
        return device

    @property
    def size_multiple(self) -> int:
        return size_multiple(self._pipeline)

    def run(self, rows: Sequence[ReplayRequest]) -> list[Sampled]:
        fake = rows[0].fake
        self._pipeline.scheduler = _scheduler(fake)
        with refusals(f"generator {self._config.name}", self._pipeline, fake.num_inference_steps):
            return sample(self._pipeline, _sampling(fake), [self._row(row) for row in rows])

    def _row(self, request: ReplayRequest) -> SampleRow:
        fake = request.fake
        size = (fake.native_width, fake.native_height)
        shown = _region(request) if isinstance(self._config, ImageConditioned) else None
        mask = raster_of(fake.mask, *size) if isinstance(self._config, InpaintConfig) else None
        return SampleRow(fake.prompt_used, fake.seed, shown, mask)


class _Autoencoder:
    """An autoencoder that real images are sent through."""

    def __init__(self, config: ReconstructConfig, device: str) -> None:
        self._autoencoder = LoadedAutoencoder(config, device)

    @property
    def device(self) -> torch.device:
        return self._autoencoder.device

    @property
    def size_multiple(self) -> int:
        return self._autoencoder.size_multiple

    def run(self, rows: Sequence[ReplayRequest]) -> list[Sampled]:
        regions = [_region(row) for row in rows]
        return [Sampled(image, flagged=False) for image in self._autoencoder.reconstruct(regions)]


def _load(config: MakerConfig, device: str) -> _Model:
    return _Autoencoder(config, device) if isinstance(config, ReconstructConfig) else _Pipeline(config, device)


def _batches(requests: Sequence[ReplayRequest]) -> Iterator[list[ReplayRequest]]:
    """Consecutive requests that fit into one batch: equal settings, and each place asked for once."""
    batch: list[ReplayRequest] = []
    taken: set[int] = set()
    for request in requests:
        if batch and (_shared(request.fake) != _shared(batch[0].fake) or request.fake.batch_position in taken):
            yield batch
            batch, taken = [], set()
        batch.append(request)
        taken.add(request.fake.batch_position)
    if batch:
        yield batch


def _lies_inside(mask: Mask, fake: Fake) -> bool:
    return all(x <= fake.native_width and y <= fake.native_height for x, y in mask.points)


def _shared(fake: Fake) -> object:
    """All that the rows of one batch have in common."""
    return (
        fake.batch_size,
        fake.revision,
        fake.lora,
        fake.dtype,
        _COMPILED in fake.versions,
        fake.scheduler,
        fake.scheduler_config,
        _sampling(fake),
    )


def _sampling(fake: Fake) -> Sampling:
    return Sampling(
        width=fake.native_width,
        height=fake.native_height,
        num_inference_steps=fake.num_inference_steps,
        guidance_scale=fake.guidance_scale,
        negative_prompt=fake.negative_prompt,
        strength=fake.strength,
    )


def _scheduler_name(fake: Fake) -> str:
    if fake.scheduler not in get_args(SchedulerName):
        raise ModelError(
            f"generator {fake.generator}: its records name the scheduler {fake.scheduler!r}, "
            "whose images cannot be made again"
        )
    return fake.scheduler


def _scheduler(fake: Fake) -> Any:
    try:
        settings = _scheduler_settings(fake)
        with quiet():
            return getattr(diffusers, _scheduler_name(fake)).from_config(settings)
    except (ValueError, TypeError, KeyError, NotImplementedError, RuntimeError, OSError) as error:
        raise ModelError(
            f"generator {fake.generator}: the recorded settings of its {fake.scheduler} cannot be used ({error})"
        ) from error


def _scheduler_settings(fake: Fake) -> dict[str, Any]:
    """The recorded settings: diffusers takes a text for a path or a Hub id, and computes a schedule of any length."""
    settings = json.loads(fake.scheduler_config)
    if not isinstance(settings, dict) or not 0 < int(settings.get("num_train_timesteps", 1)) <= _LONGEST_SCHEDULE:
        raise ValueError(f"expected an object with a schedule of at most {_LONGEST_SCHEDULE} steps")
    return settings


def _region(request: ReplayRequest) -> Pixels:
    fake = request.fake
    return region_of(fake.generator, request.pair_id, request.region, (fake.native_width, fake.native_height))
