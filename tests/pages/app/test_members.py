import pytest

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from pages.app import members as module
from pages.app.context import AppContext
from pages.app.members import Members


def test_the_images_are_those_of_the_shards(dataset: Dataset):
    members = Members(dataset)
    for shard in dataset.header.shards:
        for sample in Dataset.open(dataset.root).samples(shard.split):
            if sample.metadata["view"] == shard.view:
                found = members.of(shard.name, sample.key)
                assert {member.name: member.data for member in found} == dict(sample.members)
                assert found[0].is_real


@pytest.mark.parametrize("shard", ["../manifest.jsonl", "/etc/passwd", "train-scene-000099.tar", ""])
def test_no_file_beside_the_shards_is_read(context: AppContext, shard: str):
    with pytest.raises(DatasetError, match="none of the dataset's shards"):
        context.members.of(shard, "x")


def test_what_is_not_there_is_named(context: AppContext):
    row = context.catalogue.at(0)
    with pytest.raises(DatasetError, match="holds no pair"):
        context.members.of(row.shard, "0" * 16 + "-scene")
    with pytest.raises(DatasetError, match="holds no image"):
        context.members.one(row.shard, row.pair_id, "nobody")
    context.opened.folder.remove(f"shards/{row.shard}")
    with pytest.raises(DatasetError, match="missing"):
        Members(context.opened).of(row.shard, row.pair_id)


def test_no_more_is_remembered_than_fits(dataset: Dataset, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_IMAGES_REMEMBERED", 10)
    members = Members(dataset)
    pairs = list(dataset.pairs())
    for pair in pairs:
        members.of(pair.shard, pair.pair_id)
    assert len(members._spans) == 1
    assert members.of(pairs[0].shard, pairs[0].pair_id)
