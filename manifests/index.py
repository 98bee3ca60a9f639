"""`index.json`: sha256, size and count of every other file of a dataset; written last."""

import hashlib
from typing import Literal

from pydantic import Field

from manifests import canonical
from manifests.files import describe
from manifests.records import Record
from manifests.storage import Folder

AuditVerdict = Literal["passed", "failed", "none"]

_OWN = ("index.json", "index.sha256")


class IndexedFile(Record):
    """One file of the dataset."""

    sha256: str
    size: int
    count: int = Field(description="lines of a .jsonl, pairs of a shard, else 1")


class Index(Record):
    """All files of a dataset."""

    audit: AuditVerdict
    files: dict[str, IndexedFile]


def write_index(folder: Folder, audit: AuditVerdict, counts: dict[str, int]) -> Index:
    """Write `index.json`, then `index.sha256` with its digest.

    Args:
        folder: the dataset.
        audit: the audit's verdict.
        counts: number of records in the files that hold more than one, by relative path.
    """
    names = [name for name in folder.files() if name not in _OWN]
    described = [describe(folder, name) for name in names]
    files = {
        file.name: IndexedFile(sha256=file.sha256, size=file.size, count=counts.get(file.name, 1)) for file in described
    }
    index = Index(audit=audit, files=files)
    data = canonical.dumps(index)
    folder.write("index.json", data)
    folder.write("index.sha256", f"{hashlib.sha256(data).hexdigest()}  index.json\n".encode())
    return index
