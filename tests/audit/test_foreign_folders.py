"""Folders whose names are the labels."""

import logging
import os
from pathlib import Path

import pytest

from audit.foreign import items, open_foreign, parse_label_names
from manifests.errors import DatasetError
from tests.audit.foreign_sets import put, refused, rows


@pytest.mark.parametrize(
    ("real", "fake"),
    [("real", "fake"), ("0_real", "1_fake"), ("nature", "ai"), ("REAL", "FAKE"), ("Human", "AI-generated images")],
)
def test_the_folders_names_are_the_labels(tmp_path: Path, real: str, fake: str):
    put(tmp_path, f"{real}/000000000009.jpg", f"{fake}/000000000009.png", f"{fake}/notes.txt")
    assert sorted(rows(tmp_path)) == sorted([(f"{real}/000000000009.jpg", 0), (f"{fake}/000000000009.png", 1)])
    [item] = (item for item in open_foreign(str(tmp_path)) if item.label == 1)
    assert item.data == (tmp_path / fake / "000000000009.png").read_bytes()


@pytest.mark.parametrize("form", ["{split}/{label}/a.jpg", "{label}/{split}/a.jpg"])
def test_a_split_stands_above_or_below_the_label(tmp_path: Path, form: str):
    words = {"train": "train", "val": "validation", "test": "test"}
    put(tmp_path, *(form.format(split=split, label=label) for split in words for label in ("real", "fake")))
    expected = {
        (form.format(split=word, label=label), number, split)
        for word, split in words.items()
        for number, label in enumerate(("real", "fake"))
    }
    assert set(rows(tmp_path, "split")) == expected


def test_folders_below_fakes_are_generators_and_below_reals_sources(tmp_path: Path):
    put(tmp_path, "fake/sdxl/dog/a.png", "fake/flux/a.png", "real/coco/b.jpg", "real/laion/cat/b.jpg")
    assert rows(tmp_path, "generator", "source", "class_label") == [
        ("fake/flux/a.png", 1, "flux", "", ""),
        ("fake/sdxl/dog/a.png", 1, "sdxl", "", "dog"),
        ("real/coco/b.jpg", 0, "", "coco", ""),
        ("real/laion/cat/b.jpg", 0, "", "laion", "cat"),
    ]


def test_folders_that_both_classes_have_are_classes(tmp_path: Path):
    put(tmp_path, "fake/dog/a.png", "fake/cat/a.png", "real/dog/b.jpg", "real/n02105855/b.jpg")
    found = rows(tmp_path, "generator", "source", "class_label")
    assert [row[2:] for row in found] == [("", "", "cat"), ("", "", "dog"), ("", "", "dog"), ("", "", "n02105855")]


def test_folders_above_the_labels_are_generator_and_class(tmp_path: Path):
    put(tmp_path, "test/progan/airplane/0_real/a.png", "test/progan/airplane/1_fake/b.png", "test/glow/1_fake/c.png")
    assert rows(tmp_path, "generator", "source", "split", "class_label") == [
        ("test/glow/1_fake/c.png", 1, "glow", "", "test", ""),
        ("test/progan/airplane/0_real/a.png", 0, "", "", "test", "airplane"),
        ("test/progan/airplane/1_fake/b.png", 1, "progan", "", "test", "airplane"),
    ]


def test_a_class_that_is_called_like_a_label_is_a_class(tmp_path: Path):
    put(tmp_path, "fake/human/a.png", "real/human/a.jpg", "real/nature/a.jpg")
    assert [row[1:] for row in rows(tmp_path, "class_label")] == [(1, "human"), (0, "human"), (0, "nature")]
    other = tmp_path / "other"
    put(other, "human/real/a.jpg", "human/fake/a.png")
    assert [row[1] for row in rows(other)] == [1, 0]


def test_folders_of_other_names_are_labels_where_somebody_says_so(tmp_path: Path):
    put(tmp_path, "camera-roll-2019/a.jpg", "run 7/b.jpg", "run 7/c.jpg")
    assert "{real,fake}" in refused(tmp_path)
    names = parse_label_names(["camera-roll-2019=real", "run 7=fake"])
    assert [row[1] for row in rows(tmp_path, label_names=names)] == [0, 1, 1]
    other = tmp_path / "other"
    put(other, "real/a.jpg", "fake/b.jpg")
    assert [row[1] for row in rows(other, label_names={"real": 1, "fake": 0})] == [0, 1]
    assert "no folder of images is called 'reals' (label name)" in refused(other, label_names={"reals": 0})


def test_labels_that_are_said_twice(tmp_path: Path):
    put(tmp_path, "AiArtData/AiArtData/a.jfif", "RealArt/RealArt/b.jpg")
    assert [row[1:] for row in rows(tmp_path, "generator", "source")] == [(1, "", ""), (0, "", "")]


def test_genimage(tmp_path: Path):
    root = tmp_path / "GenImage"
    put(
        root,
        "stable_diffusion_v_1_4/imagenet_ai_0419_sdv4/train/ai/033_sdv4_00161.png",
        "stable_diffusion_v_1_4/imagenet_ai_0419_sdv4/train/nature/n01440764_10027.JPEG",
        "Midjourney/imagenet_midjourney/val/ai/0_midjourney_1.png",
        "Midjourney/imagenet_midjourney/val/nature/n01440764/ILSVRC2012_val_00000293.JPEG",
    )
    assert open_foreign(str(root)).layout == "genimage"
    found = rows(root, "generator", "source", "split", "class_label")
    assert [row[1:] for row in found] == [
        (1, "Midjourney", "", "validation", ""),
        (0, "", "imagenet", "validation", "n01440764"),
        (1, "stable_diffusion_v_1_4", "", "train", ""),
        (0, "", "imagenet", "train", ""),
    ]
    alone = rows(root / "Midjourney", "generator", "source", layout="genimage")
    assert [row[1:] for row in alone] == [(1, "Midjourney", ""), (0, "", "imagenet")]


def test_links_do_not_lead_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root, "real/a.jpg", "fake/a.png")
    put(outside, "secret.jpg")
    (root / "real" / "leak.jpg").symlink_to(outside / "secret.jpg")
    (root / "real" / "inside.jpg").symlink_to("a.jpg")
    (root / "fake" / "folder").symlink_to(outside)
    (root / "fake" / "circle").symlink_to(root)
    os.mkfifo(root / "fake" / "pipe.jpg")
    with caplog.at_level(logging.WARNING):
        assert [name for name, _ in rows(root)] == ["fake/a.png", "real/a.jpg", "real/inside.jpg"]
    assert "1 links lead out of the dataset" in caplog.text


def test_what_is_no_part_of_the_dataset_is_said(tmp_path: Path):
    put(tmp_path, "real/a.jpg", "fake/a.png", "preview.png", "docs/b.png")
    [note] = open_foreign(str(tmp_path)).notes
    assert note.startswith("2 images lie outside")


def test_files_too_large_to_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, "real/a.jpg", "fake/a.png")
    (tmp_path / "fake" / "big.png").write_bytes(bytes(5000))
    monkeypatch.setattr(items, "MAX_BYTES", 4000)
    found = {item.name: item for item in open_foreign(str(tmp_path))}
    assert found["fake/big.png"].data == b""
    assert found["fake/big.png"].problem == "5000 bytes, at most 4000 are read"
    assert found["real/a.jpg"].data


def test_a_folder_without_labels_says_what_was_looked_for(tmp_path: Path):
    put(tmp_path, "dogs/a.jpg")
    message = refused(tmp_path)
    assert all(word in message for word in ("{real,fake}", "{nature,ai}", ".parquet", "CSV", "archives"))
    assert "holds no reals (1 images" in refused_one_sided(tmp_path / "one")
    assert "no such folder or file" in refused(tmp_path / "nowhere")
    assert "expected one of folder, genimage, parquet, csv" in refused(tmp_path, layout="zip")
    put(tmp_path / "pair", "real/a.jpg", "fake/a.png")
    assert "not GenImage's layout" in refused(tmp_path / "pair", layout="genimage")


def refused_one_sided(root: Path) -> str:
    put(root, "fake/sdxl/a.png")
    return refused(root)


def test_a_label_name_that_is_given_twice_must_mean_the_same():
    assert parse_label_names(["a=real", "a=real"]) == {"a": 0}
    with pytest.raises(DatasetError, match="'a': given as real and as fake"):
        parse_label_names(["a=real", "a=fake"])
