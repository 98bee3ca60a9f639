"""Which files belong to a split."""

from typing import Any

import pytest

from manifests.errors import SourceError
from sources.tables.splits import files_of_split


def chosen(names: list[str], split: str, card: dict[str, Any] | None = None, subset: str = "") -> tuple[str, ...]:
    return files_of_split(names, card or {}, subset=subset, split=split, label="a set")


@pytest.mark.parametrize(
    ("names", "split", "expected"),
    [
        (["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"], "test", 1),
        (["data/train-00000-of-00001-a1b2.parquet", "data/trained-00000-of-00001.parquet"], "train", 0),
        (["default/contrast/0000.parquet", "default/partial-train/0000.parquet"], "train", 1),
        (["default/contrast/0000.parquet", "default/train/0000.parquet"], "contrast", 0),
        (["a/val/x.parquet", "a/train/y.parquet"], "validation", 0),
        (["my_test_file.parquet", "my-training.parquet"], "train", 1),
        (["a.parquet"], "train", 0),
    ],
)
def test_names_tell_the_split(names: list[str], split: str, expected: int):
    assert chosen(names, split) == (names[expected],)


def test_a_word_inside_another_is_no_split():
    with pytest.raises(SourceError, match="no Parquet files of the split 'test'; there are train"):
        chosen(["latest.parquet", "contest.parquet"], "test")


def test_files_stand_in_alphabetical_order_each_once():
    card = {"configs": [{"config_name": "default", "data_files": [{"split": "train", "path": ["b*", "**"]}]}]}
    assert chosen(["b.parquet", "a.parquet"], "train", card) == ("a.parquet", "b.parquet")


def test_a_subset_without_a_card_is_a_folder():
    names = ["one/train/0000.parquet", "two/train/0000.parquet"]
    assert chosen(names, "train", subset="two") == ("two/train/0000.parquet",)
    with pytest.raises(SourceError, match="no subset 'three'; there are one, two"):
        chosen(names, "train", subset="three")


def test_the_default_subset_is_taken_and_its_folder_stands_before_its_patterns():
    configs = [
        {"config_name": "small", "data_files": "small/*"},
        {"config_name": "large", "data_dir": "large", "data_files": ["*.parquet"], "default": True},
    ]
    assert chosen(["small/a.parquet", "large/b.parquet"], "train", {"configs": configs}) == ("large/b.parquet",)
