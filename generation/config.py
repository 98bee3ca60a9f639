"""How captions and fakes are made: the recipe's `caption` table and its `generators`.

`CaptionConfig` and `GeneratorConfig` are unions: the fields `source` and `method` say which of their members is meant,
so that a key that means nothing for a method is refused instead of being ignored.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from manifests.records import GeneratorName

Precision = Literal["float32", "bfloat16", "float16"]

SchedulerName = Literal[
    "DDIMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
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


class TextToImageConfig(GeneratorSettings):
    """Images from captions alone, by a Stable Diffusion 1.x or SDXL pipeline."""

    method: Literal["text-to-image"] = "text-to-image"
    num_inference_steps: int = Field(default=50, gt=0, le=1000, description="denoising steps")
    guidance_scale: float = Field(
        default=7.5, ge=0, description="classifier-free guidance (arXiv 2207.12598); at 1 or less there is none"
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
    compile: bool = Field(
        default=False,
        description="compile UNet and decoder for one batch shape: faster on a GPU, minutes of start, other low bits",
    )


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


MakerConfig = TextToImageConfig | ReconstructConfig
"""The generators that make their fakes by a model."""

GeneratorConfig = Annotated[TextToImageConfig | ReconstructConfig | RetrieveConfig, Field(discriminator="method")]
"""One of the recipe's `generators`."""
