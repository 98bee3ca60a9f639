"""A finished dataset, opened for reading; everything streams."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from manifests.errors import DatasetError
from manifests.header import Header
from manifests.records import SCHEMA_VERSION, Pair, Reject, Split
from manifests.shards import Sample, read_shard
from manifests.storage import Folder

AuditVerdict = Literal["passed", "failed", "none"]


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
        if folder.size("manifest.jsonl") is None:
            raise DatasetError(
                f"{url}: no dataset here (manifest.jsonl is missing). Give the folder of a finished build."
            )
        with folder.open("manifest.jsonl") as stream:
            first = stream.readline()
        try:
            header = Header.model_validate_json(first)
        except ValidationError as error:
            raise DatasetError(f"{folder}/manifest.jsonl, line 1: not a twinset header ({_first(error)}).") from error
        if header.schema_version > SCHEMA_VERSION:
            raise DatasetError(
                f"{folder}/manifest.jsonl: schema version {header.schema_version}, this twinset reads up to "
                f"{SCHEMA_VERSION}. Install a newer twinset."
            )
        return cls(folder, header)

    @property
    def root(self) -> str:
        """The dataset's folder, for a person."""
        return str(self.folder)

    def pairs(self) -> Iterator[Pair]:
        """The pairs, in the manifest's order.

        Raises:
            DatasetError: a line is not a pair; the message names it.
        """
        with self.folder.open("manifest.jsonl") as stream:
            next(stream, None)
            for number, line in enumerate(stream, start=2):
                try:
                    yield Pair.model_validate_json(line)
                except ValidationError as error:
                    raise DatasetError(f"{self.folder}/manifest.jsonl, line {number}: {_first(error)}.") from error

    def rejects(self) -> Iterator[Reject]:
        """All that was dropped on the way, in the order of the stages."""
        with self.folder.open("rejects.jsonl") as stream:
            yield from (Reject.model_validate_json(line) for line in stream)

    def shards(self, split: Split | None = None) -> list[str]:
        """Relative paths of the shards, of one split or of all."""
        return [f"shards/{shard.name}" for shard in self.header.shards if split in (None, shard.split)]

    def samples(self, split: Split | None = None) -> Iterator[Sample]:
        """The samples of one split's shards, or of all, in order."""
        for name in self.shards(split):
            with self.folder.open(name) as stream:
                yield from read_shard(stream, f"{self.folder}/{name}")

    @property
    def audit_verdict(self) -> AuditVerdict:
        """What the index says of the audit; `none` when there was none."""
        try:
            verdict = json.loads(self.folder.read("index.json")).get("audit", "none")
        except (FileNotFoundError, ValueError):
            return "none"
        return verdict if verdict in ("passed", "failed") else "none"

    @property
    def digest(self) -> str:
        """The dataset's digest: what `index.sha256` says; empty while there is no index."""
        try:
            return self.folder.read("index.sha256").decode().split()[0]
        except (FileNotFoundError, IndexError):
            return ""


def _first(error: ValidationError) -> str:
    """The first of pydantic's complaints, on one line."""
    details = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in details["loc"])
    return f"{place}: {details['msg']}" if place else str(details["msg"])
