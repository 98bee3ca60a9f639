"""How captions and fakes are made: the recipe's `caption` table and its `generators`.

`CaptionConfig` and `GeneratorConfig` are unions: the fields `source` and `method` say which of their members is meant,
so that a key that means nothing for a method is refused instead of being ignored.
"""

from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from generation.masks import MaskRules
from generation.model_presets import ModelPresetName, with_preset
from manifests.records import GeneratorName

Precision = Literal["float32", "bfloat16", "float16"]

Compiling = bool | Literal["auto"]
"""Whether a model is compiled; `auto` leaves that to `generation/compiling.py`."""

SchedulerName = Literal[
    "DDIMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
]
"""Schedulers that draw no noise, or draw it from the image's own rng: only their images can be made again."""

_REVISION = (
    "branch, tag or commit of a Hub model; for a folder, the digest that its weights must have "
    "(empty: the Hub's default branch, or any weights)"
)


class Settings(BaseModel):
    """Base of the settings: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BlipCaptions(Settings):
    """Captions by BLIP (arXiv 2201.12086), from the framed image."""

    source: Literal["blip"] = "blip"
    model: str = Field(
        min_length=1, description="Hub id, or a folder with the model's config, safetensors and processor"
    )
    revision: str = Field(default="", description=_REVISION)
    prefix: str = Field(default="", description="words that every caption starts with, e.g. `a photo of`; empty: none")
    max_new_tokens: int = Field(default=40, gt=0, le=256, description="longest caption, tokens, without the prefix")
    num_beams: int = Field(
        default=1, gt=0, le=16, description="1: greedy decoding; more: beam search. Nothing is sampled"
    )
    batch_size: int = Field(default=16, gt=0, description="images a call of the model: a fixed slice of the chunk")
    dtype: Precision = Field(default="float32", description="precision of the model")
    compile: Compiling = Field(
        default="auto",
        description="compile the model for one batch shape: faster on a GPU, a minute of start, other low bits; auto: on a "
        "GPU where the run is long enough to win it back",
    )


class SourceCaptions(Settings):
    """The caption that the source itself gives; images without one are rejected."""

    source: Literal["source"] = "source"


class ClassTemplateCaptions(Settings):
    """A sentence about the image's class; images without a class are rejected."""

    source: Literal["class-template"] = "class-template"
    templates: tuple[Annotated[str, StringConstraints(pattern=r"\{label\}")], ...] = Field(
        default=("a photo of a {label}",),
        min_length=1,
        description="captions of which each pair is given one, drawn by its id; `{label}` stands for the name of the class",
    )


CaptionConfig = Annotated[BlipCaptions | SourceCaptions | ClassTemplateCaptions, Field(discriminator="source")]
"""The recipe's `caption` table."""


class GeneratorSettings(Settings):
    """What all generators have."""

    name: GeneratorName = Field(description="the recipe's name for the generator: a field of every sample, [a-z0-9_]+")
    model: str = Field(min_length=1, description="Hub id, or a folder in the format of diffusers")
    revision: str = Field(default="", description=_REVISION)
    license: str = Field(default="", description="licence of the model, as recorded with every fake")
    dtype: Precision = Field(default="float32", description="precision of the model")
    batch_size: int = Field(default=8, gt=0, description="images a call of the model: a fixed slice of the chunk")


Steps = Annotated[int, Field(gt=0, le=1000)]
Guidance = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Strength = Annotated[float, Field(gt=0, le=1)]


class GridConfig(Settings):
    """Settings of which each pair is given one, drawn by its seed, so that none of them tells the fakes."""

    scheduler: tuple[SchedulerName, ...] = Field(default=(), description="empty: the generator's own")
    num_inference_steps: tuple[Steps, ...] = Field(default=(), description="empty: the generator's own")
    guidance_scale: tuple[Guidance, ...] = Field(default=(), description="empty: the generator's own")
    strength: tuple[Strength, ...] = Field(
        default=(), description="of the methods that are shown an image; empty: the generator's own"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in type(self).model_fields:
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name}: a value stands twice")
        return self


class LoraConfig(Settings):
    """A LoRA (arXiv 2106.09685) that is laid over a model: a safetensors file in any format that diffusers reads."""

    path: str = Field(pattern=r"\.safetensors$", description="the file")
    scale: float = Field(default=1.0, ge=-4, le=4, description="what its change of the weights is multiplied by")
    revision: str = Field(default="", description="the digest that the file must have; empty: any")


class DiffusionSettings(GeneratorSettings):
    """What all generators have that denoise."""

    preset: ModelPresetName | None = Field(
        default=None,
        description="fills in what the table leaves out (model, license, num_inference_steps, guidance_scale, dtype) from "
        "the published model's card",
    )
    model: str = Field(
        min_length=1,
        description="Hub id, a folder in the format of diffusers, or a fine-tuned checkpoint, one .safetensors file",
    )
    config: str = Field(
        default="",
        description="of a checkpoint in one file: the folder, in the format of diffusers, of the model that it was made from",
    )
    lora: tuple[LoraConfig, ...] = Field(default=(), max_length=8, description="LoRAs to lay over the model, in order")
    num_inference_steps: Steps = Field(default=50, description="denoising steps")
    guidance_scale: Guidance = Field(
        default=7.5, description="classifier-free guidance (arXiv 2207.12598); at 1 or less there is none"
    )
    negative_prompt: str = Field(
        default="", description="what guidance leads away from; empty: the pipeline's own default"
    )
    prompt_template: Annotated[str, StringConstraints(pattern=r"\{caption\}")] = Field(
        default="{caption}", description="the prompt; `{caption}` stands for the cleaned caption"
    )
    scheduler: SchedulerName | None = Field(
        default=None,
        description="scheduler to use in the place of the model's own, with the model's own noise schedule",
    )
    max_reseeds: int = Field(
        default=3,
        ge=0,
        le=100,
        description="further seeds that are tried where an image is unsafe, blank or not a number",
    )
    compile: Compiling = Field(
        default="auto",
        description="compile denoiser and decoder for one batch shape: faster on a GPU, minutes of start, other low bits; "
        "auto: on a GPU where the run is long enough to win them back",
    )
    grid: GridConfig = Field(
        default=GridConfig(), description="several values of a setting, of which each pair draws one, in its place"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, table: Any) -> Any:
        return with_preset(table, cls.model_fields["method"].default) if isinstance(table, dict) else table

    @model_validator(mode="after")
    def _check_checkpoint(self) -> Self:
        if self.model.endswith((".ckpt", ".pt", ".pth", ".bin")):
            raise ValueError(f"model {self.model}: pickled weights are never read; convert the file to .safetensors")
        if self.model.endswith(".safetensors") and not self.config:
            raise ValueError(f"config is missing: the folder of the model that {self.model} was made from")
        if self.config and not self.model.endswith(".safetensors"):
            raise ValueError(f"config is for a checkpoint in one .safetensors file, and model is {self.model}")
        return self


class TextToImageConfig(DiffusionSettings):
    """Images from captions alone."""

    method: Literal["text-to-image"] = "text-to-image"

    @model_validator(mode="after")
    def _check_strength(self) -> Self:
        if self.grid.strength:
            raise ValueError("grid.strength: text-to-image is shown no image; use image-to-image or inpaint")
        return self


class ImageConditioned(DiffusionSettings):
    """What the generators have that are shown the framed real."""

    strength: Strength

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        # the pipelines leave out the steps that come before the strength's noise
        for steps, strength in product(
            self.grid.num_inference_steps or (self.num_inference_steps,), self.grid.strength or (self.strength,)
        ):
            if int(steps * strength) < 1:
                raise ValueError(f"strength {strength} of {steps} steps leaves none; raise one of them")
        return self


class ImageToImageConfig(ImageConditioned):
    """Images from the framed real and its caption: noise is added to the real's latents, and removed again."""

    method: Literal["image-to-image"] = "image-to-image"
    strength: Strength = Field(
        default=0.5,
        description="share of the noise schedule that the real goes through: 1 leaves next to nothing of it",
    )


class InpaintConfig(ImageConditioned):
    """Images in which a part of the framed real, drawn at random, is generated anew."""

    method: Literal["inpaint"] = "inpaint"
    strength: Strength = Field(
        default=1.0, description="share of the noise schedule that what is generated anew goes through"
    )
    mask: MaskRules | Literal["none"] = Field(
        default=MaskRules(),
        description="what is generated anew; `none`: nothing is masked, and a model made for inpainting generates the "
        "whole image, shown the whole image (the self-conditioning of B-Free, arXiv 2412.17671)",
    )
    restore_background: bool = Field(
        default=False,
        description="put the real's own pixels back outside of the mask; else they went through the model",
    )

    @model_validator(mode="after")
    def _check_mask(self) -> Self:
        if self.mask == "none" and self.restore_background:
            raise ValueError(
                "restore_background: without a mask nothing but the real would be left; remove one of them"
            )
        return self


class ReconstructConfig(GeneratorSettings):
    """The real image through an autoencoder and back, by `AutoencoderKL` or `AutoencoderTiny`."""

    method: Literal["reconstruct"] = "reconstruct"


class RetrieveConfig(GeneratorSettings):
    """The nearest existing fake to the caption: no image is made, one is found by its prompt."""

    method: Literal["retrieve"] = "retrieve"
    model: str = Field(
        min_length=1,
        description="text encoder that compares captions with prompts: Hub id, or a folder with safetensors",
    )
    license: str = Field(default="", description="licence of what made the fakes, as recorded with every fake")
    candidates: str = Field(
        min_length=1, description="name of the recipe's `candidates` that hold the fakes and their prompts"
    )
    max_uses: int = Field(default=1, gt=0, description="k: a fake is given to at most so many pairs")
    min_similarity: float = Field(
        default=0.0,
        ge=-1,
        le=1,
        description="cosine of caption and prompt below which a pair has no fake, and is dropped as `unmatched`",
    )
    batch_size: int = Field(default=64, gt=0, description="texts a call of the encoder")


DiffusionConfig = TextToImageConfig | ImageToImageConfig | InpaintConfig
"""The generators that denoise."""

MakerConfig = DiffusionConfig | ReconstructConfig
"""The generators that make their fakes by a model."""

GeneratorConfig = Annotated[MakerConfig | RetrieveConfig, Field(discriminator="method")]
"""One of the recipe's `generators`."""
