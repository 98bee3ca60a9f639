"""Some of a dataset's fakes made again from their manifest lines alone, and compared with what the dataset holds."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from flows.rebuilding.align import recorded_history
from flows.rebuilding.outcome import CLOSE, psnr
from flows.recipe import Recipe, located, parse_recipe
from generation.config import GeneratorConfig, RetrieveConfig
from manifests.dataset import Dataset
from manifests.errors import DatasetError, RejectedItem
from manifests.records import IMAGE, Pair, Record, SourceImage
from manifests.shards import read_shard
from manifests.verify.recipes import recipes_of
from pixels.align import align_pair, align_single
from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.encode import png
from pixels.frame import cut, framed_from_region

if TYPE_CHECKING:
    from generation.replay import ReplayRequest
    from generation.requests import Generated

RealBytes = Callable[[SourceImage], bytes | None]


class RemadeFake(Record):
    """One fake that was made again.

    The verdicts: `identical` has the recorded native pixels; `close` and `different` are a question of the final
    members, compared after the same alignment (close: a PSNR of at least 45 dB); `not-checked` says why not.
    """

    pair_id: str
    generator: str
    verdict: Literal["identical", "close", "different", "not-checked"]
    max_difference: int | None = Field(default=None, description="levels of 255, final members")
    mean_difference: float | None = Field(default=None, description="levels of 255, final members")
    psnr: float | None = Field(default=None, description="dB, final members; 100: equal pixels")
    detail: str = ""


def draw(dataset: Dataset, count: int, seed: int) -> list[tuple[Pair, str]]:
    """Draw fakes of a dataset at random, each with equal chance (reservoir sampling: the manifest is read once).

    Returns:
        Pair and generator, in the manifest's order; all there are where there are no more than `count`.
    """
    rng = random.Random(seed)
    kept: list[tuple[int, Pair, str]] = []
    fakes = ((pair, name) for pair in dataset.pairs() for name in sorted(pair.fakes))
    for number, (pair, name) in enumerate(fakes):
        if len(kept) < count:
            kept.append((number, pair, name))
        elif (place := rng.randrange(number + 1)) < count:
            kept[place] = (number, pair, name)
    return [(pair, name) for _, pair, name in sorted(kept, key=lambda entry: entry[0])]


@dataclass(frozen=True)
class Regeneration:
    """Makes fakes of one dataset again.

    Attributes:
        dataset: the dataset.
        base: the folder that the recipe's relative model paths start from.
        reals: the bytes of a real image, where they are at hand.
        device: where the models run.
    """

    dataset: Dataset
    base: Path
    reals: RealBytes
    device: str

    def run(self, drawn: Sequence[tuple[Pair, str]]) -> Iterator[RemadeFake]:
        """Make fakes again, one generator after the other.

        Raises:
            ModelError: a model is not at hand, or not the recorded one.
            RecipeError: the header's recipe is not one of ours.
        """
        place = f"{self.dataset.folder}/manifest.jsonl, line 1"
        recipes = [parse_recipe(recipe, place) for recipe in recipes_of(self.dataset.header)]
        for name in self.dataset.header.generators:
            pairs = [pair for pair, drawn_name in drawn if drawn_name == name]
            if pairs:
                recipe = _recipe_with(name, recipes, place)
                yield from self._of(recipe.generator(name), pairs, recipe)

    def _of(self, generator: GeneratorConfig, pairs: Sequence[Pair], recipe: Recipe) -> Iterator[RemadeFake]:
        from generation.replay import open_replayer

        if isinstance(generator, RetrieveConfig):
            detail = "retrieved, not generated: whoever made it has the model"
            yield from (_verdict(pair, generator, "not-checked", detail) for pair in pairs)
            return
        asked: list[ReplayRequest] = []
        for pair in pairs:
            request = self._request(pair, generator, recipe)
            if isinstance(request, RemadeFake):
                yield request
            else:
                asked.append(request)
        replayer = open_replayer(located(generator, self.base), self.device)
        arranged = replayer.arranged(asked)
        answers = (answer for batch in replayer.replay(arranged) for answer in batch)
        by_id = {pair.pair_id: pair for pair in pairs}
        unequal: list[tuple[Pair, Generated]] = []
        for request, answer in zip(arranged, answers, strict=True):
            pair = by_id[request.pair_id]
            if isinstance(answer, RejectedItem):
                yield _verdict(pair, generator, "different", detail=f"{answer.reason}: {answer.detail}")
            elif answer.fake.native_sha256 == pair.fakes[generator.name].native_sha256:
                yield _verdict(pair, generator, "identical")
            else:
                unequal.append((pair, answer))
        members = self._members([pair for pair, _ in unequal], generator.name)
        for pair, made in unequal:
            yield self._compared(pair, made, members[pair.pair_id], generator, recipe)

    def _request(self, pair: Pair, generator: GeneratorConfig, recipe: Recipe) -> "ReplayRequest | RemadeFake":
        """What the generator is asked; a verdict where it cannot be asked."""
        from generation.replay import ReplayRequest

        fake = pair.fakes[generator.name]
        if generator.method == "text-to-image":
            return ReplayRequest(pair.pair_id, fake, None)
        data = self.reals(pair.image)
        if data is None:
            return _verdict(pair, generator, "not-checked", detail="the real's bytes are not here")
        try:
            stored = decode(data, max_pixels=recipe.screen.max_pixels)
            return ReplayRequest(pair.pair_id, fake, cut(stored, pair.facts, pair.frame).region)
        except (RejectedItem, ValueError) as error:
            return _verdict(pair, generator, "not-checked", detail=f"the real cannot be framed ({error})")

    def _members(self, pairs: Sequence[Pair], generator: str) -> dict[str, bytes]:
        """The final fakes that the shards hold, by pair."""
        wanted: dict[str, dict[str, str]] = defaultdict(dict)
        for pair in pairs:
            wanted[pair.shard][pair.pair_id] = IMAGE if pair.is_single else generator
        members = {}
        for shard, names in wanted.items():
            with self.dataset.open_file(f"shards/{shard}") as stream:
                for sample in read_shard(stream, f"{self.dataset.folder}/shards/{shard}"):
                    if names.get(sample.key) in sample.members:
                        members[sample.key] = sample.members[names[sample.key]]
        if missing := {pair.pair_id for pair in pairs} - members.keys():
            raise DatasetError(
                f"{self.dataset.folder}: no {generator} of {min(missing)} in its shards. Fetch it again."
            )
        return members

    def _compared(
        self, pair: Pair, made: "Generated", member: bytes, generator: GeneratorConfig, recipe: Recipe
    ) -> RemadeFake:
        detail = _circumstances(pair, made)
        try:
            now = decode(self._final(pair, made.pixels, generator.name, recipe))
        except (RejectedItem, ValueError, KeyError) as error:
            return _verdict(pair, generator, "different", detail=f"cannot be aligned ({error})")
        original = decode(member)
        if now.shape != original.shape:
            return _verdict(pair, generator, "different", detail=f"shape {now.shape}, the dataset's {original.shape}")
        difference = np.abs(now.astype(np.int16) - original)
        level = psnr(original, now)
        return RemadeFake(
            pair_id=pair.pair_id,
            generator=generator.name,
            verdict="close" if level >= CLOSE else "different",
            max_difference=int(difference.max()),
            mean_difference=float(difference.mean()),
            psnr=level,
            detail=detail,
        )

    def _final(self, pair: Pair, native: Pixels, generator: str, recipe: Recipe) -> bytes:
        """The final member that becomes of native pixels. A fake's alignment asks nothing of the real's pixels."""
        if recipe.alignment.mode == "naive":
            return png(native)
        if pair.is_single:
            return align_single(native, pair.frame, pair.encoding)
        # so the fake may stand in the real's place
        framed = framed_from_region(native, pair.frame)
        history = recorded_history(pair, self.dataset.header)
        return align_pair(framed, {generator: native}, pair.facts, pair.frame, history, pair.encoding)[generator]


def _recipe_with(generator: str, recipes: Sequence[Recipe], place: str) -> Recipe:
    """The first recipe that has a generator of that name: merged datasets agree in what it is."""
    for recipe in recipes:
        if any(known.name == generator for known in recipe.generators):
            return recipe
    raise DatasetError(f"{place}: no recipe has the generator {generator}, so its fakes cannot be made again.")


def _verdict(
    pair: Pair, generator: GeneratorConfig, verdict: Literal["identical", "different", "not-checked"], detail: str = ""
) -> RemadeFake:
    return RemadeFake(pair_id=pair.pair_id, generator=generator.name, verdict=verdict, detail=detail)


def _circumstances(pair: Pair, made: "Generated") -> str:
    """What was otherwise when the fake was first made."""
    then, now = pair.fakes[made.fake.generator], made.fake
    names = sorted(then.versions.keys() | now.versions.keys())
    changes = [
        f"{name} {then.versions.get(name, 'none')} then, {now.versions.get(name, 'none')} now"
        for name in names
        if then.versions.get(name) != now.versions.get(name)
    ]
    if then.device != now.device:
        changes.append(f"{then.device} then, {now.device} now")
    return "; ".join(changes)
