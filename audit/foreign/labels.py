"""What the values of a label column mean: read by name, see `manifests/labels.py`, or as a person says."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from manifests.errors import DatasetError
from manifests.labels import FAKE, REAL, label_of_class, label_of_name, plain_word

MAX_NAMES = 1000
"""A column with more different values holds no labels."""

_NUMBERS = {"0": 0, "1": 1, "false": 0, "true": 1}
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Labels:
    """What the values of a label column mean.

    Attributes:
        meanings: label of each value: 0 real, 1 fake.
        note: what a person should know about how they were read; empty when they were read by name.
    """

    meanings: Mapping[str, int]
    note: str = ""


def read_labels(values: Collection[str], *, column: str, place: str, given: Mapping[str, int]) -> Labels:
    """What the values of a label column mean: as it is given, else by name, else (numbers without names) by number.

    Args:
        values: the different values.
        column: the column's name: `is_real` says what a 1 means, `label` does not.
        place: the dataset, for errors.
        given: labels of names, which go before what the names mean in general.

    Raises:
        DatasetError: a value means neither real nor fake.
    """
    if not given and {value.casefold() for value in values} <= set(_NUMBERS):
        return _by_number(values, column)
    meanings = {value: given.get(value, label_of_name(value)) for value in values}
    unknown = sorted(value for value, label in meanings.items() if label is None)
    if unknown:
        shown = ", ".join(repr(value) for value in unknown[:_SHOWN]) + (", ..." if len(unknown) > _SHOWN else "")
        raise DatasetError(
            f"{place}: column {column!r}: these labels are not known to mean real or fake: {shown}; say what each of "
            f"them means with label names, such as {_example(unknown[0])}, or name another label column"
        )
    return Labels({value: label for value, label in meanings.items() if label is not None})


def parse_label_names(texts: Iterable[str]) -> dict[str, int]:
    """Label names as a person writes them: `NAME=real` or `NAME=fake`, one a text.

    Raises:
        DatasetError: a text is of another form, or contradicts an earlier one.
    """
    names: dict[str, int] = {}
    for text in texts:
        name, equals, meaning = text.rpartition("=")
        label = {"real": REAL, "fake": FAKE}.get(meaning.strip().casefold())
        if not equals or label is None:
            raise DatasetError(f"label name {text!r}: expected NAME=real or NAME=fake, such as photo=real")
        if names.setdefault(name.strip(), label) != label:
            raise DatasetError(f"label name {name.strip()!r}: given as real and as fake; expected one of them")
    return names


def _by_number(values: Collection[str], column: str) -> Labels:
    meaning_of_one = label_of_class(plain_word(column).removeprefix("is"))
    one = FAKE if meaning_of_one is None else meaning_of_one
    note = f"column {column!r} has numbers and no names: they were read as 0 = real, 1 = fake"
    meanings = {value: one if _NUMBERS[value.casefold()] else 1 - one for value in values}
    return Labels(meanings, note if meaning_of_one is None else "")


def _example(name: str) -> str:
    return f"{name}=fake"
