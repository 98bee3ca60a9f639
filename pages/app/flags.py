"""Pairs that somebody has flagged: a list that `twinset takedown --ids` reads."""

from dataclasses import dataclass

from manifests.storage import Folder
from pages.app.notes import edit_lines, read_lines
from pages.app.text import shown

FLAGS = "flags.txt"
_LONGEST = 300


@dataclass(frozen=True)
class Flag:
    """One flagged pair, and what was said of it."""

    pair_id: str
    why: str


def read_flags(folder: Folder) -> list[Flag]:
    """The flagged pairs, in the order in which they were flagged."""
    flags = []
    why = ""
    for line in map(str.strip, read_lines(folder, FLAGS)):
        if line.startswith("#"):
            why = line.removeprefix("#").strip()
        elif line:
            flags.append(Flag(line, why))
            why = ""
    return flags


def flag(folder: Folder, pair_id: str, why: str) -> None:
    """Flag a pair; what is said of it stands as a comment above its id. One that is flagged already stays as it is.

    Raises:
        DatasetError: the list cannot be written.
    """
    comment = " ".join(shown(why, _LONGEST).split())
    said = [f"# {comment}"] if comment else []
    edit_lines(folder, FLAGS, lambda lines: lines if pair_id in lines else [*lines, *said, pair_id])


def unflag(folder: Folder, pair_id: str) -> None:
    """Take a pair from the list, with the comment above it.

    Raises:
        DatasetError: the list cannot be written.
    """

    def without(lines: list[str]) -> list[str]:
        kept: list[str] = []
        for line in lines:
            if line.strip() != pair_id:
                kept.append(line)
            elif kept and kept[-1].startswith("#"):
                kept.pop()
        return kept

    edit_lines(folder, FLAGS, without)
