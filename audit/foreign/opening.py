"""The door to other people's datasets: which layout a path has, and the reader for it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from audit.foreign.folders import LabelledFolders, is_own_file, scan
from audit.foreign.items import ForeignDataset
from audit.foreign.lists import SUFFIXES, ListedFiles, is_list
from audit.foreign.parquet import SUFFIX, ParquetRows
from manifests.errors import DatasetError

LAYOUTS = ("folder", "genimage", "parquet", "csv")


def open_foreign(
    path: str,
    layout: str | None = None,
    label_column: str = "label",
    label_names: Mapping[str, int] | None = None,
    *,
    both_classes: bool = True,
) -> ForeignDataset:
    """Open a dataset of labelled images that lies on this machine.

    Args:
        path: a folder, a Parquet file, or a CSV or TSV.
        layout: one of `LAYOUTS`; None to tell by what is there: labelled folders, then Parquet, then a list.
        label_column: the column that tells reals from fakes, in tables.
        label_names: what labels in tables and folders' names mean, as `parse_label_names` gives them; it goes before
            what the words mean in general.
        both_classes: refuse what holds one class only.

    Raises:
        DatasetError: there is no such path, nothing fits, or what fits is not as it should be.
    """
    if layout is not None and layout not in LAYOUTS:
        raise DatasetError(f"layout {layout!r}: expected one of {', '.join(LAYOUTS)}")
    root = Path(path).expanduser()
    if root.is_dir():
        found = _open_folder(root, layout, label_column, label_names or {}, both_classes=both_classes)
    elif root.is_file():
        found = _open_file(root, layout, label_column, label_names or {}, both_classes=both_classes)
    else:
        raise DatasetError(f"{path}: there is no such folder or file")
    if found is None:
        raise DatasetError(f"{path}: {_nothing(layout, label_column, both_classes=both_classes)}")
    return found


def _open_file(
    file: Path, layout: str | None, label_column: str, names: Mapping[str, int], *, both_classes: bool
) -> ForeignDataset | None:
    suffix = file.suffix.lower()
    if layout == "parquet" or (layout is None and suffix == SUFFIX):
        return ParquetRows.open([(file, file.name)], str(file), label_column, names, both_classes=both_classes)
    if layout == "csv" or (layout is None and suffix in SUFFIXES):
        return ListedFiles.open(file, label_column, names, both_classes=both_classes)
    return None


def _open_folder(
    root: Path, layout: str | None, label_column: str, names: Mapping[str, int], *, both_classes: bool
) -> ForeignDataset | None:
    if layout in (None, "folder", "genimage"):
        folders = LabelledFolders.open(root, layout, names, both_classes=both_classes)
        if folders is not None:
            return folders
    if layout in (None, "parquet"):
        files = sorted(_parquet_files(root, root), key=lambda file: file[1])
        if files:
            return ParquetRows.open(files, str(root), label_column, names, both_classes=both_classes)
    if layout in (None, "csv"):
        return _open_list(root, label_column, names, both_classes=both_classes)
    return None


def _open_list(root: Path, label_column: str, names: Mapping[str, int], *, both_classes: bool) -> ForeignDataset | None:
    files = [Path(entry.path) for entry in scan(root) if is_own_file(root, entry)]
    lists = [file for file in files if file.suffix.lower() in SUFFIXES and is_list(file, label_column)]
    if len(lists) > 1:
        raise DatasetError(f"{root}: holds several lists ({', '.join(file.name for file in lists)}); give one of them")
    return ListedFiles.open(lists[0], label_column, names, both_classes=both_classes) if lists else None


def _parquet_files(root: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    for entry in scan(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _parquet_files(root, Path(entry.path))
        elif entry.name.lower().endswith(SUFFIX) and is_own_file(root, entry):
            yield Path(entry.path), Path(entry.path).relative_to(root).as_posix()


def _nothing(layout: str | None, label_column: str, *, both_classes: bool) -> str:
    folders = "folders of images named after both labels ({real,fake}, {nature,ai}, {0_real,1_fake})"
    sought = {
        "folder": folders,
        "genimage": "GenImage's folders <generator>/{train,val}/{ai,nature}",
        "parquet": f"*{SUFFIX} files",
        "csv": f"a CSV or TSV with the columns `path` and {label_column!r}",
    }
    wanted = [sought[layout]] if layout else [sought["folder"], sought["parquet"], sought["csv"]]
    alone = "" if both_classes else "; images of one class alone are given with --all real or --all fake"
    return (
        f"no labelled images here: looked for {', or '.join(wanted)}; links that lead out are not followed, and "
        f"archives must be unpacked first{alone}"
    )
