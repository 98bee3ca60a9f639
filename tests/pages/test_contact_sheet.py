"""Which pairs are shown, and what happens when the shards do not hold them."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.shards import write_shard
from pages.contact_sheet import choose, load_images


def test_the_choice_does_not_depend_on_the_order_and_grows_in_place(build_dataset: Callable[..., Dataset]):
    pairs = list(build_dataset(count=20).pairs())
    shuffled = random.Random(1).sample(pairs, len(pairs))
    four = choose(pairs, ["scene", "patch"], 4)
    assert {view: len(chosen) for view, chosen in four.items()} == {"scene": 4, "patch": 4}
    assert choose(shuffled, ["scene", "patch"], 4) == four
    assert choose(pairs, ["scene", "patch"], 7)["scene"][:4] == four["scene"]
    assert all(pair.frame.view == view for view, chosen in four.items() for pair in chosen)


def test_a_view_without_pairs_has_an_empty_sheet():
    assert choose([], ["scene"], 4) == {"scene": []}


def test_a_pair_that_its_shard_lacks_is_named(build_dataset: Callable[..., Dataset], tmp_path: Path):
    dataset = build_dataset(count=6)
    pairs = list(dataset.pairs())
    with (tmp_path / "dataset" / "shards" / pairs[0].shard).open("wb") as stream:
        write_shard(stream, ())
    with pytest.raises(DatasetError, match=r"lacks the pair [0-9a-f]{16}-scene"):
        load_images(dataset, pairs)
