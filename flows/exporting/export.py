"""export_dataset: a dataset in a format that other tools read, shard by shard; a run that was cut off goes on."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

from pydantic import ValidationError

from flows.exporting.coco import CocoFormat
from flows.exporting.files import CsvFormat, ImageFolderFormat
from flows.exporting.format import ExportFormat
from flows.exporting.rows import ImageRow, generators_of
from flows.exporting.samples import by_shard, images_of_shard
from flows.exporting.table import ParquetFormat
from manifests import canonical
from manifests.dataset import Dataset, refuse_inside_dataset
from manifests.errors import DatasetError
from manifests.index import read_index
from manifests.records import Record
from manifests.storage import Folder

FormatName = Literal["imagefolder", "parquet", "coco", "csv"]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)

DONE = "export.json"
"""Written last: what was exported."""

_STATE = ".export"
_JOB = "job.json"

_KINDS: Mapping[FormatName, type[ExportFormat]] = {
    "imagefolder": ImageFolderFormat,
    "parquet": ParquetFormat,
    "coco": CocoFormat,
    "csv": CsvFormat,
}


class Exported(Record):
    """What was exported: the dataset's name and digest, the format, and how many images there are of each label."""

    name: str
    dataset: str
    format: FormatName
    real: int = 0
    fake: int = 0


def export_dataset(
    url: str,
    kind: FormatName,
    out: str,
    *,
    progress: Callable[[int], Callable[[], None]] = lambda _shards: lambda: None,
) -> Exported:
    """Export a finished dataset, or go on where an earlier run was cut off.

    Nothing is withheld: an export is for one's own tools, a publication is made by `publish_dataset`.

    Args:
        url: the dataset, or the build's folder.
        kind: the format.
        out: a new or empty folder, a path or fsspec URL.
        progress: given the number of shards, answers with what is to be called for each that is done.

    Raises:
        DatasetError: the dataset is unfinished or damaged, or the folder holds something else.
    """
    dataset = Dataset.open(url)
    read_index(dataset.folder)
    refuse_inside_dataset(out)
    folder = Folder.at(out)
    job = Exported(name=dataset.header.name, dataset=dataset.digest, format=kind)
    if (done := _begin(folder, job)) is not None:
        return done
    folder.sweep()
    form = _KINDS[kind](folder, dataset.header, tuple(generators_of(dataset)))
    advance = progress(len(dataset.header.shards))
    state = folder.child(_STATE)
    shards = []
    for shard, pairs in by_shard(dataset):
        shards.append(shard)
        if state.size(_part(shard)) is None:
            rows = form.write_shard(shard, images_of_shard(dataset, shard, pairs))
            state.write(_part(shard), b"".join(canonical.dumps(row) + b"\n" for row in rows))
        advance()

    def rows_of_all() -> Iterator[ImageRow]:
        for shard in shards:
            with state.open(_part(shard)) as stream:
                yield from (ImageRow.model_validate_json(line) for line in stream)

    form.finish(rows_of_all)
    labels = [0, 0]
    for row in rows_of_all():
        labels[row.label] += 1
    done = job.model_copy(update={"real": labels[0], "fake": labels[1]})
    folder.write(DONE, canonical.dumps(done))
    state.remove_all()
    return done


def _part(shard: str) -> str:
    return f"{shard}.jsonl"


def _begin(folder: Folder, job: Exported) -> Exported | None:
    """Claim the folder; what was exported, where all is done."""
    state = folder.child(_STATE)
    if (done := _read(folder, DONE)) is not None and _is_same(done, job):
        state.remove_all()
        return done
    begun = _read(state, _JOB)
    if begun is None:
        if folder.files():
            raise DatasetError(f"{folder}: not empty. Choose an empty or new folder for --out.")
        state.write(_JOB, canonical.dumps(job))
    elif not _is_same(begun, job):
        raise DatasetError(
            f"{folder}: holds part of another export ({begun.name} as {begun.format}). Choose another folder for --out."
        )
    return None


def _is_same(one: Exported, other: Exported) -> bool:
    return (one.dataset, one.format) == (other.dataset, other.format)


def _read(folder: Folder, name: str) -> Exported | None:
    try:
        return Exported.model_validate_json(folder.read(name))
    except (FileNotFoundError, ValidationError):
        return None
