"""A finished dataset, opened for reading; everything streams."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self, TypeVar

from pydantic import BaseModel, ValidationError

from manifests.errors import DatasetError, first_complaint
from manifests.header import Header
from manifests.index import AuditVerdict
from manifests.journal import settle
from manifests.records import SCHEMA_VERSION, Pair, Record, Reject, Split
from manifests.shards import Sample, read_shard
from manifests.storage import Folder
from manifests.tombstones import TOMBSTONES, read_tombstones

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Dataset:
    """A dataset on any fsspec file system.

    Attributes:
        folder: where it lies.
        header: the manifest's first line.
    """

    folder: Folder
    header: Header

    @classmethod
    def open(cls, url: str) -> "Dataset":
        """Open a dataset, or the dataset inside a build's folder.

        Raises:
            DatasetError: there is none, or its manifest is not one of ours.
        """
        folder = Folder.at(url)
        if folder.size("manifest.jsonl") is None and folder.child("dataset").size("manifest.jsonl") is not None:
            folder = folder.child("dataset")
        if folder.is_local:
            settle(folder)
        if folder.size("manifest.jsonl") is None:
            raise DatasetError(
                f"{url}: no dataset here (manifest.jsonl is missing). Give the folder of a finished build."
            )
        with folder.open("manifest.jsonl") as stream:
            header = parse_header(stream.readline(), f"{folder}/manifest.jsonl")
        return cls(folder, header)

    @property
    def root(self) -> str:
        """The dataset's folder, for a person."""
        return str(self.folder)

    def pairs(self) -> Iterator[Pair]:
        """The pairs, in the manifest's order.

        Raises:
            DatasetError: a line is not a pair (the message names it), or lines are missing at the end.
        """
        count = 0
        views = frozenset(self.header.views)
        for pair in self.records("manifest.jsonl", Pair, first=2):
            if pair.frame.view in views:
                count += 1
                yield pair
        expected = sum(shard.pairs for shard in self.header.shards)
        if count != expected:
            raise DatasetError(
                f"{self.folder}/manifest.jsonl: {count} pairs, its header says {expected}. Build or fetch it again."
            )

    def of_views(self, views: Collection[str]) -> Self:
        """The part of the dataset that some views are: other pairs and shards are passed over."""
        shards = [shard for shard in self.header.shards if shard.view in views]
        named = [view for view in self.header.views if view in views]
        return replace(self, header=self.header.model_copy(update={"views": named, "shards": shards}))

    def rejects(self) -> Iterator[Reject]:
        """All that was dropped on the way, in the order of the stages.

        Raises:
            DatasetError: the file is missing, or a line is not a reject; the message names it.
        """
        yield from self.records("rejects.jsonl", Reject, first=1)

    def records(self, name: str, kind: type[R], first: int) -> Iterator[R]:
        """The records of one of the dataset's files, from line `first` on.

        Raises:
            DatasetError: the file is missing, or a line is no such record; the message names it.
        """
        with self.open_file(name) as stream:
            for number, line in enumerate(stream, start=1):
                if number < first:
                    continue
                try:
                    yield kind.model_validate_json(line)
                except ValidationError as error:
                    raise DatasetError(f"{self.folder}/{name}, line {number}: {first_complaint(error)}.") from error

    @contextmanager
    def open_file(self, name: str) -> Iterator[IO[bytes]]:
        """One of the dataset's files, open for reading.

        Raises:
            DatasetError: it is missing.
        """
        try:
            with self.folder.open(name) as stream:
                yield stream
        except FileNotFoundError as error:
            raise DatasetError(f"{self.folder}/{name}: missing. Build the dataset again, or fetch it whole.") from error

    def shards(self, split: Split | None = None) -> list[str]:
        """Relative paths of the shards, of one split or of all."""
        return [f"shards/{shard.name}" for shard in self.header.shards if split in (None, shard.split)]

    def samples(self, split: Split | None = None) -> Iterator[Sample]:
        """The samples of one split's shards, or of all, in order.

        Raises:
            DatasetError: a shard is missing, damaged, or not as long as the manifest says.
        """
        for shard in self.header.shards:
            if split not in (None, shard.split):
                continue
            place = f"{self.folder}/shards/{shard.name}"
            count = 0
            with self.open_file(f"shards/{shard.name}") as stream:
                for sample in read_shard(stream, place):
                    count += 1
                    yield sample
            if count != shard.pairs:
                raise DatasetError(
                    f"{place}: {count} samples, the manifest says {shard.pairs}. Build it again, or fetch it again."
                )

    def record_counts(self) -> dict[str, int]:
        """How many records the files hold that hold more than one, by relative path: what an index says of them."""
        counts = {f"shards/{shard.name}": shard.pairs for shard in self.header.shards}
        counts["manifest.jsonl"] = 1 + sum(shard.pairs for shard in self.header.shards)
        counts["rejects.jsonl"] = sum(1 for _ in self.rejects())
        counts[TOMBSTONES] = len(read_tombstones(self.folder))
        return counts

    @property
    def audit_verdict(self) -> AuditVerdict:
        """What the index says of the audit; `none` when there was none."""
        try:
            return _AuditState.model_validate_json(self.folder.read("index.json")).audit
        except (FileNotFoundError, ValidationError):
            return "none"

    @property
    def digest(self) -> str:
        """The dataset's digest: what `index.sha256` says; empty where there is none or it says nothing."""
        try:
            return self.folder.read("index.sha256").decode().split()[0]
        except (FileNotFoundError, UnicodeDecodeError, IndexError):
            return ""


def refuse_inside_dataset(out: str) -> None:
    """Nothing is written into a finished dataset: its index names all that is in it (local folders only).

    Args:
        out: path or fsspec URL of what somebody wants to write.

    Raises:
        DatasetError: it is a dataset, or lies in one.
    """
    folder = Folder.at(out)
    if not folder.is_local:
        return
    whole = Path(folder.root).resolve()
    for place in (whole, *whole.parents):
        if (place / "manifest.jsonl").is_file() and (place / "index.json").is_file():
            raise DatasetError(f"{out}: in the dataset {place}, which stays as it is. Choose another folder for --out.")


class _AuditState(BaseModel):
    """The one part of the index that is read here."""

    audit: AuditVerdict


class _Schema(BaseModel):
    """The one field that a header of any schema version has."""

    schema_version: int


def parse_header(line: bytes, place: str) -> Header:
    """The header that a manifest's first line says."""
    try:
        # asked first, because a newer header may hold fields that this one refuses
        version = _Schema.model_validate_json(line).schema_version
        if version > SCHEMA_VERSION:
            raise DatasetError(
                f"{place}: schema version {version}, this twinset reads up to {SCHEMA_VERSION}. Install a newer twinset."
            )
        return Header.model_validate_json(line)
    except ValidationError as error:
        raise DatasetError(f"{place}, line 1: not a twinset header ({first_complaint(error)}).") from error
