import io
import itertools
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import DatasetError
from manifests.records import Pair
from manifests.shards import Sample, extension, metadata, read_shard, write_shard

SAMPLES = st.lists(
    st.builds(
        Sample,
        key=st.from_regex(r"[0-9a-f]{16}-[a-z0-9_]{1,5}", fullmatch=True),
        members=st.dictionaries(
            st.from_regex(r"[a-z0-9_]{1,6}", fullmatch=True), st.binary(max_size=1100), min_size=1, max_size=3
        ),
        metadata=st.dictionaries(
            st.text(max_size=5), st.text(max_size=9) | st.integers(-9, 9) | st.floats(0, 1), min_size=1, max_size=4
        ),
    ),
    max_size=4,
    unique_by=lambda sample: sample.key,
)


def write(samples: Iterable[Sample]) -> bytes:
    stream = io.BytesIO()
    write_shard(stream, samples)
    return stream.getvalue()


def read(data: bytes) -> list[Sample]:
    return list(read_shard(io.BytesIO(data), "shards/train-000000.tar"))


def tar(*members: tarfile.TarInfo, data: bytes = b"data") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for info in members:
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture(scope="module")
def samples(make_pair: Callable[..., Pair], members: Callable[..., dict[str, bytes]]) -> list[Sample]:
    pairs = [make_pair(number) for number in range(6)]
    return [Sample(pair.pair_id, members(number), metadata(pair)) for number, pair in enumerate(pairs)]


@settings(max_examples=60)
@given(SAMPLES)
def test_what_is_written_is_read_back(samples: list[Sample]):
    assert read(write(samples)) == samples if samples else write(samples)


def test_equal_samples_give_equal_bytes_whatever_the_order_of_their_fields(samples: list[Sample]):
    turned = [
        Sample(sample.key, dict(reversed(sample.members.items())), dict(reversed(sample.metadata.items())))
        for sample in samples
    ]
    assert write(turned) == write(samples)
    assert write(samples[::-1]) != write(samples)


def test_nothing_in_the_headers_depends_on_when_and_by_whom_they_were_written(samples: list[Sample]):
    with tarfile.open(fileobj=io.BytesIO(write(samples))) as archive:
        infos = archive.getmembers()
    names = [f"{sample.key}.{end}" for sample in samples for end in ("json", "painter.jpg", "real.jpg", "vae.jpg")]
    assert [info.name for info in infos] == names
    assert {(info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) for info in infos} == {
        (0, 0, 0, "", "", 0o444)
    }
    assert not any(info.pax_headers for info in infos)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"\x89PNG\r\n\x1a\n", "png"), (b"RIFF\x00\x00\x00\x00WEBP", "webp"), (b"\xff\xd8\xff", "jpg")],
)
def test_the_extension_is_that_of_the_bytes(data: bytes, expected: str):
    assert extension(data) == expected


def test_the_metadata_is_flat_and_of_the_same_types_for_every_pair(make_pair: Callable[..., Pair]):
    fields = metadata(make_pair(1, class_label="wall"))
    assert list(fields) == [
        "pair_id", "group_id", "split", "real_key", "view", "framing", "source", "source_id", "class_label", "caption",
        "license", "width", "height", "generators",
    ]  # fmt: skip
    assert (fields["class_label"], fields["width"], fields["generators"]) == ("wall", 16, "painter,vae")
    bare = metadata(make_pair(2, generators=("vae",), license=""))
    assert {name: type(value) for name, value in bare.items()} == {name: type(fields[name]) for name in fields}


@pytest.mark.xdist_group("webdataset")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves that to the collector
def test_webdataset_reads_a_shard_as_it_is(tmp_path: Path, samples: list[Sample]):
    import webdataset

    path = tmp_path / "train-000000.tar"
    path.write_bytes(write(samples))
    read_by_it = list(webdataset.WebDataset(str(path), shardshuffle=False))
    assert [entry["__key__"] for entry in read_by_it] == [sample.key for sample in samples]
    for entry, sample in zip(read_by_it, samples, strict=True):
        assert {name: entry[f"{name}.jpg"] for name in sample.members} == sample.members
        assert json.loads(entry["json"]) == sample.metadata


@pytest.mark.xdist_group("webdataset")
def test_datasets_reads_shards_as_they_are(tmp_path: Path, samples: list[Sample]):
    import datasets

    for number in range(2):
        (tmp_path / f"train-00000{number}.tar").write_bytes(write(samples[3 * number : 3 * number + 3]))
    loaded = datasets.load_dataset(
        "webdataset", data_files=str(tmp_path / "train-*.tar"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded["__key__"][:] == [sample.key for sample in samples]
    assert loaded["json"][:] == [sample.metadata for sample in samples]
    encoded = loaded.cast_column("real.jpg", datasets.Image(decode=False))
    assert [image["bytes"] for image in encoded["real.jpg"]] == [sample.members["real"] for sample in samples]
    assert loaded[0]["vae.jpg"].size == (16, 16)


@pytest.mark.parametrize(
    "name",
    [
        "../0.real.jpg", "/etc/0.real.jpg", "folder/0.real.jpg", "0", "0.", ".json", ".real.jpg", "0.real", "0.jpg",
        "0.real.jpg.exe", "0.real.jpg\n", "0.REAL.jpg", "0 .json", "0..jpg", "é.json", "x" * 5000 + ".real.jpg",
    ],
)  # fmt: skip
def test_a_file_that_is_no_sample_s_is_one_clear_line(name: str):
    with pytest.raises(DatasetError, match=r"train-000000.tar: damaged shard .*is not the name of a") as caught:
        read(tar(tarfile.TarInfo(name)))
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_plain_file_is_refused(kind: bytes):
    info = tarfile.TarInfo("0.real.jpg")
    info.type = kind
    info.linkname = "/etc/passwd"
    with pytest.raises(DatasetError, match=r"0\.real\.jpg is not a plain file"):
        read(tar(info))


def test_a_sparse_file_that_claims_a_terabyte_is_refused_before_it_is_read():
    info = tarfile.TarInfo("0.real.jpg")
    info.pax_headers = {"GNU.sparse.map": "0,4", "GNU.sparse.size": str(1 << 40)}
    with pytest.raises(DatasetError, match=r"0\.real\.jpg is not a plain file"):
        read(tar(info))


def test_a_member_that_stands_twice_is_refused():
    for name in ("0.real.jpg", "0.json"):
        data = b'{"view": "scene"}'
        with pytest.raises(DatasetError, match=f"{name} stands twice"):
            read(tar(tarfile.TarInfo(name), tarfile.TarInfo(name), data=data))


@pytest.mark.parametrize(("name", "words"), [("0.real.jpg", "sample 0 has no .json"), ("0.json", "has no image")])
def test_a_sample_without_its_json_or_without_an_image_is_refused(name: str, words: str):
    with pytest.raises(DatasetError, match=words):
        read(tar(tarfile.TarInfo(name), data=b'{"view": "scene"}'))


@pytest.mark.parametrize("data", [b"<html>", b"[]", b'{"view": ["scene"]}', b'{"view": null}', b"\xff", b"[" * 100_000])
def test_json_that_is_not_flat_is_one_clear_line(data: bytes):
    with pytest.raises(DatasetError, match="damaged shard") as caught:
        read(tar(tarfile.TarInfo("0.json"), data=data))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_shard_cut_short_anywhere_is_damaged(samples: list[Sample]):
    whole = write(samples[:2])
    end = len(whole.rstrip(b"\0")) // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE + tarfile.BLOCKSIZE
    lengths = itertools.chain(range(0, end, tarfile.BLOCKSIZE), range(100, end, 1009), [end])
    for length in lengths:
        with pytest.raises(DatasetError, match="damaged shard"):
            read(whole[:length])
    assert read(whole[: end + tarfile.BLOCKSIZE]) == samples[:2]  # one block of zeros ends an archive


@settings(max_examples=150)
@given(st.data())
def test_a_byte_changed_anywhere_never_loses_a_sample_unseen(samples: list[Sample], data: st.DataObject):
    whole = bytearray(write(samples[:2]))
    end = len(bytes(whole).rstrip(b"\0"))
    position = data.draw(st.integers(0, end - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    try:
        found = read(bytes(whole))
    except DatasetError:
        return
    assert [len(sample.members) for sample in found] == [3, 3]


@settings(max_examples=100)
@given(st.binary(max_size=2000))
def test_what_is_no_tar_is_damaged(data: bytes):
    if data[:512].strip(b"\0"):
        with pytest.raises(DatasetError, match="damaged shard"):
            read(data)


def test_a_chain_of_headers_without_end_is_damaged():
    info = tarfile.TarInfo("././@LongLink")
    info.type = tarfile.GNUTYPE_LONGNAME
    header = info.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(DatasetError, match="damaged shard"):
        read(header * 5000)


def test_all_images_that_stand_alone_have_the_same_fields(
    make_single: Callable[..., Pair], make_pair: Callable[..., Pair]
):
    kinds = [make_single(0), make_single(1, generator="painter"), make_single(2, variant="prompt", source_caption="a")]
    fields = [[(name, type(value)) for name, value in metadata(pair).items()] for pair in kinds]
    assert fields[0] == fields[1] == fields[2]
    assert [metadata(pair)["prompt"] for pair in kinds] == ["", "a wall", "a"]
    assert "label" not in metadata(make_pair(3))
