"""What a published dataset says of pairs whose pixels it does not hold."""

import csv
import io
from collections.abc import Callable, Sequence

import pytest

from manifests import canonical
from manifests.cards import WITHHELD
from manifests.dataset import Dataset
from manifests.index import read_index, write_index
from manifests.records import Pair
from manifests.removal import remove
from manifests.tombstones import Tombstone, Tombstones
from manifests.verify.run import Verification
from manifests.withheld import COMPLETE, Complete, write_withheld

MakePair = Callable[..., Pair]


@pytest.fixture
def published(make_dataset: Callable[..., Dataset], make_pair: MakePair) -> Dataset:
    """Pairs 0 and 1 with their pixels, 2 and 3 without."""
    dataset = make_dataset("open", {"train": [0, 1]}, terms="open")
    closed = [make_pair(number, shard="train-000001.tar", terms="unknown", author=f"Ann {number}") for number in (2, 3)]
    further = dataset.header.shards[0].model_copy(update={"name": "train-000001.tar"})
    header = dataset.header.model_copy(update={"shards": [*dataset.header.shards, further]})
    lines = [header, *dataset.pairs(), *closed]
    dataset.folder.write(COMPLETE, b"".join(canonical.dumps(line) + b"\n" for line in lines))
    write_withheld(dataset.folder, [*dataset.pairs(), *closed])
    write_index(dataset.folder, "passed", dataset.record_counts() | {COMPLETE: 5, WITHHELD: 2})
    return dataset


def taken_down(dataset: Dataset, pairs: Sequence[Pair]) -> Dataset:
    remove(dataset, Tombstones.of(Tombstone(sha256=pair.image.sha256, key=pair.image.key) for pair in pairs))
    return Dataset.open(str(dataset.folder))


def findings(dataset: Dataset) -> list[str]:
    return [str(finding) for finding in Verification(dataset.folder).findings()]


def complete(dataset: Dataset) -> Complete:
    found = Complete.of(dataset)
    assert found is not None
    return found


def withheld(dataset: Dataset) -> list[str]:
    rows = csv.DictReader(io.StringIO(dataset.folder.read(WITHHELD).decode()))
    return [row["pair_id"] for row in rows]


def test_what_is_taken_down_is_in_neither_list(published: Dataset):
    pairs = list(complete(published).pairs())
    left = taken_down(published, (pairs[0], pairs[2]))
    assert list(left.pairs()) == [pairs[1]]
    assert list(complete(left).pairs()) == [pairs[1], pairs[3]]
    assert [(shard.name, shard.pairs) for shard in complete(left).header.shards] == [
        ("train-000000.tar", 1),
        ("train-000001.tar", 1),
    ]
    assert withheld(left) == [pairs[3].pair_id]
    index = read_index(left.folder)
    assert (index.files[COMPLETE].count, index.files[WITHHELD].count) == (3, 1)
    assert findings(left) == []
    names = left.folder.files()
    told = b"".join(left.folder.read(name) for name in names if name not in ("tombstones.jsonl", "rejects.jsonl"))
    assert all(word not in told for word in (b"Ann 2", *(pairs[at].image.key.encode() for at in (0, 2))))
    assert b"1 of 2 pairs" in left.folder.read("README.md")


def test_a_damaged_line_and_what_was_taken_down_are_found_in_the_list(published: Dataset):
    lines = published.folder.read(COMPLETE).splitlines()
    pair = Pair.model_validate_json(lines[4])
    published.folder.write(COMPLETE, b"\n".join([*lines[:3], b"{", lines[4]]))
    Tombstones.of([Tombstone(sha256=pair.image.sha256, key=pair.image.key)]).write(published.folder)
    write_index(published.folder, "passed", published.record_counts() | {COMPLETE: 5, WITHHELD: 2})
    assert [line.partition(": ")[0] for line in findings(published) if line.startswith(COMPLETE)] == [
        f"{COMPLETE}, line 4",
        f"{COMPLETE}, line 5",
    ]


def test_where_nothing_is_withheld_any_more_the_lists_go(published: Dataset, assert_whole: Callable[[Dataset], None]):
    pairs = list(complete(published).pairs())
    left = taken_down(published, pairs[2:])
    assert list(left.pairs()) == pairs[:2]
    assert Complete.of(left) is None
    assert left.folder.size(WITHHELD) is None
    assert_whole(left)
