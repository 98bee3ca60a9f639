import json
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests import canonical
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import Pair, Reason
from manifests.storage import Folder


def opened(dataset: Dataset) -> Dataset:
    return Dataset.open(str(dataset.folder))


def lines(dataset: Dataset) -> list[bytes]:
    return dataset.folder.read("manifest.jsonl").splitlines(keepends=True)


def test_a_dataset_is_read_as_it_was_written(dataset: Dataset, make_pair: Callable[..., Pair]):
    pairs = list(dataset.pairs())
    assert pairs[0] == make_pair(0)
    assert [pair.split for pair in pairs] == ["train"] * 3 + ["test"] * 2
    assert [sample.key for sample in dataset.samples()] == [pair.pair_id for pair in pairs]
    assert [sample.key for sample in dataset.samples("test")] == [pair.pair_id for pair in pairs[3:]]
    assert list(dataset.samples("validation")) == []
    assert dataset.shards() == ["shards/train-000000.tar", "shards/test-000000.tar"]
    assert dataset.shards("test") == ["shards/test-000000.tar"]
    (reject,) = dataset.rejects()
    assert reject.reason is Reason.BLANK
    assert (dataset.header.name, dataset.root) == ("little-walls", str(dataset.folder))


def test_the_folder_of_a_build_opens_its_dataset(dataset: Dataset):
    build = Folder.at(f"{dataset.folder}-build")
    for name in dataset.folder.files():
        build.write(f"dataset/{name}", dataset.folder.read(name))
    assert list(Dataset.open(str(build)).pairs()) == list(dataset.pairs())
    build.remove_all()


@pytest.mark.parametrize("below", ["", "nowhere", "file", "file/deeper"])
def test_a_folder_without_a_dataset_is_one_clear_line(tmp_path: Path, below: str):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"no dataset here \(manifest.jsonl is missing\). Give the folder") as caught:
        Dataset.open(str(tmp_path / below))
    assert str(caught.value).startswith(str(tmp_path / below))


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"", "EOF"),
        (b"key,url\n", "Invalid JSON"),
        (b"\xff\xfe\n", "Invalid JSON"),
        (b"[1]\n", "Input should be an object"),
        (b'{"image": "a.jpg", "label": 0}\n', "schema_version: Field required"),
        (b'{"schema_version": 1, "name": "other"}\n', "twinset: Field required"),
    ],
)
def test_a_foreign_manifest_is_one_clear_line(tmp_path: Path, first: bytes, words: str):
    (tmp_path / "manifest.jsonl").write_bytes(first + b'{"more": 1}\n' if first else b"")
    with pytest.raises(DatasetError, match=rf"manifest.jsonl, line 1: not a twinset header \(.*{words}") as caught:
        Dataset.open(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_newer_schema_asks_for_a_newer_twinset(dataset: Dataset):
    header, *pairs = lines(dataset)
    newer = {**json.loads(header), "schema_version": 2, "a_field_of_tomorrow": True}
    dataset.folder.write("manifest.jsonl", b"".join([canonical.dumps(newer) + b"\n", *pairs]))
    with pytest.raises(DatasetError, match=r"schema version 2, this twinset reads up to 1\. Install a newer"):
        opened(dataset)


@pytest.mark.parametrize(
    ("name", "entry"), [("manifest.jsonl", b'{"pair_id": "x"}\n'), ("manifest.jsonl", b"\n"), ("rejects.jsonl", b"{\n")]
)
def test_a_broken_line_is_named(dataset: Dataset, name: str, entry: bytes):
    content = dataset.folder.read(name).splitlines(keepends=True)
    place = len(content)
    content[-1] = entry
    dataset.folder.write(name, b"".join(content))
    reader = opened(dataset).pairs() if name == "manifest.jsonl" else opened(dataset).rejects()
    with pytest.raises(DatasetError, match=f"{name}, line {place}: ") as caught:
        list(reader)
    assert "\n" not in str(caught.value)


def test_a_manifest_cut_in_a_line_names_the_line(dataset: Dataset):
    dataset.folder.write("manifest.jsonl", dataset.folder.read("manifest.jsonl")[:-20])
    with pytest.raises(DatasetError, match=r"manifest.jsonl, line 6: Invalid JSON: EOF"):
        list(opened(dataset).pairs())


def test_a_manifest_cut_between_lines_is_counted(dataset: Dataset):
    dataset.folder.write("manifest.jsonl", b"".join(lines(dataset)[:-1]))
    with pytest.raises(DatasetError, match="4 pairs, its header says 5"):
        list(opened(dataset).pairs())


@pytest.mark.parametrize("name", ["rejects.jsonl", "shards/test-000000.tar"])
def test_a_missing_file_is_one_clear_line(dataset: Dataset, name: str):
    dataset.folder.remove(name)
    reader = dataset.rejects() if name == "rejects.jsonl" else dataset.samples()
    with pytest.raises(DatasetError, match=f"{name}: missing. Build the dataset again"):
        list(reader)


def test_a_damaged_shard_is_named(dataset: Dataset):
    data = dataset.folder.read("shards/test-000000.tar")
    dataset.folder.write("shards/test-000000.tar", data[:3000])
    with pytest.raises(DatasetError, match=r"shards/test-000000\.tar: damaged shard"):
        list(dataset.samples())
    assert len(list(dataset.samples("train"))) == 3


def test_a_shard_of_another_build_is_counted(dataset: Dataset):
    dataset.folder.write("shards/test-000000.tar", dataset.folder.read("shards/train-000000.tar"))
    with pytest.raises(DatasetError, match=r"test-000000\.tar: 3 samples, the manifest says 2"):
        list(dataset.samples())


@pytest.mark.parametrize("name", ["../../outside.tar", "/etc/passwd", "deep/a.tar", ".hidden.tar", "a.tar\n", "a.zip"])
def test_a_foreign_manifest_does_not_lead_out_of_its_dataset(dataset: Dataset, name: str):
    header, *pairs = lines(dataset)
    fields = json.loads(header)
    fields["shards"][0]["name"] = name
    dataset.folder.write("manifest.jsonl", b"".join([canonical.dumps(fields) + b"\n", *pairs]))
    with pytest.raises(DatasetError, match=r"line 1: not a twinset header \(shards\.0\.name: String should match"):
        opened(dataset)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (None, "none"),
        (b'{"audit": "passed", "files": {}}', "passed"),
        (b'{"audit": "failed"}', "failed"),
        (b'{"audit": "splendid"}', "none"),
        (b"[]", "none"),
        (b"{", "none"),
    ],
)
def test_the_audit_s_verdict_is_what_the_index_says(dataset: Dataset, index: bytes | None, expected: str):
    if index is not None:
        dataset.folder.write("index.json", index)
    assert dataset.audit_verdict == expected


def test_the_digest_is_what_its_file_says(dataset: Dataset):
    assert dataset.digest == ""
    for nothing in (b"", b"\xe6\xa9\xcb\x1d"):
        dataset.folder.write("index.sha256", nothing)
        assert dataset.digest == ""
    dataset.folder.write("index.sha256", b"abc123  index.json\n")
    assert dataset.digest == "abc123"
