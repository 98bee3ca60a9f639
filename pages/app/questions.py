"""Which images a person is shown: drawn by the person's name and round, as many reals as fakes in the long run."""

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from classifier.report import PREDICTIONS
from manifests.errors import DatasetError
from manifests.records import IMAGE, REAL
from manifests.seeds import fraction
from pages.app.catalogue import Row
from pages.app.context import AppContext
from pages.app.judgements import Side

_TRIES = 50


@dataclass(frozen=True)
class Question:
    """One image to judge."""

    pair_id: str
    shard: str
    member: str
    truth: Side


@dataclass(frozen=True)
class Scored:
    """The images that the detector has scored: their pairs, members and labels; the test split where there is one."""

    table: pa.Table

    @classmethod
    def of(cls, context: AppContext) -> "Scored | None":
        """Those of the training on this dataset; None where there was none."""
        if context.detector is None:
            return None
        with context.detector.open(PREDICTIONS) as stream:
            table = pq.read_table(stream, columns=["pair_id", "member", "split", "label"])
        test = table.filter(pc.equal(table["split"], "test"))
        return cls(test if test.num_rows else table) if table.num_rows else None

    def draw(self, side: Side, place: float) -> tuple[str, str]:
        """The pair id and member at a place, from 0 to 1, among the images of one side."""
        rows = self.table.filter(pc.equal(self.table["label"], int(side == "fake")))
        rows = rows if rows.num_rows else self.table
        row = rows.slice(int(place * rows.num_rows), 1).to_pylist()[0]
        return row["pair_id"], row["member"]


def draw(context: AppContext, person: str, number: int, round_number: int, seen: Collection[str]) -> Question:
    """The image that stands at a number of a person's round.

    Where a detector was trained on the dataset, its test images are asked, so that the two can be compared.

    Args:
        context: the dataset.
        person: whose round.
        number: of the image in the round, from 0.
        round_number: of the round, from 1.
        seen: pairs of which the person has seen an image already: another one would give the answer away.

    Raises:
        DatasetError: the person has seen all there is.
    """
    scored = Scored.of(context)
    for attempt in range(_TRIES):
        name = ("judge", person, round_number, number, attempt)
        side: Side = "real" if fraction(*name, "side") < 0.5 else "fake"
        place = fraction(*name, "place")
        if scored is not None:
            pair_id, member = scored.draw(side, place)
            row = context.catalogue.find(pair_id)
        else:
            row = context.catalogue.at(int(place * context.catalogue.total))
            member = _member(row, side, fraction(*name, "member"))
        if row is not None and row.pair_id not in seen:
            return Question(row.pair_id, row.shard, member, _truth(row, member))
    raise DatasetError("You have seen all pairs, or nearly. Judge another dataset.")


def _member(row: Row, side: Side, place: float) -> str:
    """The name of a pair's member of one side."""
    if row.framing == "single":
        return IMAGE
    generators = row.generators.split(",") if row.generators else []
    return REAL if side == "real" or not generators else generators[int(place * len(generators))]


def _truth(row: Row, member: str) -> Side:
    # of an image that stands alone the column says what made it, if anything did
    is_fake = bool(row.generators) if member == IMAGE else member != REAL
    return "fake" if is_fake else "real"
