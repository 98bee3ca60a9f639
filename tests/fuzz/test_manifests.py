"""Datasets that came from elsewhere: manifest, rejects, index, tables and shards, each damaged in its turn."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from flows.rebuilding.published import Published
from manifests.dataset import Dataset
from manifests.diff import diff
from manifests.errors import TwinsetError
from manifests.subset import parse_filter, subset
from manifests.tombstones import fetch_tombstones
from manifests.verify.run import Verification, find_dataset
from tests.fuzz.harness import Target, survive
from tests.manifests.conftest import (  # noqa: F401 - fixtures
    dataset,
    finished,
    make_header,
    make_pair,
    members,
)

_PUBLISHED = Path(__file__).parents[2] / "manifests" / "published" / "demo.jsonl"
_WORDS = (
    b'"',
    b"\n",
    b"}",
    b"[" * 2000,
    b"\\ud800",
    b"\\u0000",
    b"-1",
    b"1e999",
    b"9" * 5000,
    b"NaN",
    b"null",
    b"../../../canary",
    b"file:///canary",
)
_FILES = (
    "manifest.jsonl",
    "manifest.parquet",
    "rejects.jsonl",
    "index.json",
    "index.sha256",
    "ATTRIBUTION.csv",
    "croissant.json",
    "shards/train-000000.tar",
)


@pytest.fixture
def folder(tmp_path: Path) -> object:
    """Where the whole dataset is written."""
    from manifests.storage import Folder

    return Folder.at(str(tmp_path / "whole"))


@cache
def published() -> tuple[bytes, ...]:
    """The first pairs of a published manifest, as a manifest of their own."""
    with _PUBLISHED.open("rb") as stream:
        header, pairs = json.loads(stream.readline()), [stream.readline() for _ in range(4)]
    counts = Counter(json.loads(line)["shard"] for line in pairs)
    header["shards"] = [shard | {"pairs": counts[shard["name"]]} for shard in header["shards"] if counts[shard["name"]]]
    return (json.dumps(header).encode() + b"\n" + b"".join(pairs),)


def _use(folder: Path, whole: str) -> None:
    """What is done with a dataset: verified, read, compared, and a part of it taken."""
    refusal: TwinsetError | None = None

    def verify() -> None:
        for finding in Verification(find_dataset(str(folder))).findings():
            assert "\n" not in str(finding)

    def read() -> None:
        opened = Dataset.open(str(folder))
        _ = opened.audit_verdict, opened.digest, opened.record_counts()
        list(opened.pairs())
        list(opened.samples())

    def compare() -> None:
        diff(Dataset.open(whole), Dataset.open(str(folder)))

    def part() -> None:
        out = folder.parent / "part"
        shutil.rmtree(out, ignore_errors=True)
        subset(Dataset.open(str(folder)), str(out), parse_filter(["split=train"]))

    steps: tuple[Callable[[], None], ...] = (verify, read, compare, part)
    for step in steps:
        try:
            step()
        except TwinsetError as error:
            refusal = error
    if refusal is not None:
        raise refusal


@pytest.mark.parametrize("name", _FILES)
def test_a_damaged_dataset_is_used_or_refused_in_one_line(name: str, finished: Dataset, tmp_path: Path):  # noqa: F811
    whole = str(finished.folder)

    def prepare(inside: Path) -> None:
        shutil.rmtree(inside / "dataset")
        shutil.copytree(whole, inside / "dataset")

    def read(file: Path) -> None:
        _use(file.parents[name.count("/")], whole)

    data = (Path(whole) / name).read_bytes()
    words = () if name.endswith((".parquet", ".tar")) else _WORDS
    target = Target(f"dataset, {name}", f"dataset/{name}", lambda: [data], read, words, prepare, examples=5)
    survive(target, tmp_path / "fuzz")


def _rebuilt(file: Path) -> None:
    Published.at(str(file)).check()


TARGETS = [
    Target("manifest to rebuild from", "m.jsonl", published, _rebuilt, _WORDS),
    Target(
        "tombstones",
        "t.jsonl",
        lambda: [json.dumps({"sha256": "ab" * 32, "key": "ab" * 8, "source_id": "1"}).encode() + b"\n"],
        lambda file: fetch_tombstones(str(file)),
        _WORDS,
    ),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_damaged_list_is_read_or_refused_in_one_line(target: Target, tmp_path: Path):
    survive(target, tmp_path)
