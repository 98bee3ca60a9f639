"""What a manifest's lines must say, beyond their schema, for a pair to be made again without harm.

Every complaint is `field: what is wrong`. What is asked of a size bounds the memory that a foreign line can claim.
"""

from collections.abc import Iterator
from pathlib import Path

from flows.recipe import Recipe
from generation.config import ImageConditioned, InpaintConfig, MakerConfig, ReconstructConfig, RetrieveConfig
from manifests.header import Header
from manifests.records import REAL, Fake, ImageFacts, Pair
from pixels.config import ViewRules
from pixels.frame import plan_generated

MAX_BYTES = 2**30
"""Of one real image."""

_MOST_STEPS = 1000


def header_complaints(header: Header) -> Iterator[str]:
    """What is wrong with a header."""
    names = [shard.name for shard in header.shards]
    if len(set(names)) < len(names):
        yield "shards: a name stands twice"
    for digest, tables in header.jpeg_tables.items():
        whole = all(len(table) == 64 and all(1 <= step <= 255 for step in table) for table in tables)
        if len(tables) not in (2, 3) or not whole:
            yield f"jpeg_tables.{digest}: expected two or three tables of 64 steps from 1 to 255"


def complaints(pair: Pair, header: Header, recipe: Recipe, models: dict[str, tuple[str, str]]) -> Iterator[str]:
    """What is wrong with a pair.

    Args:
        pair: the pair.
        header: of its manifest.
        recipe: the header's.
        models: model and revision by generator, as the lines before have said; added to.
    """
    view = next((view for view in recipe.views if view.name == pair.frame.view), None)
    if view is None:
        yield f"frame.view: the recipe has no view {pair.frame.view!r}"
        return
    yield from _identity(pair)
    yield from _facts(pair.facts, recipe)
    yield from _frame(pair, view)
    yield from _tables(pair, header)
    yield from _place(pair, header)
    if not view.takes(pair.image):
        yield f"image: of source {pair.image.source!r:.40}; the recipe's view {view.name} takes no such image"
    if bool(pair.fakes) != bool(view.generators) or not set(pair.fakes) <= set(view.generators):
        yield f"fakes: {', '.join(sorted(pair.fakes)) or 'none'}, the view {view.name} has {', '.join(view.generators) or 'none'}"
        return
    if not view.is_single and set(pair.members) != {REAL, *pair.fakes}:
        yield "members: expected `real` and one for each fake"
    for name, fake in pair.fakes.items():
        yield from (f"fakes.{name}.{complaint}" for complaint in _fake(name, fake, pair, recipe))
        made_here = fake.method != "retrieve"
        if made_here and models.setdefault(name, (fake.model, fake.revision)) != (fake.model, fake.revision):
            yield f"fakes.{name}.revision: another model or revision than in the lines before"


def _identity(pair: Pair) -> Iterator[str]:
    real = pair.image
    if real.key != real.sha256[:16]:
        yield "image.key: expected the first 16 digits of image.sha256"
    if pair.pair_id != f"{real.key}-{pair.frame.view}":
        yield f"pair_id: expected {real.key}-{pair.frame.view}"
    if real.size > MAX_BYTES:
        yield f"image.size: {real.size} bytes, expected at most {MAX_BYTES}"


def _facts(facts: ImageFacts, recipe: Recipe) -> Iterator[str]:
    if facts.width * facts.height > recipe.screen.max_pixels:
        yield f"facts.width: {facts.width}x{facts.height} pixels, the recipe allows {recipe.screen.max_pixels}"
    if facts.rotation not in (0, 90, 180, 270):
        yield f"facts.rotation: {facts.rotation}, expected 0, 90, 180 or 270"


def _frame(pair: Pair, view: ViewRules) -> Iterator[str]:
    frame, facts = pair.frame, pair.facts
    margin = view.margin if view.framing == "patch" else 0
    for name, expected in (
        ("framing", view.framing),
        ("frame", view.frame),
        ("size", view.size),
        ("margin", margin),
        ("kernel", view.kernel),
    ):
        if getattr(frame, name) != expected:
            yield f"frame.{name}: {getattr(frame, name)}, the recipe's view {view.name} has {expected}"
    if pair.image.is_prompt:
        if frame != plan_generated(view):
            yield "frame: of an image that is made from a prompt; expected the whole of its native pixels"
        return
    for axis, start, extent in (("x", frame.x, facts.width), ("y", frame.y, facts.height)):
        if start < frame.margin or start + frame.side + frame.margin > extent:
            yield f"frame.{axis}: the window leads out of the image of {facts.width}x{facts.height} pixels"


def _tables(pair: Pair, header: Header) -> Iterator[str]:
    for name, digest, subsampling in (
        ("facts.jpeg_tables", pair.facts.jpeg_tables, pair.facts.subsampling),
        ("jpeg_tables", pair.jpeg_tables, pair.jpeg_subsampling),
    ):
        if digest and digest not in header.jpeg_tables:
            yield f"{name}: the header holds no tables {digest!r:.40}"
        if bool(digest) != bool(subsampling):
            yield f"{name}: tables and subsampling are given together or not at all"


def _place(pair: Pair, header: Header) -> Iterator[str]:
    shard = next((shard for shard in header.shards if shard.name == pair.shard), None)
    if shard is None:
        yield f"shard: the header names no shard {pair.shard}"
    elif (shard.split, shard.view) != (pair.split, pair.frame.view):
        yield f"shard: {shard.name} is of split {shard.split} and view {shard.view}"


def _fake(name: str, fake: Fake, pair: Pair, recipe: Recipe) -> Iterator[str]:
    config = recipe.generator(name)
    if fake.generator != name:
        yield f"generator: {fake.generator}, expected {name}"
    if fake.method != config.method:
        yield f"method: {fake.method}, the recipe has {config.method}"
    if (fake.retrieved is not None) != isinstance(config, RetrieveConfig):
        yield "retrieved: expected for a fake that was retrieved, and for no other"
    if fake.seed >= 2**63:
        yield f"seed: {fake.seed}, expected less than 2**63"
    if isinstance(config, RetrieveConfig):
        yield from _retrieved(fake, recipe)
        return
    side = pair.frame.frame + 2 * pair.frame.margin
    if (fake.native_width, fake.native_height) != (side, side):
        yield f"native_width: {fake.native_width}x{fake.native_height} pixels, expected {side}x{side}"
    if not fake.batch_position < fake.batch_size <= config.batch_size:
        yield f"batch_size: place {fake.batch_position} of {fake.batch_size}, the recipe's batches have {config.batch_size}"
    loras = [(Path(lora.path).name, lora.scale) for lora in getattr(config, "lora", ())]
    if [(lora.name, lora.scale) for lora in fake.lora] != loras:
        yield f"lora: expected the recipe's, {', '.join(f'{name} x {scale:g}' for name, scale in loras) or 'none'}"
    if not isinstance(config, ReconstructConfig) and not 0 < fake.num_inference_steps <= _MOST_STEPS:
        yield f"num_inference_steps: {fake.num_inference_steps}, expected 1 to {_MOST_STEPS}"
    shown = isinstance(config, ImageConditioned)
    if shown and not (0 < fake.strength <= 1 and int(fake.num_inference_steps * fake.strength)):
        yield f"strength: {fake.strength} of {fake.num_inference_steps} steps; expected at most 1, and at least one step"
    yield from _mask(fake, config, side)


def _mask(fake: Fake, config: MakerConfig, side: int) -> Iterator[str]:
    masks = isinstance(config, InpaintConfig) and config.mask != "none"
    if (fake.mask is not None) != masks:
        yield "mask: expected where the recipe's generator masks, and nowhere else"
    if fake.restored_background and fake.mask is None:
        yield "restored_background: expected with a mask, and never without"
    if fake.mask is not None and any(max(point) > side for point in fake.mask.points):
        yield f"mask: leads out of the {side}x{side} pixels"


def _retrieved(fake: Fake, recipe: Recipe) -> Iterator[str]:
    image = fake.retrieved
    if fake.native_width * fake.native_height > recipe.screen.max_pixels:
        yield f"native_width: {fake.native_width}x{fake.native_height} pixels, the recipe allows {recipe.screen.max_pixels}"
    if image is None:
        return
    if image.made is None:
        yield "retrieved.made: missing; expected what made the image"
    if image.key != image.sha256[:16]:
        yield "retrieved.key: expected the first 16 digits of retrieved.sha256"
    if image.size > MAX_BYTES:
        yield f"retrieved.size: {image.size} bytes, expected at most {MAX_BYTES}"
    if image.rotation not in (0, 90, 180, 270):
        yield f"retrieved.rotation: {image.rotation}, expected 0, 90, 180 or 270"
