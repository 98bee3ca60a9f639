"""What was dropped on the way, counted by reason and paged, however long `rejects.jsonl` is."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

from pydantic import ValidationError

from manifests.dataset import Dataset
from manifests.errors import DatasetError, first_complaint
from manifests.records import Reject

REJECTS = "rejects.jsonl"
_STRIDE = 100


@dataclass
class _Lines:
    """The lines of one stage and reason: how many there are, and where every `_STRIDE`-th of them begins."""

    count: int = 0
    starts: "array[int]" = field(default_factory=lambda: array("Q"))


class Rejects:
    """The rejects of one dataset: read through once for the counts, then entered anywhere.

    Args:
        dataset: whose rejects.

    Raises:
        DatasetError: the file is missing, or a line is not a reject.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._lines: dict[tuple[str, str], _Lines] = {}
        offset = 0
        with dataset.open_file(REJECTS) as stream:
            for number, line in enumerate(stream, start=1):
                reject = self._parse(line, number)
                lines = self._lines.setdefault((reject.stage, str(reject.reason)), _Lines())
                if lines.count % _STRIDE == 0:
                    lines.starts.append(offset)
                lines.count += 1
                offset += len(line)

    def counts(self) -> Counter[tuple[str, str]]:
        """How many there are, by stage and reason."""
        return Counter({which: lines.count for which, lines in self._lines.items()})

    def page(self, stage: str, reason: str, start: int, size: int) -> list[Reject]:
        """The rejects of one stage and reason, from the number `start` on, `size` of them at most."""
        lines = self._lines.get((stage, reason))
        if lines is None or not 0 <= start < lines.count:
            return []
        found: list[Reject] = []
        skipped = start % _STRIDE
        with self._dataset.open_file(REJECTS) as stream:
            stream.seek(lines.starts[start // _STRIDE])
            for line in stream:
                reject = self._parse(line, 0)
                if (reject.stage, reject.reason) != (stage, reason):
                    continue
                if skipped:
                    skipped -= 1
                    continue
                found.append(reject)
                if len(found) == size:
                    break
        return found

    def _parse(self, line: bytes, number: int) -> Reject:
        try:
            return Reject.model_validate_json(line)
        except ValidationError as error:
            raise DatasetError(f"{self._dataset.root}/{REJECTS}, line {number}: {first_complaint(error)}.") from error
