import re
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests import canonical
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.index import write_index
from manifests.merge import merge
from manifests.records import Reason
from manifests.removal import remove
from manifests.subset import parse_filter, subset
from manifests.tombstones import Tombstone, Tombstones, read_tombstones

Make = Callable[..., Dataset]
Check = Callable[[Dataset], None]


def ids(dataset: Dataset) -> set[str]:
    return {pair.pair_id for pair in dataset.pairs()}


def test_pairs_of_both_in_their_splits(make_dataset: Make, tmp_path: Path, assert_whole: Check):
    left = make_dataset("left", {"train": range(3), "test": [3]})
    right = make_dataset("right", {"train": range(10, 13), "validation": [13]})
    both = merge([left, right], str(tmp_path / "both"), name="both")
    assert_whole(both)
    homes = {pair.pair_id: pair.split for dataset in (left, right) for pair in dataset.pairs()}
    assert {pair.pair_id: pair.split for pair in both.pairs()} == homes
    assert [shard.pairs for shard in both.header.shards] == [2, 2, 2, 1, 1]
    assert (both.header.name, both.audit_verdict) == ("both", "none")


def test_the_parts_of_a_dataset_make_it_again(make_dataset: Make, tmp_path: Path):
    whole = make_dataset("whole", {"train": range(5), "test": range(6, 9)})
    parts = [subset(whole, str(tmp_path / name), parse_filter([f"split={name}"])) for name in ("train", "test")]
    again = merge(parts, str(tmp_path / "again"))
    for name in ("manifest.jsonl", "rejects.jsonl", "manifest.parquet", "croissant.json", *whole.shards()):
        assert again.folder.read(name) == whole.folder.read(name), name


def test_a_pair_of_both_is_taken_once(make_dataset: Make, tmp_path: Path, assert_whole: Check):
    left = make_dataset("left", {"train": range(4)})
    right = make_dataset("right", {"train": range(2, 6)})
    both = merge([left, right], str(tmp_path / "both"))
    assert_whole(both)
    assert sum(1 for _ in both.pairs()) == 6
    assert ids(both) == ids(left) | ids(right)


def test_what_one_took_down_goes_from_all(make_dataset: Make, tmp_path: Path, assert_whole: Check):
    left = make_dataset("left", {"train": range(4)})
    right = make_dataset("right", {"train": range(2, 6)})
    victim = next(right.pairs())
    remove(right, Tombstones.of([Tombstone(sha256=victim.image.sha256, key=victim.image.key, reason="asked for")]))
    both = merge([left, Dataset.open(str(right.folder))], str(tmp_path / "both"))
    assert_whole(both)
    assert victim.pair_id not in ids(both)
    rejects = [(reject.key, reject.reason, reject.detail) for reject in both.rejects()]
    assert rejects == [(victim.pair_id, Reason.TAKEN_DOWN, "asked for")]
    assert read_tombstones(both.folder).covers(victim.image)


@pytest.mark.parametrize(
    ("numbers", "fields", "complaint"),
    [
        ({"test": [0]}, {}, r"image \w+ is in train in .*left, in test in .*right"),
        (
            {"train": [0]},
            {"caption": "x", "model": "other/painter"},
            "generator painter: model is 'example/painter' in",
        ),
        ({"train": [9]}, {"generators": ("vae",)}, "view scene: generators is "),
    ],
)
def test_what_does_not_fit_together_is_refused(
    make_dataset: Make, tmp_path: Path, numbers: dict[str, list[int]], fields: dict[str, object], complaint: str
):
    left = make_dataset("left", {"train": range(3)})
    right = make_dataset("right", numbers, **fields)
    with pytest.raises(DatasetError, match=complaint):
        merge([left, right], str(tmp_path / "both"))
    assert not (tmp_path / "both").exists()


def grouped(dataset: Dataset, group_by: list[str], radius: int = 6) -> Dataset:
    """The dataset with a recipe that keeps these groups in one split; its images all look alike."""
    recipe = {"split": {"group_by": group_by, "radius": radius}}
    header = dataset.header.model_copy(update={"recipe": recipe})
    _, lines = dataset.folder.read("manifest.jsonl").split(b"\n", 1)
    lines = re.sub(rb'"phash":"[0-9a-f]{16}"', b'"phash":"0123456789abcdef"', lines)
    dataset.folder.write("manifest.jsonl", canonical.dumps(header) + b"\n" + lines)
    write_index(dataset.folder, "passed", dataset.record_counts())
    return Dataset.open(str(dataset.folder))


def test_groups_that_both_keep_together_stay_together(make_dataset: Make, tmp_path: Path):
    datasets = [
        grouped(make_dataset(name, numbers), ["pair", "caption"])
        for name, numbers in (("left", {"train": [1]}), ("right", {"test": [2]}))
    ]
    with pytest.raises(DatasetError, match="is in test, but caption 'a grey wall' is in train"):
        merge(datasets, str(tmp_path / "both"))


def test_groups_that_one_does_not_keep_together_may_be_in_two_splits(make_dataset: Make, tmp_path: Path):
    left = grouped(make_dataset("left", {"train": [1]}), ["pair", "caption"])
    right = grouped(make_dataset("right", {"test": [2]}), ["pair"])
    assert {pair.split for pair in merge([left, right], str(tmp_path / "both")).pairs()} == {"train", "test"}


@pytest.mark.parametrize(
    ("group_by", "complaint"),
    [
        (["pair", "caption"], "is in test, but caption 'a grey wall' is in train"),
        (["pair", "near-duplicate"], "is in test, but near-duplicate of [0-9a-f]{16} in train"),
    ],
)
def test_merging_in_two_steps_guards_what_merging_at_once_does(
    make_dataset: Make, tmp_path: Path, group_by: list[str], complaint: str
):
    left, middle = (
        # recipes of their own, so that the merged header holds both
        grouped(make_dataset(name, {"train": [number]}), group_by, radius=number)
        for number, name in enumerate(("left", "middle"))
    )
    right = grouped(make_dataset("right", {"test": [7]}), group_by)
    with pytest.raises(DatasetError, match=complaint):
        merge([left, middle, right], str(tmp_path / "at-once"))
    half = merge([left, middle], str(tmp_path / "half"))
    assert [part["name"] for part in half.header.recipe["merged"]] == ["left", "middle"]
    with pytest.raises(DatasetError, match=complaint):
        merge([half, right], str(tmp_path / "both"))
    # and the other way round, the merged one being met last
    with pytest.raises(DatasetError, match=r"is in train, but .* in test"):
        merge([right, half], str(tmp_path / "both"))
    assert not (tmp_path / "both").exists()


def test_one_dataset_is_no_merge(make_dataset: Make, tmp_path: Path):
    with pytest.raises(DatasetError, match="two datasets or more"):
        merge([make_dataset("left", {"train": [1]})], str(tmp_path / "both"))
