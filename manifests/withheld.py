"""What a published dataset says of pairs whose pixels it does not hold: `complete.jsonl` and `withheld.csv`."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from manifests import canonical
from manifests.accounts import used_tables
from manifests.cards import WITHHELD
from manifests.dataset import Dataset, parse_header
from manifests.datasheet import Withheld
from manifests.header import Header
from manifests.records import Pair, Terms
from manifests.storage import Folder
from manifests.tables import CREDITS, credits_of
from manifests.terms import is_open, terms_of_pair
from manifests.tombstones import Tombstones

COMPLETE = "complete.jsonl"
"""The manifest of all pairs, where some are published without their pixels: what `twinset rebuild` reads."""


def write_withheld(folder: Folder, pairs: Iterable[Pair]) -> None:
    """Write `withheld.csv`: a line for each of the pairs that is published without its pixels."""
    with folder.create(WITHHELD) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(("pair_id", "terms", "sha256", *CREDITS))
        for pair in pairs:
            if not is_open(pair):
                writer.writerow((pair.pair_id, terms_of_pair(pair), pair.image.sha256, *credits_of(pair.image)))
        text.detach()


@dataclass(frozen=True)
class Complete:
    """The manifest of all pairs of a published dataset, those without pixels among them.

    Attributes:
        dataset: what was published.
        header: the manifest's first line.
    """

    dataset: Dataset
    header: Header

    @classmethod
    def of(cls, dataset: Dataset) -> Self | None:
        """None where nothing is withheld.

        Raises:
            DatasetError: it is damaged.
        """
        if dataset.folder.size(COMPLETE) is None:
            return None
        with dataset.open_file(COMPLETE) as stream:
            return cls(dataset, parse_header(stream.readline(), f"{dataset.folder}/{COMPLETE}"))

    def pairs(self) -> Iterator[Pair]:
        """All pairs, in the manifest's order.

        Raises:
            DatasetError: a line is not a pair; the message names it.
        """
        return self.dataset.records(COMPLETE, Pair, first=2)

    def write_without(self, tombstones: Tombstones, staged: Folder) -> tuple[Withheld | None, dict[str, int]]:
        """Write both files anew, without the pairs of images that were taken down; neither where nothing is withheld then.

        Returns:
            What is withheld then, and how many records the files hold, by relative path.
        """

        def kept() -> Iterator[Pair]:
            return (pair for pair in self.pairs() if not tombstones.covers(*pair.images))

        by_shard: Counter[str] = Counter()
        terms: Counter[Terms] = Counter()
        for pair in kept():
            by_shard[pair.shard] += 1
            if not is_open(pair):
                terms[terms_of_pair(pair)] += 1
        if not terms:
            return None, {}
        sizes = ((shard, by_shard[shard.name]) for shard in self.header.shards)
        shards = [shard.model_copy(update={"pairs": size}) for shard, size in sizes if size]
        header = self.header.model_copy(update={"shards": shards, "jpeg_tables": used_tables(self.header, kept())})
        with staged.create(COMPLETE) as stream:
            stream.write(canonical.dumps(header) + b"\n")
            for pair in kept():
                stream.write(canonical.dumps(pair) + b"\n")
        write_withheld(staged, kept())
        counts = {COMPLETE: 1 + by_shard.total(), WITHHELD: terms.total()}
        return Withheld(dict(terms), by_shard.total()), counts
