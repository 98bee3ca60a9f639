"""Each pair against itself and the header: names, members, generators, shard, quantisation tables."""

from collections.abc import Iterator
from typing import Any

from manifests.header import Header, ShardInfo
from manifests.records import IMAGE, LABELS, REAL, Pair
from manifests.verify.findings import Finding
from manifests.verify.recipes import tables_of

MANIFEST = "manifest.jsonl"


class PairChecks:
    """Checks the pairs of a manifest one after the other.

    Args:
        header: the manifest's header.

    Attributes:
        pair_ids: ids of the pairs so far.
        keys: keys of the images that they begin with; of a single view these may be fakes or prompts.
        reals: number of real images among these.
    """

    def __init__(self, header: Header) -> None:
        self._header = header
        self._shards: dict[str, ShardInfo] = {shard.name: shard for shard in header.shards}
        self._generators = _generators_of_views(header)
        self.pair_ids: set[str] = set()
        self.keys: set[str] = set()
        self.reals = 0

    def check(self, pair: Pair, number: int) -> Iterator[Finding]:
        """What is wrong with one pair, which stands in line `number`."""
        for text in self._complaints(pair):
            yield Finding(file=MANIFEST, place=f"line {number}", text=text)
        self.pair_ids.add(pair.pair_id)
        if pair.image.key not in self.keys:
            self.keys.add(pair.image.key)
            self.reals += pair.image.is_real

    def _complaints(self, pair: Pair) -> Iterator[str]:
        if pair.pair_id in self.pair_ids:
            yield f"pair_id: {pair.pair_id} stands in an earlier line, too"
        if pair.image.key != pair.image.sha256[:16]:
            yield f"image.key: {pair.image.key}, expected {pair.image.sha256[:16]}, the beginning of its sha256"
        if pair.pair_id != f"{pair.image.key}-{pair.frame.view}":
            yield f"pair_id: {pair.pair_id}, expected {pair.image.key}-{pair.frame.view}"
        yield from self._whole(pair)
        yield from self._placed(pair)
        for field, digest in (("facts.jpeg_tables", pair.facts.jpeg_tables), ("jpeg_tables", pair.jpeg_tables)):
            if digest and digest not in self._header.jpeg_tables:
                yield f"{field}: the header holds no tables {digest}"

    def _whole(self, pair: Pair) -> Iterator[str]:
        expected = self._generators.get(pair.frame.view)
        if expected is None:
            yield f"frame.view: the header knows no view {pair.frame.view}"
        elif set(pair.fakes) != expected:
            yield f"fakes: {_listed(pair.fakes)}, expected {_listed(expected)}"
        if pair.is_single and pair.image.is_prompt != bool(pair.fakes):
            yield f"fakes: {_listed(pair.fakes)}, but only what stands for a prompt is generated"
        wanted = {IMAGE} if pair.is_single else {*pair.fakes, REAL}
        if set(pair.members) != wanted:
            yield f"members: {_listed(pair.members)}, expected {_listed(wanted)}"
        for name, fake in pair.fakes.items():
            if fake.generator != name or name in LABELS:
                yield f"fakes.{name}.generator: {fake.generator}, expected {name}"

    def _placed(self, pair: Pair) -> Iterator[str]:
        shard = self._shards.get(pair.shard)
        if shard is None:
            yield f"shard: the header knows no shard {pair.shard}"
        elif (shard.split, shard.view) != (pair.split, pair.frame.view):
            yield (
                f"shard: {pair.shard} is of split {shard.split} and view {shard.view}, "
                f"the pair of {pair.split} and {pair.frame.view}"
            )


def _generators_of_views(header: Header) -> dict[str, set[str]]:
    """The generators that a pair of each view has: of the dataset's, those that the recipe's view asks for, else all."""
    there = set(header.generators)  # fewer than the recipe's where the dataset is a part of another
    named = {
        view["name"]: set(view["generators"])
        for view in tables_of(header, "views")
        if isinstance(view.get("generators"), list) and isinstance(view.get("name"), str)
    }
    return {view: named.get(view, there) & there for view in header.views}


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
