"""The images of pairs, read out of the shards one by one."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import IMAGE, REAL
from manifests.spans import Span, index_shard

_IMAGES_REMEMBERED = 200_000
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Member:
    """One image of a pair.

    Attributes:
        name: `real` or its generator's name; `image` where it stands alone.
        data: its encoded bytes, not to be trusted.
    """

    name: str
    data: bytes

    @property
    def is_real(self) -> bool:
        """Whether it is the real side of a pair."""
        return self.name == REAL


class Members:
    """Reads members by their place; a shard is looked through when one of its images is first asked for.

    Args:
        dataset: whose shards.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._folder = dataset.folder.child("shards")
        self._shards = frozenset(shard.name for shard in dataset.header.shards)
        self._spans: OrderedDict[str, Mapping[str, Mapping[str, Span]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, shard: str, pair_id: str) -> list[Member]:
        """All images of a pair, the real one first.

        Raises:
            DatasetError: the shard is missing or damaged, or holds no such pair.
        """
        place = f"{self._folder}/{shard}"
        spans = self._index(shard).get(pair_id)
        if spans is None:
            raise DatasetError(f"{place}: holds no pair {pair_id}. Run `twinset verify` on the dataset.")
        names = sorted(spans, key=lambda name: (name not in (REAL, IMAGE), name))
        return [Member(name, self._read(shard, spans[name])) for name in names]

    def one(self, shard: str, pair_id: str, name: str) -> Member:
        """One image of a pair.

        Raises:
            DatasetError: there is none.
        """
        span = self._index(shard).get(pair_id, {}).get(name)
        if span is None:
            raise DatasetError(f"{self._folder}/{shard}: holds no image {pair_id}.{name}.")
        return Member(name, self._read(shard, span))

    def _read(self, shard: str, span: Span) -> bytes:
        if span.size > _LARGEST:
            raise DatasetError(
                f"{self._folder}/{shard}: an image of {span.size:,} bytes, at most {_LARGEST:,} are shown."
            )
        return self._folder.read_range(shard, span.offset, span.size)

    def _index(self, shard: str) -> Mapping[str, Mapping[str, Span]]:
        if shard not in self._shards:
            raise DatasetError(f"{self._folder}: {shard!r:.100} is none of the dataset's shards.")
        with self._lock:
            if (found := self._spans.get(shard)) is not None:
                self._spans.move_to_end(shard)
                return found
        try:
            with self._folder.open(shard) as stream:
                made = index_shard(stream, f"{self._folder}/{shard}")
        except FileNotFoundError:
            raise DatasetError(
                f"{self._folder}/{shard}: missing. Build the dataset again, or fetch it whole."
            ) from None
        with self._lock:
            self._spans[shard] = made
            while len(self._spans) > 1 and self._remembered() > _IMAGES_REMEMBERED:
                self._spans.popitem(last=False)
        return made

    def _remembered(self) -> int:
        return sum(len(spans) for spans in self._spans.values()) * 3
