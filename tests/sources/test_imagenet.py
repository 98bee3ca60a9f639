"""ImageNet's tars, built here as their publisher builds them."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from pixels.config import ScreenRules
from pixels.inspect import inspect
from sources.base import Fetched
from sources.folder import Folder
from sources.imagenet import ImageNet, ImageNetConfig
from tests.tars import tarred

CLASSES = {
    "n01440764": {"n01440764_18.JPEG": b"tench", "n01440764_36.JPEG": b"x" * 1300},
    "n02105855": {"n02105855_2933.JPEG": b"a PNG, in truth"},
    "n15075141": {"n15075141_1.JPEG": b"", "n15075141_2.JPEG": b"y" * 512},
}


def train_tar(classes: Mapping[str, Mapping[str, bytes]]):
    return tarred({f"{wnid}.tar": tarred(files) for wnid, files in classes.items()})


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
    outer = tarred({f"{wnid}.tar": tarred(files, layout=format_) for wnid, files in CLASSES.items()}, layout=format_)
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
    found = everything(imagenet(tmp_path / "val.tar", tarred(files), split="validation"), tmp_path)
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
    inner = tarred(CLASSES["n01440764"])
    outer = tarred({"n01440764.tar": inner[:2048], "n02105855.tar": tarred(CLASSES["n02105855"])})
    assert "train.tar: n01440764.tar: cut off or damaged" in failure(imagenet(tmp_path / "train.tar", outer))


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html>" * 100, bytes(511)])
def test_what_is_no_tar_is_said_to_be_none(tmp_path: Path, data: bytes):
    assert "not a whole tar" in failure(imagenet(tmp_path / "train.tar", data))


def test_the_other_tar_than_the_recipe_says_is_told_at_once(tmp_path: Path):
    flat = tarred({"ILSVRC2012_val_00000001.JPEG": b"a"})
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
    assert "holds no <wnid>/*.JPEG" in failure(imagenet(tmp_path))
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


# --- validation images, the devkit, unpacked folders ---

SYNSETS = [  # the devkit's own numbers are not those of the sorted WordNet ids, and inner nodes of WordNet follow
    (1, "n02105855", "Shetland sheepdog, Shetland sheep dog, Shetland"),
    (2, "n01440764", "tench, Tinca tinca"),
    (3, "n15075141", "toilet tissue, toilet paper, bathroom tissue"),
    (4, "n00001740", "entity"),
]
TRUTH = (2, 1, 3, 2)
OF_IMAGE = ("n01440764", "n02105855", "n15075141", "n01440764")
VALIDATION = {f"ILSVRC2012_val_{number:08}.JPEG": b"image %d" % number for number in range(1, 5)}


def devkit(path: Path, truth: str = "\n".join(map(str, TRUTH)) + "\n", *, meta: bytes | None = None):
    """A devkit as it is published: a compressed tar with MATLAB's table of synsets."""
    fields = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O")]
    synsets = np.zeros((len(SYNSETS), 1), dtype=fields)
    for row, (number, wnid, words) in enumerate(SYNSETS):
        synsets[row, 0] = (float(number), wnid, words, "a gloss", 0.0)
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"synsets": synsets})
    files = {
        "ILSVRC2012_devkit_t12/readme.txt": b"",
        "ILSVRC2012_devkit_t12/data/meta.mat": stream.getvalue() if meta is None else meta,
        "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": truth.encode(),
    }
    path.write_bytes(gzip.compress(tarred(files)))
    return str(path)


def test_the_devkit_says_which_class_a_validation_image_has(tmp_path: Path):
    kit = devkit(tmp_path / "ILSVRC2012_devkit_t12.tar.gz")
    source = imagenet(tmp_path / "val.tar", tarred(VALIDATION), split="validation", devkit=kit)
    found = everything(source, tmp_path)
    assert found == {(name, wnid): data for (name, data), wnid in zip(VALIDATION.items(), OF_IMAGE, strict=True)}
    named = imagenet(tmp_path / "val.tar", split="validation", devkit=kit, class_names="words", limit_per_class=1)
    assert sorted(listing.class_label for listing in named.list()) == ["Shetland sheepdog", "tench", "toilet tissue"]


def test_classes_of_the_training_tar_may_be_called_by_their_words(tmp_path: Path):
    kit = devkit(tmp_path / "devkit.tar.gz")
    source = imagenet(tmp_path / "train.tar", train_tar(CLASSES), devkit=kit, class_names="words")
    assert {listing.class_label for listing in source.list()} == {"tench", "Shetland sheepdog", "toilet tissue"}
    with pytest.raises(ValidationError, match="give `devkit`"):
        ImageNetConfig(path="train.tar", class_names="words")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"truth": "1\nx\n"}, "line 2: 'x' is the number of no class"),
        ({"truth": "77\n"}, "line 1: '77' is the number of no class"),
        ({"meta": b"MATLAB 5.0 MAT-file, cut"}, "meta.mat is not as published"),
    ],
)
def test_a_devkit_that_is_not_as_published_is_named(tmp_path: Path, given: dict[str, Any], words: str):
    kit = devkit(tmp_path / "devkit.tar.gz", **given)
    assert words in failure(imagenet(tmp_path / "val.tar", tarred(VALIDATION), split="validation", devkit=kit))


def test_another_tar_in_place_of_the_devkit_is_told(tmp_path: Path):
    (tmp_path / "t3.tar.gz").write_bytes(gzip.compress(tarred({"data/other.mat": b""})))
    source = imagenet(tmp_path / "val.tar", tarred(VALIDATION), split="validation", devkit=str(tmp_path / "t3.tar.gz"))
    assert "holds no data/meta.mat; give ILSVRC2012_devkit_t12.tar.gz" in failure(source)


def put(root: Path, files: Mapping[str, bytes]):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_an_unpacked_training_set_is_listed_like_its_tar(tmp_path: Path):
    files = {f"{wnid}/{name}": data for wnid, images in CLASSES.items() for name, data in images.items()}
    put(tmp_path / "ILSVRC" / "train", files)
    packed = everything(imagenet(tmp_path / "train.tar", train_tar(CLASSES)), tmp_path)
    assert everything(imagenet(tmp_path / "ILSVRC"), tmp_path) == packed
    assert everything(imagenet(tmp_path / "ILSVRC" / "train"), tmp_path) == packed


def test_unpacked_validation_images_lie_in_one_folder_or_one_a_class(tmp_path: Path):
    kit = devkit(tmp_path / "devkit.tar.gz")
    put(tmp_path / "flat" / "val", VALIDATION)
    put(tmp_path / "sorted" / "val", {f"{w}/{n}": d for (n, d), w in zip(VALIDATION.items(), OF_IMAGE, strict=True)})
    flat = imagenet(tmp_path / "flat", split="validation", devkit=kit)
    by_class = imagenet(tmp_path / "sorted", split="validation", limit_per_class=9)
    assert [listing.class_label for listing in flat.list()] == list(OF_IMAGE)
    assert sorted(listing.class_label for listing in by_class.list()) == sorted(OF_IMAGE)
    assert {listing.class_label for listing in imagenet(tmp_path / "flat", split="validation").list()} == {""}
    assert "nobody tells the class of ILSVRC2012_val_00000001.JPEG; give `devkit`" in failure(
        imagenet(tmp_path / "flat", split="validation", limit_per_class=1)
    )


def test_unpacked_images_in_the_wrong_place_are_told(tmp_path: Path):
    kit = devkit(tmp_path / "devkit.tar.gz")
    put(tmp_path / "a", {"dogs/n02105855_1.JPEG": b""})
    put(tmp_path / "b", {"n01440764/n02105855_1.JPEG": b""})
    put(tmp_path / "c", {"n02105855/ILSVRC2012_val_00000001.JPEG": b""})
    assert "'dogs' is not named '<wnid>/'" in failure(imagenet(tmp_path / "a"))
    assert "'n02105855_1.JPEG' is not named 'n01440764_<number>.JPEG'" in failure(imagenet(tmp_path / "b"))
    assert "is of class n01440764, the devkit says" in failure(imagenet(tmp_path / "c", split="validation", devkit=kit))


def test_a_png_called_jpeg_passes_and_a_cmyk_jpeg_is_rejected_by_screening(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 4), dtype=np.uint8)
    png, cmyk = io.BytesIO(), io.BytesIO()
    Image.fromarray(noise[..., :3]).save(png, "PNG")
    Image.fromarray(noise, "CMYK").save(cmyk, "JPEG")
    classes = {"n02105855": {"n02105855_2933.JPEG": png.getvalue(), "n02105855_1.JPEG": cmyk.getvalue()}}
    found = everything(imagenet(tmp_path / "train.tar", train_tar(classes)), tmp_path)
    as_png, as_cmyk = found.values()
    assert (as_png, as_cmyk) == (png.getvalue(), cmyk.getvalue())
    rules = ScreenRules(min_side=64)
    facts, _ = inspect(as_png, rules)
    assert facts.format == "PNG"
    with pytest.raises(RejectedItem) as caught:
        inspect(as_cmyk, rules)
    assert "CMYK" in caught.value.detail
