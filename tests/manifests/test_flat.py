"""The flat list of a dataset's images."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.flat import FlatImage, chosen, flat_images, write_flat
from twinset.commands.flat import flat


@pytest.fixture
def whole(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset("whole", {"train": range(5), "validation": [5], "test": range(6, 9)})


def images(number: int) -> Iterator[FlatImage]:
    return (FlatImage(f"{position}.jpg", position % 3 == 0, "train") for position in range(number))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_image_is_named_with_its_label_and_subset(whole: Dataset, tmp_path: Path):
    counts = write_flat(whole, str(tmp_path / "flat.jsonl"))
    assert counts == {
        ("train", 0): 5,
        ("train", 1): 10,
        ("validation", 0): 1,
        ("validation", 1): 2,
        ("test", 0): 3,
        ("test", 1): 6,
    }
    written = lines(tmp_path / "flat.jsonl")
    assert Counter((line["subset"], line["label"]) for line in written) == counts
    assert [set(line) for line in written] == [{"path", "label", "subset"}] * 27


def test_a_path_opens_the_image_itself(whole: Dataset):
    bytes_of = {(sample.key, name): data for sample in whole.samples() for name, data in sample.members.items()}
    for image in flat_images(whole):
        member, _, shard = image.path.removeprefix("tar://").partition("::")
        with fsspec.open(f"tar://{member}::{whole.root}/{shard}") as stream:
            key, name, _ = member.rsplit(".", 2)
            assert stream.read() == bytes_of[key, name]
            assert image.label == (name != "real")


def test_a_smaller_size_is_a_part_of_a_larger_one_with_half_of_either_label():
    small, large = chosen(images(300), 40, "salt"), chosen(images(300), 100, "salt")
    assert Counter(image.label for image in small) == {True: 20, False: 20}
    assert set(small) < set(large)
    assert [int(image.path[:-4]) for image in large] == sorted(int(image.path[:-4]) for image in large)
    assert chosen(images(300), 100, "other") != large
    # a hundred fakes are all there are
    assert Counter(image.label for image in chosen(images(300), 1000, "salt")) == {True: 100, False: 200}
    assert chosen(images(300), None, "salt") == list(images(300))


def test_the_command_takes_published_sizes(whole: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    flat(whole.root, out=str(tmp_path / "flat.jsonl"), size="20k")
    assert len(lines(tmp_path / "flat.jsonl")) == 27
    assert "27 images (test 3 real, test 6 fake" in capsys.readouterr().out
    with pytest.raises(Exception, match=r"--size '2x': expected a number such as 20000, 20k or 2m"):
        flat(whole.root, out=str(tmp_path / "other.jsonl"), size="2x")
    assert not (tmp_path / "other.jsonl").exists()


def test_a_damaged_shard_is_named(whole: Dataset, tmp_path: Path):
    shard = next(Path(whole.root).glob("shards/train-*.tar"))
    shard.write_bytes(shard.read_bytes()[:700])
    with pytest.raises(DatasetError, match=shard.name):
        write_flat(whole, str(tmp_path / "flat.jsonl"))
    assert not (tmp_path / "flat.jsonl").exists()
