"""Fakes from captions alone, by Stable Diffusion pipelines.

`generation/replay.py` makes a fake again from its record. `reseeds` needs no replay: it says how many earlier seeds of the
image gave nothing usable.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from generation.autoencoders import reduction
from generation.batches import BatchRunner, Row, slices
from generation.config import TextToImageConfig
from generation.numerics import device_kind, library_versions
from generation.pipelines import LoadedPipeline
from generation.prompts import FittedPrompt, PromptBudget
from generation.requests import Generated, GenerationRequest
from generation.sampling import Sampled, Sampling, sample
from generation.sizes import common_size
from generation.usable import usable
from manifests.errors import ModelError, RejectedItem
from manifests.records import Fake
from manifests.seeds import seed

# the pipelines refuse sizes that are no multiple of 8, whatever their autoencoder does
_PIPELINE_MULTIPLE = 8


@dataclass(frozen=True)
class _Draw:
    """One image to draw: a request with its prompt and one of its seeds."""

    request: GenerationRequest
    prompt: str
    fitted: FittedPrompt
    seed: int
    reseeds: int


class TextToImage:
    """Makes fakes from captions alone.

    Args:
        loaded: the pipeline.
        config: the generator's settings.
        salt: what seeds are drawn from, together with pair, generator and the count of reseeds.

    Raises:
        ModelError: the negative prompt is longer than the tokenizers take.
    """

    def __init__(self, loaded: LoadedPipeline, config: TextToImageConfig, salt: str) -> None:
        self._loaded = loaded
        self._pipeline = loaded.pipeline
        self._config = config
        self._salt = salt
        self._prompts = PromptBudget(loaded.tokenizers)
        self._versions = library_versions() | ({"compiled": "inductor"} if config.compile else {})
        dropped = self._prompts.fit(config.negative_prompt).tokens_dropped
        if dropped:
            raise ModelError(
                f"generator {config.name}: its negative_prompt is {dropped} tokens longer than {loaded.name} reads; shorten it"
            )

    @property
    def size_multiple(self) -> int:
        """Widths and heights of requests must be multiples of this, pixels."""
        return size_multiple(self._pipeline)

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[list[Generated | RejectedItem]]:
        """Make the fakes of one chunk; see `generation.requests.ImageGenerator`.

        An image that is unsafe, blank or not a number is drawn again with its next seed, up to `max_reseeds` times:
        those of one batch together, in their order, as a batch of their own. After that the pair is rejected.
        """
        if not requests:
            return
        common_size(self._config.name, requests, self.size_multiple)
        runner = BatchRunner(self._run, batch_size=self._config.batch_size, fill=self._config.compile)
        for batch in slices(requests, self._config.batch_size):
            yield self._batch(batch, runner)

    def _batch(
        self, requests: Sequence[GenerationRequest], runner: BatchRunner[_Draw, Sampled]
    ) -> list[Generated | RejectedItem]:
        outcomes: dict[int, Generated | RejectedItem] = {}
        pending = list(range(len(requests)))
        for reseeds in range(self._config.max_reseeds + 1):
            draws = [self._draw(requests[index], reseeds) for index in pending]
            for index, draw, row in zip(pending, draws, runner.rows(draws), strict=True):
                outcomes[index] = self._judge(draw, row)
            pending = [index for index in pending if isinstance(outcomes[index], RejectedItem)]
            if not pending:
                break
        return [outcomes[index] for index in range(len(requests))]

    def _draw(self, request: GenerationRequest, reseeds: int) -> _Draw:
        prompt = self._config.prompt_template.replace("{caption}", request.prompt)
        number = seed(self._salt, request.pair_id, self._config.name, reseeds)
        return _Draw(request, prompt, self._prompts.fit(prompt), number, reseeds)

    def _run(self, draws: Sequence[_Draw]) -> list[Sampled]:
        """Run the pipeline on one batch."""
        sampling = Sampling(
            width=draws[0].request.width,
            height=draws[0].request.height,
            num_inference_steps=self._config.num_inference_steps,
            guidance_scale=self._config.guidance_scale,
            negative_prompt=self._config.negative_prompt,
        )
        return sample(self._pipeline, sampling, [draw.fitted.text for draw in draws], [draw.seed for draw in draws])

    def _judge(self, draw: _Draw, row: Row[Sampled]) -> Generated | RejectedItem:
        """The fake, or why this draw gave none."""
        try:
            pixels = usable(row.result.image, flagged=row.result.flagged)
        except RejectedItem as rejected:
            tried = f"with the last of {draw.reseeds + 1} seeds"
            return RejectedItem(rejected.reason, f"{self._config.name}: {rejected.detail} {tried}")
        return Generated(pixels, self._record(draw, row, sha256(pixels.tobytes()).hexdigest()))

    def _record(self, draw: _Draw, row: Row[Sampled], native_sha256: str) -> Fake:
        config = self._config
        return Fake(
            generator=config.name,
            method=config.method,
            model=self._loaded.name,
            revision=self._loaded.revision,
            license=config.license,
            pipeline=type(self._pipeline).__name__,
            prompt=draw.prompt,
            prompt_used=draw.fitted.text,
            tokens_dropped=draw.fitted.tokens_dropped,
            negative_prompt=config.negative_prompt,
            seed=draw.seed,
            reseeds=draw.reseeds,
            scheduler=type(self._pipeline.scheduler).__name__,
            scheduler_config=_scheduler_config(self._pipeline.scheduler),
            num_inference_steps=config.num_inference_steps,
            guidance_scale=config.guidance_scale,
            native_width=draw.request.width,
            native_height=draw.request.height,
            batch_size=row.batch_size,
            batch_position=row.batch_position,
            dtype=config.dtype,
            versions=self._versions,
            device=device_kind(self._pipeline.device),
            numerics="degraded" if row.degraded else "exact",
            native_sha256=native_sha256,
        )


def size_multiple(pipeline: Any) -> int:
    """Widths and heights that a pipeline can make are multiples of this, pixels."""
    return max(_PIPELINE_MULTIPLE, reduction(pipeline.vae))


def _scheduler_config(scheduler: Any) -> str:
    """A scheduler's config as JSON with sorted keys. Infinities stand as `Infinity`, as in diffusers' own files."""
    public = {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
    return json.dumps(public, sort_keys=True, separators=(",", ":"), default=list)
