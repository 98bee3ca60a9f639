"""Two datasets compared by their manifests: settings, pairs that came, went or changed, and moves between splits."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from manifests import canonical
from manifests.dataset import Dataset
from manifests.header import Header
from manifests.records import Pair, Record, Split

T = TypeVar("T")

_BYTES = 8
"""Of each digest: 64 bits suffice to tell two values of one field of one pair apart."""

_ELSEWHERE = frozenset({"pair_id", "split", "shard", "fakes", "members"})
"""Fields that are not compared as they stand: the split is told apart, the shard is where a pair happens to lie."""

_SETTINGS = ("name", "salt", "generators", "views", "pairs_per_shard", "encoders", "twinset", "schema_version")


class Setting(Record):
    """One setting that differs; as JSON, `null` where a dataset does not have it."""

    path: str
    a: Any
    b: Any


class Changed(Record):
    """One pair that both have and that differs."""

    pair_id: str
    fields: tuple[str, ...]


class Move(Record):
    """One pair in another split."""

    pair_id: str
    a: Split
    b: Split


class Difference(Record):
    """How two datasets differ; the lists hold examples, the counts count all."""

    settings: tuple[Setting, ...]
    pairs: tuple[int, int]
    only_a: int
    only_b: int
    changed: int
    moved: int
    fields: dict[str, int]
    moves: dict[str, int]
    examples_a: tuple[str, ...]
    examples_b: tuple[str, ...]
    examples_changed: tuple[Changed, ...]
    examples_moved: tuple[Move, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the datasets are equal in all that is compared."""
        return not (self.settings or self.only_a or self.only_b or self.changed or self.moved)


@dataclass(frozen=True)
class _Sketch:
    """What is kept of a pair of A until B's is met: names are shared among pairs, digests are short."""

    split: Split
    names: tuple[str, ...]
    digests: bytes

    def differing(self, other: "_Sketch") -> tuple[str, ...]:
        """Names of what differs."""
        mine, theirs = dict(self.entries()), dict(other.entries())
        return tuple(sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)))

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """Names and digests."""
        for number, name in enumerate(self.names):
            yield name, self.digests[number * _BYTES : (number + 1) * _BYTES]


def diff(a: Dataset, b: Dataset, *, examples: int = 10) -> Difference:
    """Compare two datasets by their manifests.

    Args:
        a: one dataset.
        b: the other.
        examples: how many pairs of each kind are named.

    Raises:
        DatasetError: a manifest is damaged.
    """
    names: dict[tuple[str, ...], tuple[str, ...]] = {}
    left = {pair.pair_id: _sketch(pair, names) for pair in a.pairs()}
    pairs = (len(left), sum(shard.pairs for shard in b.header.shards))
    only_b, changed, moved = _Examples[str](examples), _Examples[Changed](examples), _Examples[Move](examples)
    fields: Counter[str] = Counter()
    moves: Counter[str] = Counter()
    for pair in b.pairs():
        mine, theirs = left.pop(pair.pair_id, None), _sketch(pair, names)
        if mine is None:
            only_b.add(pair.pair_id)
            continue
        if differing := mine.differing(theirs):
            fields.update(differing)
            changed.add(Changed(pair_id=pair.pair_id, fields=differing))
        if mine.split != theirs.split:
            moves[f"{mine.split} to {theirs.split}"] += 1
            moved.add(Move(pair_id=pair.pair_id, a=mine.split, b=theirs.split))
    return Difference(
        settings=tuple(_settings(a.header, b.header)),
        pairs=pairs,
        only_a=len(left),
        only_b=only_b.count,
        changed=changed.count,
        moved=moved.count,
        fields=dict(sorted(fields.items())),
        moves=dict(sorted(moves.items())),
        examples_a=tuple(sorted(left)[:examples]),
        examples_b=tuple(only_b.kept),
        examples_changed=tuple(changed.kept),
        examples_moved=tuple(moved.kept),
    )


class _Examples(Generic[T]):
    """Counts all, keeps the first few."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.count = 0
        self.kept: list[T] = []

    def add(self, example: T) -> None:
        self.count += 1
        if len(self.kept) < self._limit:
            self.kept.append(example)


def _sketch(pair: Pair, names: dict[tuple[str, ...], tuple[str, ...]]) -> _Sketch:
    parts = _parts(pair)
    own = tuple(parts)
    digests = b"".join(hashlib.sha256(canonical.dumps(part)).digest()[:_BYTES] for part in parts.values())
    return _Sketch(pair.split, names.setdefault(own, own), digests)


def _parts(pair: Pair) -> dict[str, Any]:
    """What is compared of a pair: its fields, each fake and each member apart."""
    record = pair.model_dump(mode="json")
    parts = {name: value for name, value in record.items() if name not in _ELSEWHERE}
    for table in ("fakes", "members"):
        parts |= {f"{table}.{name}": value for name, value in record[table].items()}
    return dict(sorted(parts.items()))


def _settings(a: Header, b: Header) -> Iterator[Setting]:
    left, right = ({name: getattr(header, name) for name in _SETTINGS} | {"recipe": header.recipe} for header in (a, b))
    mine, theirs = dict(_flat(left)), dict(_flat(right))
    for path in sorted(mine.keys() | theirs.keys()):
        if mine.get(path) != theirs.get(path):
            yield Setting(path=path, a=mine.get(path), b=theirs.get(path))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested tables and lists, by dotted path. Tables of a list go by their name, where they have one."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _flat(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        for number, part in enumerate(value):
            yield from _flat(part, f"{path}.{part.get('name', number)}")
    else:
        yield path, value
