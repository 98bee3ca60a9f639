"""What a cell of a column of generators says: who made the image, or that nobody generated it."""

from manifests.errors import SourceError, printable
from manifests.labels import REAL, generator_name, label_of_class

_NOTHING = frozenset({"", "-", "n/a", "na", "nan", "none", "null"})  # as tables of many programs write an empty cell


def says_real(said: str) -> bool:
    """Whether a cell says in so many words that the image is real."""
    return label_of_class(said) == REAL


def generator_of(said: str, place: str) -> str:
    """The name of a generator as records have it; empty for an empty cell, and for one that says that the image is real.

    Args:
        said: the cell.
        place: file, row and column, for the error.

    Raises:
        SourceError: the cell is no name.
    """
    if said.strip().casefold() in _NOTHING or says_real(said):
        return ""
    name = generator_name(said)
    if not name:
        raise SourceError(f"{place}: {printable(said[:40])!r} holds no letter from a to z and no digit; correct it")
    return name
