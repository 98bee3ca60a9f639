"""Answers as a table that can be opened anywhere: no cell of it is taken for a formula."""

import csv
import io
from collections.abc import Iterable

from classifier.prediction import Answer
from manifests.tables import inert

COLUMNS = ("image", "verdict", "probability", "score", "reason", "detail")


def answers_csv(answers: Iterable[Answer]) -> bytes:
    """A CSV in UTF-8, with a mark at its beginning by which spreadsheets know that; what is not known is empty."""
    buffer = io.StringIO(newline="")
    # all is quoted: a lone carriage return would end the line for whoever reads it
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for answer in answers:
        row = answer.model_dump(mode="json")
        writer.writerow(["" if row[column] is None else inert(str(row[column])) for column in COLUMNS])
    return buffer.getvalue().encode("utf-8-sig", errors="backslashreplace")
