"""Which column of a table says what: publishers use a handful of names for the same thing."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from audit.foreign.labels import MAX_NAMES
from manifests.errors import DatasetError
from manifests.labels import FAKE, is_generator, split_of

PATH_COLUMNS = ("path", "image_path", "file_path", "filepath", "file_name", "filename", "file", "image")
_COLUMNS = {
    "generator": ("generator", "model", "model_name"),
    "source": ("source", "real_source"),
    "split": ("split",),
    "caption": ("caption", "prompt", "text"),
    "class_label": ("class", "class_label", "class_name", "category"),
}


def find_column(names: Sequence[str], wanted: Iterable[str]) -> str | None:
    """The first of the wanted columns that is there; case counts only where two columns differ by nothing else."""
    folded = {name.casefold(): name for name in reversed(names)}
    for column in wanted:
        if column in names:
            return column
        if column.casefold() in folded:
            return folded[column.casefold()]
    return None


def require_label_column(names: Sequence[str], column: str, place: str) -> str:
    """The label column, as the table spells it.

    Raises:
        DatasetError: there is no such column.
    """
    found = find_column(names, [column])
    if found is None:
        raise DatasetError(
            f"{place}: no label column {column!r} among the columns {', '.join(names)}; name the one that tells "
            "reals from fakes (--label-column)"
        )
    return found


def find_details(names: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Column of each field of `ForeignItem` that the table has beside name, data and label."""
    free = [name for name in names if name not in taken]
    found = {field: find_column(free, wanted) for field, wanted in _COLUMNS.items()}
    return {field: column for field, column in found.items() if column is not None}


def details(cells: Mapping[str, str], label: int, label_name: str) -> dict[str, str]:
    """The fields of `ForeignItem` that a row's cells give.

    Args:
        cells: text by field, of the columns that `find_details` found.
        label: 0 or 1.
        label_name: the label in the dataset's own words, which may be the generator's name.
    """
    fields = dict(cells)
    fields["split"] = split_of(fields.get("split", "")) or fields.get("split", "")
    if label != FAKE:
        fields["generator"] = ""  # such columns say "real" or "none" there, each publisher in another word
    elif not fields.get("generator"):
        fields["generator"] = label_name if is_generator(label_name) else ""
    return fields


def add_value(values: dict[str, int], value: str, times: int, place: str) -> None:
    """Count a label value.

    Raises:
        DatasetError: so many different values are no labels.
    """
    values[value] = values.get(value, 0) + times
    if len(values) > MAX_NAMES:
        raise DatasetError(f"{place}: has more than {MAX_NAMES} different values; name another label column")
