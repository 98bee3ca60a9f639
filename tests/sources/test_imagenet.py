"""ImageNet's tars, built here as their publisher builds them."""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched
from sources.folder import Folder, FolderConfig
from sources.imagenet import ImageNet, ImageNetConfig

CLASSES = {
    "n01440764": {"n01440764_18.JPEG": b"tench", "n01440764_36.JPEG": b"x" * 1300},
    "n02105855": {"n02105855_2933.JPEG": b"a PNG, in truth"},
    "n15075141": {"n15075141_1.JPEG": b"", "n15075141_2.JPEG": b"y" * 512},
}


def tar(files: Mapping[str, bytes], format_: int = tarfile.GNU_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format_) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def train_tar(classes: Mapping[str, Mapping[str, bytes]]):
    return tar({f"{wnid}.tar": tar(files) for wnid, files in classes.items()})


def imagenet(path: Path, data: bytes | None = None, **settings_: Any):
    if data is not None:
        path.write_bytes(data)
    return ImageNet(ImageNetConfig(path=str(path), **settings_))


def everything(source: ImageNet | Folder, workdir: Path):
    """Source id and class, with the bytes."""
    outcomes = [outcome for _, outcome in source.fetch(list(source.list()), workdir)]
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)
    return {(o.image.source_id, o.image.class_label): o.data for o in outcomes if isinstance(o, Fetched)}


def failure(source: ImageNet):
    with pytest.raises(SourceError) as caught:
        list(source.list())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
def test_the_tar_of_tars_is_read_in_place(tmp_path: Path, format_: int):
    outer = tar({f"{wnid}.tar": tar(files, format_) for wnid, files in CLASSES.items()}, format_)
    found = everything(imagenet(tmp_path / "train.tar", outer), tmp_path)
    assert found == {(f"{wnid}/{name}", wnid): data for wnid, files in CLASSES.items() for name, data in files.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["train.tar"]


def test_a_chunk_reads_its_own_bytes_alone_in_any_order(tmp_path: Path):
    source = imagenet(tmp_path / "train.tar", train_tar(CLASSES))
    last, first = list(source.list())[-1], next(iter(source.list()))
    fetched = list(source.fetch([last, first], tmp_path))
    assert [listing for listing, _ in fetched] == [last, first]
    assert [outcome.data for _, outcome in fetched if isinstance(outcome, Fetched)] == [b"y" * 512, b"tench"]


def test_the_flat_validation_tar_names_no_classes(tmp_path: Path):
    files = {f"ILSVRC2012_val_{number:08}.JPEG": bytes([number]) for number in range(1, 6)}
    found = everything(imagenet(tmp_path / "val.tar", tar(files), split="validation"), tmp_path)
    assert found == {(name, ""): data for name, data in files.items()}


def test_limits_hold_for_each_class(tmp_path: Path):
    source = imagenet(tmp_path / "train.tar", train_tar(CLASSES), limit_per_class=1)
    assert [listing.class_label for listing in source.list()] == list(CLASSES)


def test_only_names_are_read_from_member_paths(tmp_path: Path):
    classes = {"/etc/n01440764": {"../../n01440764_1.JPEG": b"a", "./n01440764_2.JPEG": b"b"}}
    found = everything(imagenet(tmp_path / "train.tar", train_tar(classes)), tmp_path)
    assert list(found) == [("n01440764/n01440764_1.JPEG", "n01440764"), ("n01440764/n01440764_2.JPEG", "n01440764")]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_tar_that_is_cut_off_anywhere_is_never_taken_for_whole(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    whole = train_tar(CLASSES)
    end = whole.rindex(b"y") + 512  # the last image, and half of the mark that ends its tar
    path = tmp_path_factory.mktemp("cut") / "train.tar"
    message = failure(imagenet(path, whole[: data.draw(st.integers(0, end))]))
    assert str(path) in message
    assert "fetch it again" in message


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_header_that_is_damaged_is_never_taken_for_the_end(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
):
    damaged = bytearray(train_tar(CLASSES))
    headers = [at for at in range(0, len(damaged), 512) if damaged[at + 257 : at + 262] == b"ustar"]
    outside_its_checksum = st.integers(0, 147) | st.integers(156, 511)
    at = data.draw(st.sampled_from(headers)) + data.draw(outside_its_checksum)
    damaged[at] ^= data.draw(st.integers(1, 255))
    failure(imagenet(tmp_path_factory.mktemp("damaged") / "train.tar", bytes(damaged)))


def test_an_inner_tar_that_is_cut_off_is_named(tmp_path: Path):
    inner = tar(CLASSES["n01440764"])
    outer = tar({"n01440764.tar": inner[:2048], "n02105855.tar": tar(CLASSES["n02105855"])})
    assert "train.tar: n01440764.tar: cut off or damaged" in failure(imagenet(tmp_path / "train.tar", outer))


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html>" * 100, bytes(511)])
def test_what_is_no_tar_is_said_to_be_none(tmp_path: Path, data: bytes):
    assert "not a whole tar" in failure(imagenet(tmp_path / "train.tar", data))


def test_the_other_tar_than_the_recipe_says_is_told_at_once(tmp_path: Path):
    flat = tar({"ILSVRC2012_val_00000001.JPEG": b"a"})
    assert "`split`" in failure(imagenet(tmp_path / "val.tar", flat))
    assert "`split`" in failure(imagenet(tmp_path / "train.tar", train_tar(CLASSES), split="validation"))


def test_an_image_of_another_class_is_not_taken(tmp_path: Path):
    wrong = train_tar({"n01440764": {"n02105855_1.JPEG": b"a"}})
    assert "'n02105855_1.JPEG' is not named 'n01440764_<number>.JPEG'" in failure(imagenet(tmp_path / "t.tar", wrong))


def test_a_link_is_not_followed(tmp_path: Path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        link = tarfile.TarInfo("ILSVRC2012_val_00000001.JPEG")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    source = imagenet(tmp_path / "val.tar", stream.getvalue(), split="validation")
    assert "is a link or a device" in failure(source)


def test_a_missing_tar_is_one_clear_line(tmp_path: Path):
    assert "nowhere.tar: there is no such file" in failure(imagenet(tmp_path / "nowhere.tar"))
    assert "this is a folder" in failure(imagenet(tmp_path))
    assert "cannot be opened" in failure(ImageNet(ImageNetConfig(path="nothing://train.tar")))


def test_a_tar_that_became_shorter_is_noticed_when_it_is_read(tmp_path: Path):
    whole = train_tar(CLASSES)
    source = imagenet(tmp_path / "train.tar", whole)
    listings = list(source.list())
    (tmp_path / "train.tar").write_bytes(whole[: int(listings[-1].location["offset"]) + 10])
    with pytest.raises(SourceError, match=r"ends inside n15075141/n15075141_2\.JPEG"):
        list(source.fetch(listings, tmp_path))


def test_an_image_that_is_too_large_is_not_read(tmp_path: Path):
    source = imagenet(tmp_path / "train.tar", train_tar(CLASSES), max_bytes=1000)
    rejected = [(listing.source_id, outcome) for listing, outcome in source.fetch(list(source.list()), tmp_path)]
    [(source_id, outcome)] = [item for item in rejected if isinstance(item[1], RejectedItem)]
    assert (source_id, outcome.reason) == ("n01440764/n01440764_36.JPEG", Reason.TOO_LARGE)


def test_a_folder_and_a_tar_of_the_same_photographs_give_the_same_records(tmp_path: Path, photographs: list[Path]):
    classes = {path.name[:9]: {path.name: path.read_bytes()} for path in photographs}
    root = tmp_path / "folder"
    for wnid, files in classes.items():
        for name, data in files.items():
            (root / wnid).mkdir(parents=True, exist_ok=True)
            (root / wnid / name).write_bytes(data)

    sources = (Folder(FolderConfig(path=str(root))), imagenet(tmp_path / "train.tar", train_tar(classes)))
    records = []
    for source in sources:
        outcomes = [outcome for _, outcome in source.fetch(list(source.list()), tmp_path)]
        records.append([o.image.model_dump(exclude={"source", "terms"}) for o in outcomes if isinstance(o, Fetched)])
    assert len(records[0]) == len(photographs)
    assert records[0] == records[1]
    assert (
        records[0][0]["sha256"]
        == hashlib.sha256(next(iter(classes[records[0][0]["class_label"]].values()))).hexdigest()
    )
