"""Fakes that a diffusion pipeline makes: from a caption alone, or from a caption and the framed real.

`generation/replay.py` makes a fake again from its record. `reseeds` needs no replay: it says how many earlier seeds of the
image gave nothing usable.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any

from generation.batches import BatchRunner, Row, slices
from generation.buckets import check_native_size
from generation.config import DiffusionConfig, InpaintConfig, SchedulerName, TextToImageConfig
from generation.faults import device_faults, refusals
from generation.grid import Setting, draw_setting, order_of
from generation.masks import draw_mask, raster_of, restored
from generation.numerics import device_kind, library_versions
from generation.pipeline_traits import denoiser, native_side, size_multiple
from generation.pipelines import LoadedPipeline
from generation.prompts import FittedPrompt, PromptBudget
from generation.requests import Generated, GenerationRequest
from generation.sampling import Sampled, SampleRow, Sampling, sample
from generation.sizes import common_size, region_of
from generation.usable import usable
from manifests.errors import ModelError, RejectedItem
from manifests.records import Fake, Mask
from manifests.seeds import seed
from pixels.arrays import Pixels


@dataclass(frozen=True, eq=False)
class _Draw:
    """One image to draw: a request with its prompt, its setting and one of its seeds."""

    request: GenerationRequest
    setting: Setting
    fitted: FittedPrompt
    region: Pixels | None
    mask: Mask | None
    seed: int
    reseeds: int


class Diffusion:
    """Makes fakes by a diffusion pipeline.

    Args:
        loaded: the pipeline, for the generator's method.
        config: the generator's settings.
        salt: what seeds are drawn from, together with pair, generator and the count of reseeds.

    Raises:
        ModelError: the negative prompt, or the words round the caption, are longer than the tokenizers take; or
            nothing is masked, and the model cannot be shown an image in another way; or a scheduler of the grid does not
            suit the model.
    """

    def __init__(self, loaded: LoadedPipeline, config: DiffusionConfig, salt: str) -> None:
        self._loaded = loaded
        self._pipeline = loaded.pipeline
        self._config = config
        self._salt = salt
        # those of a grid are made now: one that does not suit the model is refused before the first image
        self._schedulers: dict[SchedulerName | None, Any] = {None: self._pipeline.scheduler}
        for name in config.grid.scheduler:
            self._schedulers[name] = loaded.scheduler(name)
        self._prompts = PromptBudget(loaded.tokenizers)
        self._versions = library_versions() | ({"compiled": "inductor"} if config.compile is True else {})
        self._check_texts()
        if isinstance(config, InpaintConfig) and config.mask == "none" and not sees_image(self._pipeline):
            raise ModelError(
                f"generator {config.name}: with mask = 'none', {loaded.name} would generate nothing, since its network is "
                "not shown the image; use a model made for inpainting, or method = 'reconstruct'"
            )

    @property
    def size_multiple(self) -> int:
        """Widths and heights of requests must be multiples of this, pixels."""
        return size_multiple(self._pipeline)

    def arranged(self, requests: Sequence[GenerationRequest]) -> list[GenerationRequest]:
        """The requests by their settings, in the order in which the recipe registers them."""
        return sorted(requests, key=lambda request: order_of(self._config, self._setting(request)))

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Generated | RejectedItem]]:
        """Make the fakes of one chunk; see `generation.requests.ImageGenerator`.

        An image that is unsafe, blank or not a number is drawn again with its next seed, up to `max_reseeds` times:
        those of one batch together, in their order, as a batch of their own. After that the pair is rejected.
        """
        if not requests:
            return
        width, height = common_size(self._config.name, requests, self.size_multiple)
        native = native_side(self._pipeline)
        if native is not None and type(self._pipeline).__name__.startswith("StableDiffusionXL"):
            check_native_size(self._config.name, native, width, height)
        runner = BatchRunner(self._run, batch_size=self._config.batch_size, fill=self._config.compile is True)
        for setting, group in groupby(requests, key=self._setting):
            for batch in slices(list(group), self._config.batch_size):
                yield self._batch(setting, batch, runner)

    def _batch(
        self, setting: Setting, requests: Sequence[GenerationRequest], runner: BatchRunner[_Draw, Sampled]
    ) -> list[Generated | RejectedItem]:
        outcomes: dict[int, Generated | RejectedItem] = {}
        pending = list(range(len(requests)))
        for reseeds in range(self._config.max_reseeds + 1):
            draws = [self._draw(requests[index], setting, reseeds) for index in pending]
            for index, draw, row in zip(pending, draws, runner.rows(draws), strict=True):
                outcomes[index] = self._judge(draw, row)
            pending = [index for index in pending if isinstance(outcomes[index], RejectedItem)]
            if not pending:
                break
        return [outcomes[index] for index in range(len(requests))]

    def _setting(self, request: GenerationRequest) -> Setting:
        return draw_setting(self._config, self._seed(request, 0))

    def _seed(self, request: GenerationRequest, reseeds: int) -> int:
        return seed(self._salt, request.pair_id, self._config.name, reseeds)

    def _draw(self, request: GenerationRequest, setting: Setting, reseeds: int) -> _Draw:
        config = self._config
        size = (request.width, request.height)
        mask = (
            # the first seed's, so that all tries of a pair are of one part
            draw_mask(config.mask, *size, request.margin, self._seed(request, 0))
            if isinstance(config, InpaintConfig) and config.mask != "none"
            else None
        )
        is_shown = not isinstance(config, TextToImageConfig)
        return _Draw(
            request=request,
            setting=setting,
            fitted=self._prompts.fit(request.prompt, config.prompt_template),
            region=region_of(config.name, request.pair_id, request.region, size) if is_shown else None,
            mask=mask,
            seed=self._seed(request, reseeds),
            reseeds=reseeds,
        )

    def _run(self, draws: Sequence[_Draw]) -> list[Sampled]:
        """Run the pipeline on one batch."""
        request, setting = draws[0].request, draws[0].setting
        self._pipeline.scheduler = self._schedulers[setting.scheduler]
        sampling = Sampling(
            width=request.width,
            height=request.height,
            num_inference_steps=setting.num_inference_steps,
            guidance_scale=setting.guidance_scale,
            negative_prompt=setting.negative_prompt,
            strength=setting.strength,
        )
        who = f"generator {self._config.name}"
        with device_faults(who), refusals(who, self._pipeline, setting.num_inference_steps):
            return sample(self._pipeline, sampling, [self._row(draw) for draw in draws])

    def _row(self, draw: _Draw) -> SampleRow:
        inpaints = isinstance(self._config, InpaintConfig)
        mask = raster_of(draw.mask, draw.request.width, draw.request.height) if inpaints else None
        return SampleRow(draw.fitted.text, draw.seed, draw.region, mask)

    def _judge(self, draw: _Draw, row: Row[Sampled]) -> Generated | RejectedItem:
        """The fake, or why this draw gave none."""
        try:
            pixels = usable(row.result.image, flagged=row.result.flagged)
        except RejectedItem as rejected:
            tried = f"with the last of {draw.reseeds + 1} seeds"
            return RejectedItem(rejected.reason, f"{self._config.name}: {rejected.detail} {tried}")
        fake = self._record(draw, row)
        pixels = restored(pixels, draw.region, fake)
        return Generated(pixels, fake.model_copy(update={"native_sha256": sha256(pixels.tobytes()).hexdigest()}))

    def _record(self, draw: _Draw, row: Row[Sampled]) -> Fake:
        """The fake's record, but for the digest of its pixels."""
        config, scheduler = self._config, self._pipeline.scheduler
        return Fake(
            generator=config.name,
            method=config.method,
            model=self._loaded.name,
            revision=self._loaded.revision,
            license=config.license,
            lora=self._loaded.lora,
            pipeline=type(self._pipeline).__name__,
            prompt=draw.fitted.prompt,
            prompt_used=draw.fitted.text,
            tokens_dropped=draw.fitted.tokens_dropped,
            negative_prompt=draw.setting.negative_prompt,
            seed=draw.seed,
            reseeds=draw.reseeds,
            scheduler=type(scheduler).__name__,
            scheduler_config=_scheduler_config(scheduler),
            num_inference_steps=draw.setting.num_inference_steps,
            guidance_scale=draw.setting.guidance_scale,
            strength=draw.setting.strength,
            mask=draw.mask,
            restored_background=isinstance(config, InpaintConfig) and config.restore_background,
            native_width=draw.request.width,
            native_height=draw.request.height,
            batch_size=row.batch_size,
            batch_position=row.batch_position,
            dtype=config.dtype,
            versions=self._versions,
            device=device_kind(self._pipeline.device),
            numerics="degraded" if row.degraded else "exact",
            native_sha256="0" * 64,
        )

    def _check_texts(self) -> None:
        """Whether the tokenizers let all of the recipe's own words through."""
        config, name = self._config, self._loaded.name
        for key, text in (
            ("negative_prompt", config.negative_prompt),
            ("prompt_template", config.prompt_template.replace("{caption}", "")),
        ):
            if dropped := self._prompts.fit(text).tokens_dropped:
                raise ModelError(
                    f"generator {config.name}: its {key} is {dropped} tokens longer than {name} reads; shorten it"
                )


def sees_image(pipeline: Any) -> bool:
    """Whether the denoising network itself is shown mask and image, as those made for inpainting are."""
    config = denoiser(pipeline.components).config
    return int(config.in_channels) > int(config.get("out_channels") or config.in_channels)


def _scheduler_config(scheduler: Any) -> str:
    """A scheduler's config as JSON with sorted keys. Infinities stand as `Infinity`, as in diffusers' own files."""
    public = {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
    return json.dumps(public, sort_keys=True, separators=(",", ":"), default=list)
