import io
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from classifier.shards import Part, read_pairs, share_out
from classifier.transforms import Preprocessing
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.shards import Sample, write_shard
from manifests.storage import Folder

WHOLE = Preprocessing(48)
FIELDS = {"view": "scene", "source": "album", "class_label": "cat"}


def written(path: Path, *samples: Sample) -> Folder:
    folder = Folder.at(str(path))
    with folder.create("a.tar") as stream:
        write_shard(stream, samples)
    return folder


@given(sizes=st.lists(st.integers(0, 9), max_size=6), readers=st.integers(1, 8))
def test_readers_share_every_sample_once(sizes: list[int], readers: int):
    shards = {f"{number}.tar": size for number, size in enumerate(sizes)}
    read = Counter(
        (part.shard, sample)
        for reader in range(readers)
        for part in share_out(list(shards), reader, readers)
        for sample in range(part.first, shards[part.shard], part.step)
    )
    assert read == Counter((shard, sample) for shard, size in shards.items() for sample in range(size))


@given(shards=st.integers(1, 5), readers=st.integers(1, 8))
def test_no_reader_goes_without(shards: int, readers: int):
    names = [f"{number}.tar" for number in range(shards)]
    assert all(share_out(names, reader, readers) for reader in range(readers))


def test_pairs_are_read_as_they_were_written(make_dataset: Callable[..., Dataset]):
    dataset = make_dataset({"train": 5}, generators=("sd", "vae"), shards=2)
    pairs = list(read_pairs(dataset.folder, map(Part, dataset.shards("train")), ("sd", "vae")))
    assert [(pair.pair_id, pair.members) for pair in pairs] == [
        (sample.key, dict(sample.members)) for sample in dataset.samples("train")
    ]
    assert {(pair.view, pair.source, pair.class_label) for pair in pairs} == {("scene", "noise", "cloud")}
    assert {image.shape for image in pairs[0].windows(WHOLE).values()} == {(48, 48, 3)}


def test_only_the_wanted_generators_come_and_pairs_without_any_are_passed_over(tmp_path: Path):
    folder = written(
        tmp_path,
        Sample("1", {"real": b"r", "sd": b"s", "vae": b"v"}, FIELDS),
        Sample("2", {"real": b"r", "vae": b"v"}, FIELDS),
    )
    pairs = list(read_pairs(folder, [Part("a.tar")], ("sd",)))
    assert [(pair.pair_id, list(pair.members)) for pair in pairs] == [("1", ["real", "sd"])]


def test_a_sample_without_a_real_image_is_named(tmp_path: Path):
    folder = written(tmp_path, Sample("7", {"sd": b"s"}, FIELDS))
    with pytest.raises(DatasetError, match=r"a\.tar: sample 7 has no \.real image"):
        list(read_pairs(folder, [Part("a.tar")], ("sd",)))


def test_a_sample_without_its_fields_is_named(tmp_path: Path):
    folder = written(tmp_path, Sample("7", {"real": b"r", "sd": b"s"}, {"view": "scene"}))
    with pytest.raises(DatasetError, match=r"sample 7: its \.json has no 'source'"):
        list(read_pairs(folder, [Part("a.tar")], ("sd",)))


def test_an_undecodable_image_is_named(tmp_path: Path):
    folder = written(tmp_path, Sample("7", {"real": b"<html>", "sd": b"s"}, FIELDS))
    (pair,) = read_pairs(folder, [Part("a.tar")], ("sd",))
    with pytest.raises(DatasetError, match=r"^a\.tar: pair 7: the image of real cannot be decoded"):
        pair.windows(WHOLE)


def test_a_truncated_shard_is_named(tmp_path: Path):
    folder = written(tmp_path, Sample("7", {"real": b"r" * 4000, "sd": b"s"}, FIELDS))
    folder.write("a.tar", folder.read("a.tar")[:2000])
    with pytest.raises(DatasetError, match=r"a\.tar: damaged shard"):
        list(read_pairs(folder, [Part("a.tar")], ("sd",)))


def test_a_missing_shard_is_named(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"gone\.tar: no such shard"):
        list(read_pairs(Folder.at(str(tmp_path)), [Part("gone.tar")], ("sd",)))


def test_a_field_that_stands_twice_is_an_error(tmp_path: Path):
    folder = written(tmp_path, Sample("7", {"real": b"r", "sd": b"s"}, FIELDS))
    with tarfile.open(tmp_path / "a.tar", "a") as tar:
        tar.addfile(tarfile.TarInfo("7.sd.jpg"))
    with pytest.raises(DatasetError, match="damaged shard"):
        list(read_pairs(folder, [Part("a.tar")], ("sd",)))


def test_a_truncated_jpeg_is_one_line_that_names_shard_pair_and_member(tmp_path: Path):
    buffer = io.BytesIO()
    Image.effect_noise((48, 48), 40).convert("RGB").save(buffer, "JPEG")
    whole = buffer.getvalue()
    folder = written(tmp_path, Sample("7", {"real": whole, "sd": whole[: len(whole) // 2]}, FIELDS))
    (pair,) = read_pairs(folder, [Part("a.tar")], ("sd",))
    with pytest.raises(DatasetError, match=r"^a\.tar: pair 7: the image of sd cannot be decoded \(truncated") as error:
        pair.windows(WHOLE)
    assert "\n" not in str(error.value)
