"""A part of a dataset as a dataset of its own."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from manifests.accounts import with_rejects
from manifests.assembly import Part, assemble
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.index import read_index
from manifests.records import LABELS, Pair, Reason, Reject
from manifests.seeds import digest
from manifests.tombstones import read_tombstones

_FIELDS: dict[str, Callable[[Pair], str]] = {
    "split": lambda pair: pair.split,
    "view": lambda pair: pair.frame.view,
    "source": lambda pair: pair.image.source,
    "class": lambda pair: pair.image.class_label,
    "license": lambda pair: pair.image.license,
}


@dataclass(frozen=True)
class Filter:
    """Which pairs are taken: those that meet every condition.

    Attributes:
        conditions: field and the values that it may have.
        generators: the fakes that are taken, by generator; all when empty. A pair left with none is not taken; real
            images that stand alone are.
    """

    conditions: tuple[tuple[str, frozenset[str]], ...] = ()
    generators: frozenset[str] = frozenset()

    def apply(self, pair: Pair) -> Pair | None:
        """The pair as it is taken; None when it is not."""
        if not all(_FIELDS[field](pair) in values for field, values in self.conditions):
            return None
        if not self.generators:
            return pair
        if pair.is_single:
            return pair if pair.label == LABELS["real"] or pair.generator in self.generators else None
        fakes = {name: fake for name, fake in pair.fakes.items() if name in self.generators}
        members = {name: member for name, member in pair.members.items() if name == "real" or name in fakes}
        return pair.model_copy(update={"fakes": fakes, "members": members}) if fakes else None


def parse_filter(expressions: Sequence[str]) -> Filter:
    """The filter that expressions such as `split=train,validation` say; all of them have to hold.

    Raises:
        DatasetError: an expression has no value, or names no field.
    """
    conditions: list[tuple[str, frozenset[str]]] = []
    generators: frozenset[str] = frozenset()
    for expression in expressions:
        field, equals, text = expression.partition("=")
        values = frozenset(value.strip() for value in text.split(","))
        if not equals or field not in (*_FIELDS, "generator"):
            raise DatasetError(
                f"--where {expression}: expected FIELD=VALUE[,VALUE…], the fields being {', '.join(_FIELDS)}, generator."
            )
        if field == "generator":
            generators = generators & values if generators else values
        else:
            conditions.append((field, values))
    return Filter(tuple(conditions), generators)


def subset(dataset: Dataset, out: str, chosen: Filter, *, limit: int | None = None, name: str = "") -> Dataset:
    """Write a part of a finished dataset as a dataset of its own, every pair in the split where it was.

    What is left out stands in the rejects as `surplus`.

    Args:
        dataset: the whole.
        out: an empty or new folder.
        chosen: which pairs.
        limit: at most so many of them, by a hash of their names: a smaller limit takes a part of what a larger one takes.
        name: the new dataset's name; the whole's own when empty.

    Raises:
        DatasetError: the folder is not empty, nothing is left, or the dataset is damaged.
    """
    read_index(dataset.folder)
    tombstones = read_tombstones(dataset.folder)
    matching = (pair for pair in dataset.pairs() if not tombstones.covers(*pair.images) and chosen.apply(pair))
    ids = (pair.pair_id for pair in matching)
    taken = set(ids if limit is None else heapq.nsmallest(limit, ids, key=lambda pair_id: digest("subset", pair_id)))
    left_out = (
        Reject(key=pair.pair_id, stage="split", reason=Reason.SURPLUS, detail="left out of this subset")
        for pair in dataset.pairs()
        if pair.pair_id not in taken
    )
    header = dataset.header.model_copy(update={"name": name or dataset.header.name})
    part = Part(dataset, lambda pair: chosen.apply(pair) if pair.pair_id in taken else None)
    return assemble(out, [part], header, with_rejects(dataset.rejects(), left_out, "split"), tombstones)
