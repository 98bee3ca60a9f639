"""`index.json`: sha256, size and count of every other file of a dataset; written last."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from pydantic import Field, ValidationError

from manifests import canonical
from manifests.errors import DatasetError, first_complaint
from manifests.files import WrittenFile, describe
from manifests.records import Record
from manifests.storage import Folder

AuditVerdict = Literal["passed", "failed", "none"]

_OWN = ("index.json", "index.sha256")


class IndexedFile(Record):
    """One file of the dataset."""

    sha256: str = Field(description="of its bytes")
    size: int = Field(description="bytes")
    count: int = Field(description="lines of a .jsonl, pairs of a shard, else 1")


class Index(Record):
    """All files of a dataset."""

    audit: AuditVerdict = Field(description="whether its gates passed; `none`: there was no audit")
    files: dict[str, IndexedFile] = Field(description="by relative path")


def write_index(
    folder: Folder, audit: AuditVerdict, counts: Mapping[str, int], written: Iterable[WrittenFile] = ()
) -> Index:
    """Write `index.json`, then `index.sha256` with its digest.

    Args:
        folder: the dataset.
        audit: the audit's verdict.
        counts: number of records in the files that hold more than one, by relative path.
        written: files as whoever wrote them has described them; the others are read. What has happened to a file since
            is thus seen by whoever verifies the dataset, and not sealed.
    """
    names = [name for name in folder.files() if name not in _OWN]
    index = Index(audit=audit, files=_indexed(folder, names, counts, {file.name: file for file in written}))
    _write(folder, index)
    return index


def revise_index(index: Index, staged: Folder, removed: Collection[str], counts: Mapping[str, int]) -> Index:
    """Write the index that a dataset has once some files have gone and others have come; nothing else is read again.

    Args:
        index: as it stands.
        staged: where the new files lie, and where the new index is written.
        removed: relative paths of the files that go.
        counts: number of records in the new files that hold more than one, by relative path.
    """
    kept = {name: file for name, file in index.files.items() if name not in removed}
    revised = Index(audit=index.audit, files=kept | _indexed(staged, staged.files(), counts, {}))
    _write(staged, revised)
    return revised


def read_index(folder: Folder) -> Index:
    """A dataset's index.

    Raises:
        DatasetError: there is none, or it is damaged.
    """
    try:
        return Index.model_validate_json(folder.read("index.json"))
    except FileNotFoundError:
        raise DatasetError(f"{folder}: not finished (index.json is missing). Build it to its end first.") from None
    except ValidationError as error:
        raise DatasetError(f"{folder}/index.json: {first_complaint(error)}. Build or fetch it again.") from error


def _indexed(
    folder: Folder, names: Iterable[str], counts: Mapping[str, int], written: Mapping[str, WrittenFile]
) -> dict[str, IndexedFile]:
    described = [written.get(name) or describe(folder, name) for name in names]
    return {
        file.name: IndexedFile(sha256=file.sha256, size=file.size, count=counts.get(file.name, 1)) for file in described
    }


def _write(folder: Folder, index: Index) -> None:
    data = canonical.dumps(index)
    folder.write("index.json", data)
    folder.write("index.sha256", f"{hashlib.sha256(data).hexdigest()}  index.json\n".encode())
