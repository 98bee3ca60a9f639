"""One chunk of a stage while it is made: its records, their bytes, and what was dropped."""

import io
import tarfile
from collections import Counter
from dataclasses import dataclass

from backports.zstd import CompressionParameter, compress

from manifests import canonical
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason, Record, Reject, Stage

RECORDS = "jsonl.zst"
"""Suffix of the file of a chunk's records."""
_COMPRESSION: dict[int, int] = {
    CompressionParameter.compression_level: 1,
    CompressionParameter.checksum_flag: 1,
}
"""The quickest level: records come out no smaller at the next ones."""


class Blob(Record):
    """Where an item's bytes lie in a chunk's tar."""

    stage: str
    chunk: int
    offset: int
    size: int


@dataclass
class ChunkWriter:
    """Collects one chunk's records, bytes and rejects, in order."""

    stage: str
    index: int
    label: Stage

    def __post_init__(self) -> None:
        self._records: list[bytes] = []
        self._rejects: list[Reject] = []
        self._blobs = io.BytesIO()
        self._tar: tarfile.TarFile | None = None
        self.seen = 0

    def add(self, record: Record) -> None:
        """Forward an item."""
        self.add_line(canonical.dumps(record))

    def add_line(self, line: bytes) -> None:
        """Forward an item whose record is JSON already, in one line."""
        self._records.append(line)

    def blob(self, name: str, data: bytes) -> Blob:
        """Store bytes in the chunk's tar; the answer says where they lie."""
        if self._tar is None:
            self._tar = tarfile.open(fileobj=self._blobs, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        info = tarfile.TarInfo(name)
        info.size = len(data)
        offset = self._tar.offset + tarfile.BLOCKSIZE
        self._tar.addfile(info, io.BytesIO(data))
        return Blob(stage=self.stage, chunk=self.index, offset=offset, size=len(data))

    def reject(self, key: str, rejected: RejectedItem) -> None:
        """Drop an item, saying why."""
        self._rejects.append(Reject(key=key, stage=self.label, reason=rejected.reason, detail=rejected.detail))

    def files(self) -> dict[str, bytes]:
        """The chunk's output files, by suffix."""
        files = {
            RECORDS: compress(b"".join(line + b"\n" for line in self._records), options=_COMPRESSION),
            "rejects.jsonl": b"".join(canonical.dumps(reject) + b"\n" for reject in self._rejects),
        }
        if self._tar is not None:
            self._tar.close()
            files["tar"] = self._blobs.getvalue()
        return files

    def counts(self) -> tuple[int, int, dict[Reason, int]]:
        """Items seen, forwarded, and rejected by reason.

        Raises:
            DatasetError: the items do not add up, which is a fault of the stage.
        """
        rejected = Counter(reject.reason for reject in self._rejects)
        forwarded = len(self._records)
        if self.seen != forwarded + rejected.total():
            raise DatasetError(
                f"stage {self.stage}, chunk {self.index}: {self.seen} items seen, but {forwarded} forwarded and "
                f"{rejected.total()} rejected. This is a fault of twinset: please report it."
            )
        return self.seen, forwarded, dict(sorted(rejected.items()))
