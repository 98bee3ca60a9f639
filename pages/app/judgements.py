"""What people have judged: a file a person, a line an image, under `judgements/` beside the dataset."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manifests.errors import DatasetError
from manifests.storage import Folder
from pages.app.notes import edit_lines, read_lines

FOLDER = "judgements"
_LONGEST_NAME = 40

Side = Literal["real", "fake"]


class Judgement(BaseModel):
    """One image, and what a person has said of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: str = Field(description="the name that was given")
    round: int = Field(ge=1, description="a person's rounds are counted from 1")
    number: int = Field(ge=0, description="of the image in its round, from 0")
    images: int = Field(ge=1, description="in the round")
    pair_id: str
    member: str = Field(description="`real`, a generator's name, or `image`")
    truth: Side
    answer: Side
    seconds: float = Field(ge=0, description="from the moment it was shown")
    at: datetime = Field(description="when it was answered")

    @property
    def is_right(self) -> bool:
        """Whether the answer is the truth."""
        return self.answer == self.truth


def moment() -> datetime:
    """This moment, for a judgement."""
    return datetime.now(UTC).replace(microsecond=0)


def file_name(person: str) -> str:
    """The file of a person: letters, digits and dashes of the name, so that it leads nowhere else.

    Raises:
        DatasetError: the name holds no letter or digit.
    """
    plain = unicodedata.normalize("NFC", person).strip()
    name = re.sub(r"[^\w]+", "-", plain).strip("-_")[:_LONGEST_NAME]
    if not name:
        raise DatasetError("Give a name that has a letter or digit in it.")
    return f"{name}.jsonl"


def add(folder: Folder, judgement: Judgement) -> None:
    """Write a judgement down.

    Raises:
        DatasetError: it cannot be written.
    """
    edit_lines(folder.child(FOLDER), file_name(judgement.person), lambda lines: [*lines, judgement.model_dump_json()])


def of_person(folder: Folder, person: str) -> list[Judgement]:
    """All judgements of a person, the first of each image; lines that are none are passed over."""
    return _parse(read_lines(folder.child(FOLDER), file_name(person)))


def of_all(folder: Folder) -> dict[str, list[Judgement]]:
    """All judgements by person, as the names are written."""
    found: dict[str, list[Judgement]] = {}
    place = folder.child(FOLDER)
    for name in place.names():
        if PurePosixPath(name).suffix == ".jsonl":
            for judgement in _parse(read_lines(place, name)):
                found.setdefault(judgement.person, []).append(judgement)
    return found


def finished(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Those of rounds that were gone through to their end."""
    counts: dict[int, int] = {}
    for judgement in judgements:
        counts[judgement.round] = counts.get(judgement.round, 0) + 1
    return [judgement for judgement in judgements if counts[judgement.round] >= judgement.images]


def open_round(judgements: Sequence[Judgement]) -> int:
    """The round that a person is to go on with: the latest where it has not come to its end, or the one after it."""
    latest = max((judgement.round for judgement in judgements), default=0)
    ended = {judgement.round for judgement in finished(judgements)}
    return latest if latest and latest not in ended else latest + 1


def _parse(lines: Sequence[str]) -> list[Judgement]:
    found: dict[tuple[int, int], Judgement] = {}
    for line in lines:
        try:
            judgement = Judgement.model_validate_json(line)
        except ValidationError:
            continue
        found.setdefault((judgement.round, judgement.number), judgement)
    return list(found.values())
