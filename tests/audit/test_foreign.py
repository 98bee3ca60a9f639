"""Datasets of other people, in the forms in which they are published."""

import csv
import json
import logging
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from audit.foreign import ForeignItem, items, open_foreign, parse_label_names
from manifests.errors import DatasetError
from manifests.labels import label_of_class


def image(file_format: str = "JPEG", shade: int = 128) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (8, 8), (shade, 90, 60)).save(stream, file_format)
    return stream.getvalue()


def put(root: Path, *names: str):
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image("PNG" if path.suffix.lower() == ".png" else "JPEG", number))


def rows(path: Path, *fields: str, **settings: Any):
    dataset = open_foreign(str(path), **settings)
    found = list(dataset)
    assert list(dataset) == found, "every pass gives the same"
    assert dataset.count == len(found)
    assert not any(item.problem for item in found)
    return [tuple(getattr(item, field) for field in ("name", "label", *fields)) for item in found]


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        list(open_foreign(str(path), **settings))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# folders


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


# Parquet


def hub(path: Path, labels: list[Any], *, names: list[str] | None = None, column: str = "label", **columns: list[Any]):
    """A file as the `datasets` library writes it: a struct of bytes and path, and the features in the metadata."""
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if names:
        features[column] = {"names": names, "_type": "ClassLabel"}
    images = [{"bytes": image(shade=number), "path": "/etc/passwd"} for number in range(len(labels))]
    table = pa.table({"image": images, column: labels, **columns})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=2)
    return path


def test_class_labels_are_read_by_name(tmp_path: Path):
    """Class folders in alphabetical order give fake = 0: the opposite of ours."""
    root = tmp_path / "set"
    hub(root / "data" / "train-00000-of-00001.parquet", [0, 1, 1, 0, 1], names=["fake", "real"])
    hub(root / "data" / "test-00000-of-00001.parquet", [1, 0], names=["REAL", "AI-generated"])
    assert rows(root, "split") == [
        ("data/test-00000-of-00001.parquet:0", 1, "test"),
        ("data/test-00000-of-00001.parquet:1", 0, "test"),
        *((f"data/train-00000-of-00001.parquet:{row}", label, "train") for row, label in enumerate([1, 0, 0, 1, 0])),
    ]
    dataset = open_foreign(str(root))
    assert dataset.layout == "parquet"
    assert not dataset.notes
    assert [item.data for item in dataset][2:] == [image(shade=number) for number in range(5)]


def test_the_datasets_library_writes_what_is_read(tmp_path: Path):
    from datasets import ClassLabel, Dataset, Features, disable_progress_bars
    from datasets import Image as ImageFeature

    disable_progress_bars()
    features = Features({"image": ImageFeature(), "label": ClassLabel(names=["fake", "real"])})
    cells = {"image": [{"bytes": image(), "path": None}] * 2, "label": [0, 1]}
    path = tmp_path / "validation-00000-of-00001.parquet"
    Dataset.from_dict(cells, features=features).to_parquet(path)
    assert rows(path, "split", "data") == [
        (f"{path.name}:0", 1, "validation", image()),
        (f"{path.name}:1", 0, "validation", image()),
    ]


def test_labels_as_text_name_the_generator_too(tmp_path: Path):
    path = hub(tmp_path / "a.parquet", ["real", "sdxl", "Midjourney v6"], prompt=["a", None, "c"])
    assert [row[1:] for row in rows(path, "generator", "caption")] == [
        (0, "", "a"),
        (1, "sdxl", ""),
        (1, "Midjourney v6", "c"),
    ]


def test_binary_columns_and_the_details_of_community_forensics(tmp_path: Path):
    table = pa.table(
        {
            "image_name": ["a", "b"],
            "image_data": [image("PNG"), image()],
            "model_name": ["ddpm-celeb", "none"],
            "prompt": ["", "x"],
            "real_source": ["celeb", "laion"],
            "split": ["Val", "odd"],
            "label": [1, 0],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert [row[1:] for row in rows(tmp_path, "generator", "source", "split", "caption")] == [
        (1, "ddpm-celeb", "celeb", "validation", ""),
        (0, "", "laion", "odd", "x"),
    ]
    [note] = open_foreign(str(tmp_path)).notes
    assert "0 = real, 1 = fake" in note


@pytest.mark.parametrize(("column", "real"), [("is_fake", False), ("is_real", True), ("label", False)])
def test_true_and_false_mean_what_the_columns_name_says(tmp_path: Path, column: str, real: bool):
    path = hub(tmp_path / "a.parquet", [real, not real], column=column)
    assert [row[1] for row in rows(path, label_column=column)] == [0, 1]


def test_defactify_by_its_own_columns(tmp_path: Path):
    path = hub(tmp_path / "a.parquet", [0, 1], column="Label_A", Caption=["x", "y"], Label_B=[0, 3])
    assert "Label_A, Caption, Label_B" in refused(path)
    assert [row[1:] for row in rows(path, "caption", label_column="label_a")] == [(0, "x"), (1, "y")]
    message = refused(path, label_column="Label_B")
    assert "'3'" in message
    assert [row[1] for row in rows(path, label_column="Label_B", label_names={"0": 0, "3": 1})] == [0, 1]


def test_unknown_labels_are_listed_and_can_be_said(tmp_path: Path):
    path = hub(tmp_path / "a.parquet", [0, 1, 2], names=["cats", "real", "robots"])
    message = refused(path)
    assert "'cats', 'robots'" in message
    assert "label names" in message
    names = parse_label_names(["cats=real", "robots=FAKE"])
    assert [row[1] for row in rows(path, label_names=names)] == [0, 0, 1]
    with pytest.raises(DatasetError, match="expected NAME=real or NAME=fake"):
        parse_label_names(["cats"])


def test_a_missing_label_is_named_by_row(tmp_path: Path):
    assert "a.parquet: column 'label', row 2: there is no label" in refused(hub(tmp_path / "a.parquet", [0, 1, None]))
    assert "'-1'" in refused(hub(tmp_path / "b.parquet", [0, 1, -1], names=["real", "fake"]))


def test_rows_without_bytes_are_named_and_their_paths_not_followed(tmp_path: Path):
    cells = [{"bytes": None, "path": "/etc/hostname"}, {"bytes": image(), "path": None}, None]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    pq.write_table(
        pa.table({"image": pa.array(cells, kind), "label": ["real", "fake", "fake"]}), tmp_path / "a.parquet"
    )
    found = list(open_foreign(str(tmp_path)))
    assert [bool(item.data) for item in found] == [False, True, False]
    assert "not followed" in found[0].problem


def test_parquet_that_cannot_be_read(tmp_path: Path):
    path = hub(tmp_path / "a.parquet", [0, 1])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert f"{path}: cannot be read as Parquet" in refused(path)
    pq.write_table(pa.table({"label": [0, 1]}), path)
    assert "no column of bytes among label" in refused(path)
    hub(path, [str(number) for number in range(1500)])
    assert "more than 1000 different values" in refused(path)


# lists


def listed(path: Path, lines: list[list[str]], *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(lines)
    return path


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [("a.csv", ",", "utf-8"), ("a.csv", ";", "utf-8-sig"), ("a.tsv", "\t", "utf-8-sig")],
)
def test_a_list_of_paths(tmp_path: Path, name: str, delimiter: str, encoding: str):
    put(tmp_path, "x/a, b.jpg", "x/ü.png")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-c.png"
    put(tmp_path.parent, elsewhere.name)
    path = listed(
        tmp_path / name,
        [
            ["path", "label", "generator", "source", "split", "caption", "class"],
            ["x/a, b.jpg", "photo", "-", "coco", "val", 'two\nlines, "quoted"; and\ttabbed', "dog"],
            ["x/ü.png", "generated", "sdxl", "", "train", "", ""],
            [],
            [str(elsewhere), "Midjourney", "", "", "", "", ""],
        ],
        delimiter=delimiter,
        encoding=encoding,
    )
    for target in (path, tmp_path):  # a folder with one list is that list
        assert rows(target, "generator", "source", "split", "caption", "class_label") == [
            ("x/a, b.jpg", 0, "", "coco", "validation", 'two\nlines, "quoted"; and\ttabbed', "dog"),
            ("x/ü.png", 1, "sdxl", "", "train", "", ""),
            (str(elsewhere), 1, "Midjourney", "", "", "", ""),
        ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["../secret.jpg", "real"], "line 3, column 'path': '../secret.jpg' leads out"),
        (["link.jpg", "real"], "line 3, column 'path': 'link.jpg' leads out"),
        (["https://example.org/a.jpg", "real"], "is not the path of a local file"),
        (["gone.jpg", "real"], "line 3, column 'path': there is no file 'gone.jpg'"),
        (["/dev/zero", "real"], "there is no file '/dev/zero'"),
        (["a.jpg", ""], "line 3, column 'label': there is no label"),
        (["a.jpg", "maybe"], "column 'label': these labels are not known to mean real or fake: 'maybe'"),
        (["a.jpg"], "line 3: 1 columns, the header has 2"),
        (["a.jpg", "real"], "holds no fakes (2 images"),
    ],
)
def test_a_broken_list_is_one_clear_line(tmp_path: Path, line: list[str], words: str):
    root = tmp_path / "root"
    put(root, "a.jpg")
    put(tmp_path, "secret.jpg")
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    assert words in refused(listed(root / "a.csv", [["path", "label"], ["a.jpg", "real"], line]))


def test_lists_that_are_no_tables(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"path,label\n\xff\xfe,real\n")
    assert "not a CSV in UTF-8" in refused(path)
    assert "no label column 'label' among the columns path, kind" in refused(listed(path, [["path", "kind"]]))
    assert "no column of paths among the columns label, b" in refused(listed(path, [["label", "b"]]))
    assert "column 'path' stands there more than once" in refused(listed(path, [["path", "label", "path"]]))
    path.write_bytes(b"")
    assert "no label column" in refused(path)
    listed(tmp_path / "a.csv", [["path", "label"]])
    listed(tmp_path / "b.csv", [["path", "label"]])
    assert "several lists (a.csv, b.csv)" in refused(tmp_path)


# what all have in common


@pytest.fixture(params=["folder", "parquet", "csv"])
def any_set(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    match request.param:
        case "folder":
            put(tmp_path, *(f"{label}/{number}.jpg" for label in ("real", "fake") for number in range(3)))
        case "parquet":
            hub(tmp_path / "x" / "a.parquet", ["real", "fake"] * 2)
            hub(tmp_path / "x" / "b.parquet", ["real", "fake"])
        case _:
            put(tmp_path, *(f"{number}.jpg" for number in range(6)))
            listed(
                tmp_path / "a.csv", [["file_name", "label"], *([f"{i}.jpg", ["real", "fake"][i % 2]] for i in range(6))]
            )
    return tmp_path


def test_items_are_found_again_by_name(any_set: Path):
    dataset = open_foreign(str(any_set))
    everything: list[ForeignItem] = list(dataset)
    assert len({item.name for item in everything}) == dataset.count == 6
    wanted = [everything[index] for index in (1, 3, 5)]
    assert list(dataset.pick({item.name for item in wanted} | {"nothing", "nothing:x"})) == wanted


@given(st.text(max_size=20))
def test_any_name_has_at_most_one_meaning(name: str):
    assert label_of_class(name) in (None, 0, 1)
    assert label_of_class(name.upper()) == label_of_class(name.casefold().upper())
