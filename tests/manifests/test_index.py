import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from manifests.dataset import Dataset
from manifests.files import describe
from manifests.index import Index, write_index
from manifests.storage import Folder


def test_every_file_but_the_index_itself_is_listed(dataset: Dataset):
    folder = dataset.folder
    counts = {"manifest.jsonl": 6, "shards/train-000000.tar": 3, "shards/test-000000.tar": 2}
    index = write_index(folder, "passed", counts)
    assert sorted(index.files) == sorted(set(folder.files()) - {"index.json", "index.sha256"})
    for name, file in index.files.items():
        data = folder.read(name)
        assert (file.sha256, file.size) == (hashlib.sha256(data).hexdigest(), len(data))
        assert file.count == counts.get(name, 1)


def test_the_index_is_read_back_and_says_the_verdict(dataset: Dataset):
    index = write_index(dataset.folder, "failed", {})
    assert Index.model_validate_json(dataset.folder.read("index.json")) == index
    assert dataset.audit_verdict == "failed"
    assert dataset.digest == hashlib.sha256(dataset.folder.read("index.json")).hexdigest()


def test_a_second_index_does_not_list_the_first(dataset: Dataset):
    write_index(dataset.folder, "passed", {})
    first = dataset.folder.read("index.json")
    write_index(dataset.folder, "passed", {})
    assert dataset.folder.read("index.json") == first


def test_a_file_that_changes_changes_the_digest(dataset: Dataset):
    write_index(dataset.folder, "passed", {})
    before = dataset.digest
    dataset.folder.write("shards/test-000000.tar", b"\0" + dataset.folder.read("shards/test-000000.tar")[1:])
    write_index(dataset.folder, "passed", {})
    assert dataset.digest != before


def test_a_file_that_has_changed_since_it_was_described_is_not_sealed_as_it_is(dataset: Dataset):
    name = "shards/test-000000.tar"
    written = describe(dataset.folder, name)
    dataset.folder.write(name, b"\0" + dataset.folder.read(name)[1:])
    index = write_index(dataset.folder, "passed", {}, [written])
    assert index.files[name].sha256 == written.sha256
    assert index.files[name].sha256 != describe(dataset.folder, name).sha256


def test_sha256sum_checks_the_index(tmp_path: Path):
    folder = Folder.at(str(tmp_path))
    folder.write("manifest.jsonl", b"{}\n")
    write_index(folder, "none", {})
    command = ["/usr/bin/sha256sum", "--check", "index.sha256"]
    if not Path(command[0]).exists():
        pytest.skip("this system has no sha256sum")
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "index.json: OK\n")


def test_an_empty_folder_has_an_empty_index(folder: Folder):
    assert write_index(folder, "none", {}).files == {}
    assert json.loads(folder.read("index.json")) == {"audit": "none", "files": {}}
