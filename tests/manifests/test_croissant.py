"""The Croissant description: what it lists is there, and the reference reader takes it and reads records through it."""

import hashlib
import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from manifests.composition import Composition
from manifests.croissant import write_croissant
from manifests.dataset import Dataset
from manifests.header import Header
from manifests.records import Pair
from manifests.storage import Folder
from manifests.tables import write_manifest_parquet

Write = Callable[..., dict[str, Any]]


@pytest.fixture
def write(folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]) -> Write:
    """Write a description, and read it again."""

    def written(*names: str, **fields: Any) -> dict[str, Any]:
        digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
        write_croissant(folder, make_header(), Composition.of([make_pair(1, **fields)]), digests)
        description = json.loads(folder.read("croissant.json"))
        assert isinstance(description, dict)
        return description

    return written


def test_it_lists_the_files_with_their_digests(write: Write):
    names = ("shards/train-000000.tar", "manifest.parquet")
    description = write(*names)
    assert description["@type"] == "sc:Dataset"
    assert description["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert description["name"] == "little-walls"
    files = {file["@id"]: file for file in description["distribution"] if file["@type"] == "cr:FileObject"}
    assert {name: file["sha256"] for name, file in files.items()} == {
        name: hashlib.sha256(name.encode()).hexdigest() for name in names
    }
    assert files["shards/train-000000.tar"]["encodingFormat"] == "application/x-tar"
    assert all(file["contentUrl"] == name for name, file in files.items())


def test_its_record_sets_point_into_files_that_it_lists(write: Write, folder: Folder, make_pair: Callable[..., Pair]):
    write_manifest_parquet(folder, [make_pair(1)])
    columns = pq.read_schema(io.BytesIO(folder.read("manifest.parquet"))).names
    description = write("manifest.parquet", "shards/train-000000.tar")
    listed = {file["@id"] for file in description["distribution"]}
    assert [records["name"] for records in description["recordSet"]] == ["pairs", "members"]
    for records in description["recordSet"]:
        ids = [field["@id"] for field in records["field"]]
        assert len(set(ids)) == len(ids) > 0
        for field in records["field"]:
            assert field["@id"] == f"{records['@id']}/{field['name']}"
            source = field["source"]
            assert (source.get("fileObject") or source["fileSet"])["@id"] in listed
            assert source["extract"].get("column") in (*columns, None)
    assert [records["name"] for records in write("manifest.parquet")["recordSet"]] == ["pairs"]


def test_every_word_has_a_vocabulary(write: Write):
    description = write("manifest.parquet", "shards/train-000000.tar")
    context = description.pop("@context")
    schema_org = {
        "distribution", "contentUrl", "encodingFormat", "sha256", "keywords", "license", "digitalSourceType",
    }  # fmt: skip

    def words(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(words(inner) for inner in value.values()))
        return set().union(*(words(inner) for inner in value)) if isinstance(value, list) else set()

    plain = {word for word in words(description) if not word.startswith("@")}
    assert {word for word in plain if ":" not in word} <= schema_org | set(context)
    assert {word.split(":")[0] for word in plain if ":" in word} <= set(context)


def test_it_says_what_made_the_fakes_and_what_they_are_for(write: Write):
    description = write("manifest.parquet", license="https://creativecommons.org/licenses/by/2.0/")
    (painter, _) = description["prov:wasGeneratedBy"]["prov:wasAssociatedWith"]
    assert painter["digitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert painter["description"] == "text-to-image, example/painter, 0123abc"
    assert description["license"] == ["https://creativecommons.org/licenses/by/2.0/", "not stated"]
    assert all(description[f"rai:{name}"] for name in ("dataUseCases", "dataBiases", "personalSensitiveInformation"))


# of the reader's own libraries
@pytest.mark.filterwarnings("ignore::DeprecationWarning:(rdflib|mlcroissant|pyparsing).*")
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_the_reference_reader_takes_it_and_reads_all_records(
    make_dataset: Callable[..., Dataset],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
):
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path / "cache"))  # read when the library is first imported
    import mlcroissant

    caplog.set_level(logging.ERROR)
    dataset = make_dataset("walls", {"train": [1, 2, 3], "test": [4]})
    described = mlcroissant.Dataset(f"{dataset.root}/croissant.json")
    assert not described.metadata.ctx.issues.errors
    assert str(described.metadata.ctx.conforms_to.value) == "http://mlcommons.org/croissant/1.1"
    pairs = {pair.pair_id: pair for pair in dataset.pairs()}
    records = list(described.records("pairs"))
    assert [record["pairs/pair_id"].decode() for record in records] == list(pairs)
    for record in records:
        pair = pairs[record["pairs/pair_id"].decode()]
        assert record["pairs/sha256"].decode() == pair.image.sha256
        assert record["pairs/terms"].decode() == "unknown"
        assert record["pairs/digital_source_types"].decode() == "trainedAlgorithmicMedia,trainedAlgorithmicMedia"
    images = [
        (record["members/pair_id"].decode(), record["members/member"].decode(), record["members/content"].size)
        for record in described.records("members")
    ]
    assert sorted(images) == sorted((key, member, (16, 16)) for key, pair in pairs.items() for member in pair.members)
