"""Finished datasets to publish: copies of one build, whose reals are said to be open or not."""

import shutil
from collections.abc import Callable
from pathlib import Path

from manifests import canonical
from manifests.accounts import write_accounts
from manifests.assembly import Part, assemble
from manifests.dataset import Dataset
from manifests.index import AuditVerdict, read_index, write_index
from manifests.records import Pair, SourceImage, Terms
from manifests.storage import Folder
from manifests.tombstones import Tombstones


def with_terms(
    built: Path, out: Path, terms: Callable[[SourceImage], Terms], *, verdict: AuditVerdict = "passed", **image: str
) -> Path:
    """A copy of a build's dataset; further arguments replace fields of all its images."""
    shutil.copytree(built / "dataset", out)
    dataset = Dataset.open(str(out))
    index = read_index(dataset.folder)

    def changed(pair: Pair) -> Pair:
        update = {"terms": terms(pair.image), **image}
        return pair.model_copy(update={"image": pair.image.model_copy(update=update)})

    pairs = [changed(pair) for pair in dataset.pairs()]
    shards = {name: file.sha256 for name, file in index.files.items() if name.startswith("shards/")}
    with_singles = any(pair.is_single for pair in pairs)
    write_accounts(dataset.folder, dataset.header, map(canonical.dumps, pairs), shards, with_singles=with_singles)
    write_index(dataset.folder, verdict, Dataset.open(str(out)).record_counts())
    return out


def first_chunk(built: Path, out: Path, reals: int) -> Path:
    """A build of the pairs of its first reals alone, in the order of their keys: as many as a chunk has, so that what is
    made again is made in the same batches.
    """
    dataset = Dataset.open(str(built))
    keys = sorted({pair.image.key for pair in dataset.pairs()})[:reals]
    part = Part(dataset, lambda pair: pair if pair.image.key in keys else None)
    assemble(str(out / "dataset"), [part], dataset.header, [], Tombstones())
    return out


def third_is_closed(image: SourceImage) -> Terms:
    """Of every three reals one is research-only, one of unknown terms, one open: by the key, so the same each time."""
    terms: tuple[Terms, ...] = ("open", "research-only", "unknown")
    return terms[int(image.key, 16) % 3]


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def folder_contents(folder: Folder) -> dict[str, bytes]:
    """All files below a folder on any file system."""
    return {name: folder.read(name) for name in folder.files()}
