"""retrieved: the fakes that were found for the pairs of a chunk, fetched and reduced to the pairs' frames."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.folder import BuildFolder
from flows.records import MatchedPair
from flows.screening import check_scores, denied, deny_settings
from generation.config import RetrieveConfig
from manifests.denied import DenyList
from manifests.errors import RejectedItem
from manifests.records import Fake, Frame, SourceImage
from pixels.arrays import Pixels
from pixels.config import ScreenRules
from pixels.decode import decode
from pixels.encode import png
from pixels.inspect import inspect
from pixels.orient import to_upright
from pixels.retrieved import reduce_scene
from sources.base import Fetched, Listing

_LARGEST_SEED = 2**63


def screen_settings(build: BuildFolder) -> list[Any]:
    """What the screening of existing fakes depends on."""
    rules = build.recipe.screen.model_dump(mode="json", exclude={"safety", "deny", "deny_radius"})
    return [rules, deny_settings(build)]


def fetch_retrieved(
    build: BuildFolder, config: RetrieveConfig, matches: Sequence[MatchedPair], frames: Mapping[str, Frame]
) -> Iterator[tuple[str, tuple[Fake, bytes] | RejectedItem]]:
    """Fetch what was found for some pairs; an image that serves several pairs is fetched once.

    Args:
        build: its recipe names the candidates.
        config: the generator.
        matches: pairs with a listing.
        frames: the pairs' windows.

    Yields:
        Pair id; the fake's record and its pixels at F as PNG, or why there is none.

    Raises:
        SourceError: the source as a whole cannot be read.
    """
    by_position = {match.position: match for match in sorted(matches, key=lambda match: match.position)}
    listings = [Listing.from_dict(match.listing or {}) for match in by_position.values()]
    deny_list = denied(build)
    with tempfile.TemporaryDirectory(prefix="twinset-") as workdir:
        source = build.located(build.recipe.candidates_of(config)).open()
        fetched = zip(by_position, source.fetch(listings, Path(workdir)), strict=True)
        for position, (_, outcome) in fetched:
            image = _screened(outcome, build.recipe.screen, deny_list)
            for match in matches:
                if match.position == position:
                    yield match.pair_id, _fake(image, config, match, frames[match.pair_id])


def _screened(
    outcome: Fetched | RejectedItem, rules: ScreenRules, deny_list: DenyList
) -> tuple[SourceImage, Pixels] | RejectedItem:
    """An existing fake is asked all that a source's own images are asked; its pixels, upright."""
    if isinstance(outcome, RejectedItem):
        return outcome
    try:
        deny_list.check_file(outcome.data, outcome.image.sha256)
        check_scores(outcome.image.scores, rules)
        return outcome.image, upright(outcome.data, rules, outcome.image.rotation)
    except RejectedItem as rejected:
        return rejected


def upright(data: bytes, rules: ScreenRules, rotation: int) -> Pixels:
    """The pixels of an existing fake, as it is shown.

    Raises:
        RejectedItem: screening drops it.
    """
    facts, _ = inspect(data, rules, rotation=rotation, existing_fake=True)
    return to_upright(decode(data, max_pixels=rules.max_pixels), facts)


def retrieved_again(data: bytes, fake: Fake, frame: Frame, rules: ScreenRules) -> tuple[Fake, bytes] | RejectedItem:
    """A retrieved fake from its bytes and its record.

    Args:
        data: the bytes that the record names.
        fake: the record.
        frame: the window of its pair.
        rules: the recipe's.

    Returns:
        The record with the digest of the pixels that came out, and the pixels at F as PNG; or why there are none.
    """
    try:
        pixels = upright(data, rules, fake.retrieved.rotation if fake.retrieved is not None else 0)
        reduced = reduce_scene(pixels, frame)
    except RejectedItem as rejected:
        return rejected
    return fake.model_copy(update={"native_sha256": _digest(pixels)}), png(reduced)


def _fake(
    screened: tuple[SourceImage, Pixels] | RejectedItem, config: RetrieveConfig, match: MatchedPair, frame: Frame
) -> tuple[Fake, bytes] | RejectedItem:
    if isinstance(screened, RejectedItem):
        return screened
    image, pixels = screened
    try:
        reduced = reduce_scene(pixels, frame)
    except RejectedItem as rejected:
        return rejected
    return record_of(image, pixels, config, match.similarity), png(reduced)


def record_of(image: SourceImage, pixels: Pixels, config: RetrieveConfig, similarity: float) -> Fake:
    """What is known of a retrieved fake.

    Args:
        image: as its source gave it.
        pixels: of the whole image, upright.
        config: the generator.
        similarity: of the pair's caption and the fake's prompt.

    Raises:
        ValueError: its source does not say what made it.
    """
    if image.made is None:
        raise ValueError(f"{image.source_id} is given as a real image")
    seed = image.made.settings.get("seed", 0)
    return Fake(
        generator=config.name,
        method=config.method,
        model=image.made.generator,
        license=config.license,
        prompt=image.made.prompt,
        negative_prompt=image.made.negative_prompt,
        seed=seed if isinstance(seed, int) and 0 <= seed < _LARGEST_SEED else 0,
        native_width=pixels.shape[1],
        native_height=pixels.shape[0],
        native_sha256=_digest(pixels),
        similarity=similarity,
        retrieved=image,
    )


def _digest(pixels: Pixels) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()
