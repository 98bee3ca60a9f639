"""What building a recipe would do, from the recipe alone; imports no model library and reads no image."""

import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from flows.recipe import Recipe, located
from generation.config import GeneratorConfig, TextToImageConfig
from pixels.config import ViewRules
from sources.config import SourceConfig

_SMALL_LIST = 64 * 2**20
"""Bytes of a source's list up to which it is read through without being asked."""

# TFLOP by diffusers' modules of the true shapes: one UNet call, one VAE decode, at the native side in pixels
_MODELS = {"sd": (512, 0.803, 2.51), "sdxl": (1024, 6.761, 10.47)}
_H200_TFLOPS = 790.0
_SHARE_OF_LIMIT = 0.48
"""Share of the matrix rate that a compiled pipeline in large batches reaches."""

_REAL_BYTES = 600_000
_BYTES_A_PIXEL = {"native PNG": 1.8, "final JPEG": 0.6}


class PlannedSource(BaseModel):
    """What a source would give."""

    model_config = ConfigDict(frozen=True)

    name: str
    images: int | None = Field(description="None: not counted")


class PlannedGenerator(BaseModel):
    """What a generator would be asked for."""

    model_config = ConfigDict(frozen=True)

    name: str
    method: str
    model: str
    fakes: int | None
    gpu_hours: float | None = Field(description="on one H200, by the models' FLOP; None: the model's size is not known")


class Plan(BaseModel):
    """What a build would do, before screening drops anything."""

    model_config = ConfigDict(frozen=True)

    name: str
    sources: tuple[PlannedSource, ...]
    views: tuple[str, ...]
    generators: tuple[PlannedGenerator, ...]
    pairs: int | None
    chunks: int
    shards: int
    disk_bytes: int
    dataset_bytes: int


def plan_recipe(recipe: Recipe, base: Path, *, count: bool = False) -> Plan:
    """Plan a build.

    Args:
        recipe: the recipe.
        base: the folder that its relative paths start from.
        count: read the sources' lists through, however long they are.

    Raises:
        SourceError: a source is missing, or not in its published format.
    """
    sources = [
        PlannedSource(name=source.name, images=_images(located(source, base), count=count)) for source in recipe.sources
    ]
    known = [source.images for source in sources if source.images is not None]
    images = sum(known) if len(known) == len(sources) else None
    if images is not None and recipe.select.limit is not None:
        images = min(images, recipe.select.limit)
    pairs = None if images is None else images * len(recipe.views)
    listed = sum(known)
    native, final = _bytes_per_image(recipe)
    work, dataset = (images or 0) * (native + final), (images or 0) * final
    return Plan(
        name=recipe.name,
        sources=tuple(sources),
        views=tuple(view.name for view in recipe.views),
        generators=tuple(_generator(recipe, generator, images) for generator in recipe.generators),
        pairs=pairs,
        chunks=sum(math.ceil(images / recipe.chunks.size) for images in known),
        shards=math.ceil((images or 0) / recipe.shards.pairs) * len(recipe.views),
        disk_bytes=round(listed * _REAL_BYTES + work + dataset),
        dataset_bytes=round(dataset),
    )


def _images(settings: SourceConfig, *, count: bool) -> int | None:
    """Images of a source: its limit, or its length where that is asked for or quickly known."""
    if count or _has_short_list(settings):
        return sum(1 for _ in settings.open().list())
    return settings.limit


def _has_short_list(settings: SourceConfig) -> bool:
    """Whether a source's list is soon read: that of a folder, or a file of this machine that is not long."""
    for name in ("csv", "path"):
        location = str(getattr(settings, name, ""))
        if "://" in location:
            return False
        if Path(location).is_file():
            return Path(location).stat().st_size <= _SMALL_LIST
    return True


def _generator(recipe: Recipe, generator: GeneratorConfig, images: int | None) -> PlannedGenerator:
    views = [view for view in recipe.views if generator.name in view.generators]
    seconds = [_seconds(generator, view) for view in views]
    hours = None
    if images is not None and None not in seconds:
        hours = images * sum(s for s in seconds if s is not None) / 3600
    return PlannedGenerator(
        name=generator.name,
        method=generator.method,
        model=generator.model,
        fakes=None if images is None else images * len(views),
        gpu_hours=hours,
    )


def _seconds(generator: GeneratorConfig, view: ViewRules) -> float | None:
    """Seconds an image on one H200; None where the model's size is not known."""
    family = _family(generator.model)
    if family is None:
        return None
    side, unet, decode = _MODELS[family]
    area = (view.frame / side) ** 2
    if isinstance(generator, TextToImageConfig):
        calls = (generator.num_inference_steps + 1) * (2 if generator.guidance_scale > 1 else 1)
        tflop = calls * unet * area + decode * area
    else:
        tflop = 2 * decode * area
    return tflop / (_H200_TFLOPS * _SHARE_OF_LIMIT)


def _family(model: str) -> str | None:
    """Which published family a model's name speaks of."""
    name = model.lower()
    if "sdxl" in name or "stable-diffusion-xl" in name:
        return "sdxl"
    return "sd" if "stable-diffusion-v1" in name or "stable-diffusion-1" in name or "sd-vae" in name else None


def _bytes_per_image(recipe: Recipe) -> tuple[float, float]:
    """Bytes of one image's native pixels in all views, and of its final members."""
    native = final = 0.0
    for view in recipe.views:
        members = 1 + len(view.generators)
        native += members * view.frame**2 * _BYTES_A_PIXEL["native PNG"]
        final += members * view.size**2 * _BYTES_A_PIXEL["final JPEG"]
    return native, final
