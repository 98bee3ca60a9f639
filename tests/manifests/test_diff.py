from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from manifests import canonical
from manifests.dataset import Dataset
from manifests.diff import Changed, Move, diff
from manifests.header import Header, ShardInfo
from manifests.records import Pair
from manifests.storage import Folder

Write = Callable[..., Dataset]


@pytest.fixture
def write(tmp_path: Path, make_header: Callable[..., Header]) -> Write:
    """Write a manifest of these pairs."""

    def build(name: str, pairs: Sequence[Pair], **header: object) -> Dataset:
        folder = Folder.at(str(tmp_path / name))
        shards = [ShardInfo(name="train-000000.tar", split="train", view="scene", pairs=len(pairs))]
        lines = [make_header(shards=shards, **header), *pairs]
        folder.write("manifest.jsonl", b"".join(canonical.dumps(line) + b"\n" for line in lines))
        return Dataset.open(str(folder))

    return build


def test_equal_datasets_have_no_differences_wherever_their_pairs_lie(write: Write, make_pair: Callable[..., Pair]):
    pairs = [make_pair(number) for number in range(4)]
    elsewhere = [make_pair(number, shard="train-000009.tar") for number in range(4)]
    found = diff(write("a", pairs), write("b", elsewhere[::-1]))
    assert found.is_empty
    assert found.pairs == (4, 4)


def test_settings_are_told_by_path(write: Write):
    a = {"split": {"radius": 6, "group_by": ["pair"]}, "generators": [{"name": "sd", "num_inference_steps": 50}]}
    b = {"split": {"radius": 4, "group_by": ["pair"]}, "generators": [{"name": "sd", "num_inference_steps": 20}]}
    found = diff(write("a", [], recipe=a, salt="x"), write("b", [], recipe=b | {"target_pairs": 9}, salt="y"))
    assert [(setting.path, setting.a, setting.b) for setting in found.settings] == [
        ("recipe.generators.sd.num_inference_steps", 50, 20),
        ("recipe.split.radius", 6, 4),
        ("recipe.target_pairs", None, 9),
        ("salt", "x", "y"),
    ]
    assert not found.is_empty


def test_pairs_that_came_and_went_are_counted_and_some_are_named(write: Write, make_pair: Callable[..., Pair]):
    pairs = [make_pair(number) for number in range(9)]
    found = diff(write("a", pairs[:4]), write("b", pairs[3:]), examples=2)
    assert (found.only_a, found.only_b, found.changed, found.moved) == (3, 5, 0, 0)
    assert set(found.examples_a) < {pair.pair_id for pair in pairs[:3]}
    assert found.examples_b == tuple(pair.pair_id for pair in pairs[4:6])


def test_changed_pairs_name_their_fields_and_members(write: Write, make_pair: Callable[..., Pair]):
    before, after = make_pair(0), make_pair(0, caption="a blue wall")
    fake = after.fakes["vae"].model_copy(update={"seed": 1})
    member = after.members["vae"].model_copy(update={"size": 1})
    after = after.model_copy(
        update={"fakes": after.fakes | {"vae": fake}, "members": after.members | {"vae": member}, "split": "test"}
    )
    less = make_pair(1, generators=["painter"])
    found = diff(write("a", [before, make_pair(1)]), write("b", [after, less]))
    assert found.examples_changed == (
        Changed(pair_id=before.pair_id, fields=("caption", "fakes.vae", "members.vae")),
        Changed(pair_id=less.pair_id, fields=("fakes.vae", "members.vae")),
    )
    assert found.fields == {"caption": 1, "fakes.vae": 2, "members.vae": 2}
    assert found.examples_moved == (Move(pair_id=before.pair_id, a="train", b="test"),)
    assert found.moves == {"train to test": 1}
    assert (found.changed, found.moved) == (2, 1)
