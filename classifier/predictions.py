"""A detector's scores, one row an image: `predictions.parquet`."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from classifier.shards import EncodedPair
from manifests.records import LABELS, REAL, Split

SCHEMA = pa.schema(
    [
        ("pair_id", pa.string()),
        ("member", pa.string()),  # `real`, or the generator's name
        ("split", pa.string()),
        ("label", pa.int8()),  # 0 real, 1 fake
        ("score", pa.float32()),  # probability of fake
        ("view", pa.string()),
        ("source", pa.string()),
        ("class_label", pa.string()),
        ("group", pa.string()),  # images of one group are not independent of one another
    ]
)


@dataclass(frozen=True)
class Predictions:
    """Scores of images of one or more splits; a table with the columns of `SCHEMA`."""

    table: pa.Table

    @classmethod
    def of_pairs(cls, split: Split, scored: Iterable[tuple[EncodedPair, dict[str, float]]]) -> "Predictions":
        """Gather the scores of some pairs, given by member."""
        rows = [
            {
                "pair_id": pair.pair_id,
                "member": member,
                "split": split,
                "label": LABELS["real" if member == REAL else "fake"],
                "score": score,
                "view": pair.view,
                "source": pair.source,
                "class_label": pair.class_label,
                "group": pair.group,
            }
            for pair, scores in scored
            for member, score in scores.items()
        ]
        return cls(pa.Table.from_pylist(rows, schema=SCHEMA))

    def to_parquet(self) -> bytes:
        """The rows as a Parquet file; the same rows give the same bytes."""
        buffer = io.BytesIO()
        pq.write_table(self.table, buffer, compression="zstd")
        return buffer.getvalue()

    def followed_by(self, other: "Predictions") -> "Predictions":
        """These rows, then those of another."""
        return Predictions(pa.concat_tables([self.table, other.table]).combine_chunks())

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(np.unique(self.text("pair_id")))

    @property
    def clusters(self) -> NDArray[np.intp]:
        """(n,): a number for each group: of a real in all views with its fakes, or of images that stand alone."""
        return np.unique(self.text("group"), return_inverse=True)[1]

    @property
    def labels(self) -> NDArray[np.int8]:
        """(n,): 0 real, 1 fake."""
        labels: NDArray[np.int8] = self.table["label"].to_numpy()
        return labels

    @property
    def scores(self) -> NDArray[np.float32]:
        """(n,): probability of fake."""
        scores: NDArray[np.float32] = self.table["score"].to_numpy()
        return scores

    def text(self, column: str) -> NDArray[np.str_]:
        """(n,): one of the text columns."""
        return np.asarray(self.table[column].to_pylist(), dtype=np.str_)

    def where(self, chosen: NDArray[np.bool_]) -> "Predictions":
        """Some of the rows.

        Args:
            chosen: (n,): which.
        """
        return Predictions(self.table.filter(pa.array(chosen)))
