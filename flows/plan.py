"""What building a recipe would do, from the recipe alone; imports no model library and reads no image."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from flows.published import Published
from flows.recipe import Recipe, located
from flows.target import chunks_at_least
from generation.config import DiffusionSettings, GeneratorConfig
from generation.costs import tflop_an_image
from manifests.records import SPLITS, Split
from manifests.splits import SplitConfig
from pixels.config import ViewRules
from sources.config import SourceConfig
from sources.fakes.labelled import LabelledSettings

_SMALL_LIST = 64 * 2**20
"""Bytes of a source's list up to which it is read through without being asked."""

_MAGIC = "*?[{"

_LISTS = ("csv", "path", "ids", "image_labels", "boxes")
"""Settings of sources that name lists."""

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
    absent: str = Field(default="", description="its list, where that is not on this machine: its limit is what counts")


class PlannedGenerator(BaseModel):
    """What a generator would be asked for."""

    model_config = ConfigDict(frozen=True)

    name: str
    method: str
    model: str
    settings: str = Field(default="", description="how a model denoises, as a preset or the recipe says it")
    fakes: int | None
    gpu_hours: float | None = Field(description="on one H200, by the models' FLOP; None: the model's size is not known")


class Plan(BaseModel):
    """What a build would do, before screening drops anything."""

    model_config = ConfigDict(frozen=True)

    name: str
    sources: tuple[PlannedSource, ...]
    views: tuple[str, ...]
    generators: tuple[PlannedGenerator, ...]
    made: int | None = Field(description="pairs that are made where none is dropped")
    pairs: int | None = Field(description="of these, those that go into the dataset")
    splits: dict[Split, int] | None = Field(
        description="of these, by split: exact counts, or as the ratios expect them"
    )
    counts: dict[str, int] = Field(
        description="images by the names that publishers give such counts: `real`, `train`, `real_train`, ..., and `images`, "
        "all of a set whose images stand alone; as far as known"
    )
    are_singles: bool = Field(description="whether all images stand alone, and what is counted are images, not pairs")
    target_pairs: int | None = Field(description="the recipe's; None: all that are made")
    chunks: int
    shards: int
    disk_bytes: int
    dataset_bytes: int
    published: Published | None = Field(default=None, description="quoted from its publisher; nothing here measured it")


def plan_recipe(recipe: Recipe, base: Path, *, count: bool = False, published: Published | None = None) -> Plan:
    """Plan a build.

    Args:
        recipe: the recipe.
        base: the folder that its relative paths start from.
        count: read the sources' lists through, however long they are.
        published: what others have published of the set, to be shown beside the plan.

    Raises:
        SourceError: a source is missing, or not in its published format.
    """
    sources = [_source(located(source, base), count=count) for source in recipe.sources]
    known = [source.images for source in sources if source.images is not None]
    images = _images_of_views(recipe, {source.name: source.images for source in sources})
    counted = [number for number in images.values() if number is not None]
    made = sum(counted)
    pairs = made if recipe.target_pairs is None else min(made, recipe.target_pairs)
    share = pairs / made if made else 1.0
    native, final = _bytes(recipe, images)
    is_known = len(counted) == len(images)
    splits = _splits(recipe.split, pairs) if is_known else None
    return Plan(
        name=recipe.name,
        sources=tuple(sources),
        views=tuple(view.name for view in recipe.views),
        generators=tuple(_generator(recipe, generator, images) for generator in recipe.generators),
        made=made if is_known else None,
        pairs=pairs if is_known else None,
        splits=splits,
        counts={
            **({"images": pairs} if is_known and _are_singles(recipe) else {}),
            **(_counts(_by_label(recipe, sources, pairs), splits) if splits is not None else {}),
        },
        are_singles=_are_singles(recipe),
        target_pairs=recipe.target_pairs,
        chunks=sum(math.ceil(images / recipe.chunks.size) for images in known),
        shards=sum(_shards(recipe, round(number * share)) for number in counted),
        disk_bytes=round(sum(known) * _REAL_BYTES + native + (1 + share) * final),
        dataset_bytes=round(share * final),
        published=published,
    )


def _images_of_views(recipe: Recipe, images: Mapping[str, int | None]) -> dict[str, int | None]:
    """How many images go into each view at most; None where a source is not counted, and no target bounds them."""
    target = recipe.target_pairs
    wanted = None if target is None else chunks_at_least(recipe, target) * recipe.chunks.size
    found: dict[str, int | None] = {}
    for view in recipe.views:
        numbers = [images[name] for name in recipe.sources_of(view)]
        known = [number for number in numbers if number is not None]
        total = sum(known) if len(known) == len(numbers) else None
        limit = recipe.select.limit
        limited = total if total is None or limit is None else min(total, limit)
        found[view.name] = limited if wanted is None else wanted if limited is None else min(limited, wanted)
    return found


def _splits(config: SplitConfig, pairs: int) -> dict[Split, int]:
    """Pairs of each split, where all views are of one size and none is dropped."""
    if config.counts:
        return {split: config.counts.get(split, 0) for split in SPLITS}
    return {split: round(pairs * config.ratios.get(split, 0.0)) for split in SPLITS}


def _are_singles(recipe: Recipe) -> bool:
    return all(view.is_single for view in recipe.views)


def _counts(labels: Mapping[str, int], splits: Mapping[Split, int]) -> dict[str, int]:
    """By label, by split, and by both, as splits expect them that do not look at labels."""
    whole = sum(splits.values())
    both = {
        f"{label}_{split}": round(number * part / whole) if whole else 0
        for label, number in labels.items()
        for split, part in splits.items()
    }
    return {**labels, **{str(split): part for split, part in splits.items()}, **both}


def _by_label(recipe: Recipe, sources: Sequence[PlannedSource], pairs: int) -> dict[str, int]:
    """Real and fake images; empty where a source has both, or where views differ in their generators."""
    if not _are_singles(recipe):
        fakes = {0 if view.is_single else len(view.generators) for view in recipe.views}
        return {"real": pairs, "fake": pairs * fakes.pop()} if len(fakes) == 1 else {}
    labels: Counter[str] = Counter()
    made = {name for view in recipe.views if view.generators for name in recipe.sources_of(view)}
    for settings, source in zip(recipe.sources, sources, strict=True):
        label = "fake" if source.name in made else _label(settings)
        if label is None:
            return {}
        labels[label] += source.images or 0
    return dict(labels) if labels.total() == pairs else {}


def _label(settings: SourceConfig) -> str | None:
    """What a source's images are; None where it has both."""
    if isinstance(settings, LabelledSettings):
        return settings.only
    return "fake" if getattr(settings, "generator", "") else "real"


def _shards(recipe: Recipe, pairs: int) -> int:
    """The most shards that a view's pairs can fill: each split has its own, and the last one of a split is not full."""
    parts = min(pairs, sum(1 for share in (recipe.split.counts or recipe.split.ratios).values() if share))
    return parts + (pairs - parts) // recipe.shards.pairs


def _source(settings: SourceConfig, *, count: bool) -> PlannedSource:
    absent = "" if count else _absent(settings)
    images = settings.limit if absent else _images(settings, count=count)
    return PlannedSource(name=settings.name, images=images, absent=absent)


def _absent(settings: SourceConfig) -> str:
    """The first of a source's lists that is a path of this machine where nothing is; a build would be refused for it."""
    if not _is_here(settings):
        return ""
    missing = (location for location in _lists(settings) if not any(character in location for character in _MAGIC))
    return next((location for location in missing if not Path(location).exists()), "")


def _images(settings: SourceConfig, *, count: bool) -> int | None:
    """Images of a source: its limit, or its length where that is asked for or quickly known."""
    if count or _has_short_list(settings):
        return sum(1 for _ in settings.open().list())
    if _is_here(settings):
        settings.open().list()  # files and parts that are not there are missed now by sources that know them beforehand
    return settings.limit


def _is_here(settings: SourceConfig) -> bool:
    """Whether a source's list is on this machine."""
    return not getattr(settings, "repo", "") and not any("://" in location for location in _lists(settings))


def _lists(settings: SourceConfig) -> list[str]:
    """Where a source's lists are."""
    return [location for name in _LISTS if (location := str(getattr(settings, name, "")))]


def _has_short_list(settings: SourceConfig) -> bool:
    """Whether a source's list is soon read: that of a folder, or tables of this machine that are not long."""
    locations = _lists(settings)
    if not _is_here(settings) or any(character in location for location in locations for character in _MAGIC):
        return False
    return sum(_table_bytes(Path(location)) for location in locations) <= _SMALL_LIST


def _table_bytes(place: Path) -> int:
    """Size of a file, or of the Parquet tables in a folder."""
    files = [place] if place.is_file() else place.glob("*.parquet")
    return sum(file.stat().st_size for file in files)


def _generator(recipe: Recipe, generator: GeneratorConfig, images: Mapping[str, int | None]) -> PlannedGenerator:
    views = [view for view in recipe.views if generator.name in view.generators]
    fakes: int | None = 0
    hours: float | None = 0.0
    for view in views:
        number, seconds = images[view.name], _seconds(generator, view)
        fakes = None if fakes is None or number is None else fakes + number
        hours = None if hours is None or number is None or seconds is None else hours + number * seconds / 3600
    return PlannedGenerator(
        name=generator.name,
        method=generator.method,
        model=generator.model,
        settings=_settings(generator),
        fakes=fakes,
        gpu_hours=hours,
    )


def _settings(generator: GeneratorConfig) -> str:
    """Steps, guidance, scheduler, precision and LoRAs of a generator that denoises, in one line."""
    if not isinstance(generator, DiffusionSettings):
        return ""
    grid = generator.grid
    steps = _choice(grid.num_inference_steps or (generator.num_inference_steps,))
    guidance = _choice(grid.guidance_scale or (generator.guidance_scale,))
    schedulers = grid.scheduler or ((generator.scheduler,) if generator.scheduler is not None else ())
    parts = [f"preset {generator.preset}"] if generator.preset is not None else []
    parts += [f"{steps} steps", f"guidance {guidance}", generator.dtype]
    parts += [_choice(schedulers)] if schedulers else []
    parts += [f"LoRA {Path(lora.path).name} x {lora.scale:g}" for lora in generator.lora]
    return ", ".join(parts)


def _choice(values: Sequence[object]) -> str:
    return " or ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def _seconds(generator: GeneratorConfig, view: ViewRules) -> float | None:
    """Seconds an image on one H200; None where the model's cost is not known."""
    tflop = tflop_an_image(generator, view.frame**2)
    return None if tflop is None else tflop / (_H200_TFLOPS * _SHARE_OF_LIMIT)


def _bytes(recipe: Recipe, images: Mapping[str, int | None]) -> tuple[float, float]:
    """Bytes of all native pixels, and of all final members."""
    native = final = 0.0
    for view in recipe.views:
        members = (images[view.name] or 0) * (1 if view.is_single else 1 + len(view.generators))
        native += members * view.frame**2 * _BYTES_A_PIXEL["native PNG"]
        final += members * view.size**2 * _BYTES_A_PIXEL["final JPEG"]
    return native, final
