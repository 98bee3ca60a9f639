"""Parquet files as the Hub publishes them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit.foreign import open_foreign, parse_label_names
from manifests.errors import DatasetError
from tests.audit.foreign_sets import hub, image, refused, rows


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
