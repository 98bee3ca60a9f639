"""Exports: the images are the shards' bytes, the labels ours, whatever reads them; cut off and run again they end the same."""

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.exporting.export import FORMATS, Exported, FormatName, export_dataset
from manifests import storage
from manifests.dataset import Dataset
from manifests.errors import DatasetError, TwinsetError
from manifests.index import write_index
from tests.flows.publishing_sets import contents, with_terms

pytestmark = pytest.mark.xdist_group("stages")

Labels = Counter[tuple[str, int, str]]


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def exports(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One export of each format."""
    folder = tmp_path_factory.mktemp("exports")
    for kind in FORMATS:
        export_dataset(str(built), kind, str(folder / kind))
    return {kind: folder / kind for kind in FORMATS}


@pytest.fixture(scope="module")
def expected(built: Path) -> Labels:
    """Split, label and sha256 of every image in the shards."""
    return Counter(
        (str(sample.metadata["split"]), int(name != "real"), hashlib.sha256(data).hexdigest())
        for sample in Dataset.open(str(built)).samples()
        for name, data in sample.members.items()
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "images.csv").read_text())))


def test_csv_names_every_image(exports: dict[str, Path], expected: Labels):
    rows = table(exports["csv"])
    assert Counter((row["split"], int(row["label"]), digest(exports["csv"] / row["path"])) for row in rows) == expected
    assert {row["generator"] for row in rows if row["label"] == "1"} == {"sd", "vae"}
    assert {row["generator"] for row in rows if row["label"] == "0"} == {""}
    assert all(row["path"].startswith(f"images/{row['split']}/{row['pair_id']}.") for row in rows)


def test_datasets_reads_the_image_folder_with_our_labels(exports: dict[str, Path], expected: Labels, tmp_path: Path):
    import datasets

    loaded = datasets.load_dataset("imagefolder", data_dir=str(exports["imagefolder"]), cache_dir=str(tmp_path))
    found: Labels = Counter()
    for split, images in loaded.items():
        assert images.features["label"].names == ["0_real", "1_fake"]
        raw = images.cast_column("image", datasets.Image(decode=False))
        found.update((str(split), image["label"], digest(Path(image["image"]["path"]))) for image in raw)
    assert found == expected


def test_datasets_reads_the_parquet_files_with_images_and_labels(
    exports: dict[str, Path], expected: Labels, tmp_path: Path
):
    import datasets

    loaded = datasets.load_dataset(str(exports["parquet"]), cache_dir=str(tmp_path))
    found: Labels = Counter()
    for split, images in loaded.items():
        assert images.features["label"].names == ["real", "fake"]
        assert images[0]["image"].size == (images[0]["width"], images[0]["height"])
        for row in images.cast_column("image", datasets.Image(decode=False)):
            found[str(split), row["label"], hashlib.sha256(row["image"]["bytes"]).hexdigest()] += 1
            assert row["split"] == split
            assert row["image"]["path"].startswith(f"{row['pair_id']}.{row['member']}.")
    assert found == expected


def test_coco_has_a_category_for_the_real_and_each_generator(exports: dict[str, Path], expected: Labels):
    found: Labels = Counter()
    for path in (exports["coco"] / "annotations").glob("instances_*.json"):
        split = path.stem.removeprefix("instances_")
        content = json.loads(path.read_text())
        captions = json.loads((path.parent / f"captions_{split}.json").read_text())
        names = {category["id"]: category["name"] for category in content["categories"]}
        assert list(names.values()) == ["real", "sd", "vae"]
        images = {image["id"]: image for image in content["images"]}
        assert len({annotation["id"] for annotation in content["annotations"]}) == len(images)
        assert [caption["image_id"] for caption in captions["annotations"]] == list(images)
        for annotation in content["annotations"]:
            image = images[annotation["image_id"]]
            name = names[annotation["category_id"]]
            assert image["file_name"].split(".")[-2] == name
            assert annotation["area"] == image["width"] * image["height"]
            found[split, int(name != "real"), digest(exports["coco"] / image["file_name"])] += 1
    assert found == expected


@pytest.mark.parametrize("kind", FORMATS)
def test_killed_and_run_again_it_ends_the_same(
    built: Path, exports: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: FormatName
):
    kept: Callable[..., Any] = os.replace
    written = 0

    def killing(*paths: str) -> None:
        nonlocal written
        written += 1
        if written == 9:
            raise KilledError
        kept(*paths)

    monkeypatch.setattr(storage.os, "replace", killing)
    with pytest.raises(KilledError):
        export_dataset(str(built), kind, str(tmp_path / "out"))
    monkeypatch.setattr(storage.os, "replace", kept)
    assert not (tmp_path / "out" / "export.json").exists()
    other: FormatName = "csv" if kind == "coco" else "coco"
    with pytest.raises(DatasetError, match="holds part of another export"):
        export_dataset(str(built), other, str(tmp_path / "out"))
    export_dataset(str(built), kind, str(tmp_path / "out"))
    assert contents(tmp_path / "out") == contents(exports[kind])


def test_what_is_finished_is_left_alone(built: Path, exports: dict[str, Path]):
    before = {path: path.stat().st_mtime_ns for path in exports["csv"].rglob("*")}
    done = export_dataset(str(built), "csv", str(exports["csv"]))
    assert isinstance(done, Exported)
    assert (done.real, done.fake) == (
        sum(row["label"] == "0" for row in table(exports["csv"])),
        sum(row["label"] == "1" for row in table(exports["csv"])),
    )
    assert {path: path.stat().st_mtime_ns for path in exports["csv"].rglob("*")} == before


def test_nothing_is_removed_from_a_folder_that_holds_something_else(built: Path, tmp_path: Path):
    download = tmp_path / "film.partial-1"
    download.write_bytes(b"half a film")
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(DatasetError, match="not empty"):
        export_dataset(str(built), "csv", str(tmp_path))
    assert download.exists()


def test_nothing_is_written_into_a_dataset(built: Path, recipe: Callable[..., Path]):
    from flows.build import build_dataset
    from flows.train import train_classifier

    inside = str(built / "dataset" / "more")
    for write in (
        lambda: export_dataset(str(built), "csv", inside),
        lambda: build_dataset.fn(str(recipe()), inside),
        lambda: train_classifier.fn(str(built), inside),
    ):
        with pytest.raises(DatasetError, match="stays as it is"):
            write()
    assert not (built / "dataset" / "more").exists()


def test_a_damaged_image_is_not_exported(built: Path, tmp_path: Path):
    damaged = with_terms(built, tmp_path / "set", lambda _image: "open")
    shard = min((damaged / "shards").iterdir())
    data = shard.read_bytes()
    place = data.index(b"\xff\xda") + 20
    shard.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    dataset = Dataset.open(str(damaged))
    write_index(dataset.folder, "passed", dataset.record_counts())
    with pytest.raises(DatasetError, match="is not what the manifest says"):
        export_dataset(str(damaged), "parquet", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "export.json").exists()


def test_the_command_tells_what_was_exported_and_what_is_wrong(built: Path, tmp_path: Path):
    from twinset.cli import app

    done = CliRunner().invoke(app, ["export", str(built), "--format", "csv", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "fake images of small as csv" in done.output
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    for arguments, words in (
        (["--format", "tiff", "--out", "x"], "expected imagefolder, parquet, coco, csv"),
        (["--format", "csv"], "give --format and --out for a dataset, or --onnx for a detector"),
        (["--format", "csv", "--out", "x", "--onnx", "y"], "give --format and --out"),
        (["--format", "csv", "--out", str(tmp_path / "mine")], "not empty"),
    ):
        error = CliRunner().invoke(app, ["export", str(built), *arguments]).exception
        assert isinstance(error, TwinsetError)
        assert words in str(error)
        assert "\n" not in str(error)
