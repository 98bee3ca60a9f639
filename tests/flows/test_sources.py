"""Fifty images of five formats, planned, listed and fetched in chunks by the stages, as a build does it."""

import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.folder import BuildFolder
from flows.plan import plan_recipe
from flows.recipe import load_recipe
from flows.records import StoredImage
from flows.stages.listing import ListStage
from flows.stages.reals import RealsStage
from manifests.records import SourceImage

EACH = 10
NAMES = ("folder", "archive", "webdataset", "imagenet", "hub")
RECIPE = """
name = "formats"

[[sources]]
type = "folder"
path = "files/folder"
generator = "sdxl"

[[sources]]
type = "archive"
path = "files/pets.zip"

[[sources]]
type = "webdataset"
path = "files/{00000..00001}.tar"
caption = "txt"

[[sources]]
type = "imagenet"
path = "files/ILSVRC2012_img_train.tar"

[[sources]]
type = "hub"
path = "files/train-*.parquet"
label_column = "label"
labels = ["cat", "dog"]

[[views]]
name = "patch"
framing = "patch"
frame = 64
size = 64
generators = ["vae"]

[caption]
source = "class-template"

[[generators]]
name = "vae"
method = "reconstruct"
model = "some/vae"

[chunks]
size = 4
"""


def tarred(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def image(source: str, number: int) -> bytes:
    return f"{source} {number}".encode()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe over ten images in each of five formats, beside it."""
    files = tmp_path / "files"
    for number in range(EACH):
        path = files / "folder" / f"class{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image("folder", number))
    with zipfile.ZipFile(files / "pets.zip", "w") as archive:
        for number in range(EACH):
            archive.writestr(f"class{number % 2}/{number}.jpg", image("archive", number))
    for shard in range(2):
        members: dict[str, bytes] = {}
        for number in range(shard * EACH // 2, (shard + 1) * EACH // 2):
            members |= {f"{number:04}.jpg": image("webdataset", number), f"{number:04}.txt": b"a caption"}
        (files / f"{shard:05}.tar").write_bytes(tarred(members))
    wnids = ("n01440764", "n02105855")
    classes = {
        f"{wnid}.tar": tarred({f"{wnid}_{n}.JPEG": image("imagenet", n) for n in range(first, EACH, 2)})
        for first, wnid in enumerate(wnids)
    }
    (files / "ILSVRC2012_img_train.tar").write_bytes(tarred(classes))
    column = pa.array([{"bytes": image("hub", n), "path": None} for n in range(EACH)])
    table = pa.table({"image": column, "label": [n % 2 for n in range(EACH)]})
    pq.write_table(table, files / "train-00000-of-00001.parquet", row_group_size=3)
    (tmp_path / "formats.toml").write_text(RECIPE)
    return tmp_path / "formats.toml"


def test_a_plan_counts_them(recipe: Path):
    plan = plan_recipe(load_recipe(recipe), recipe.parent, count=True)
    assert {source.name: source.images for source in plan.sources} == dict.fromkeys(NAMES, EACH)


def test_all_images_arrive_with_what_their_source_says(recipe: Path, tmp_path: Path):
    build = BuildFolder(load_recipe(recipe), str(recipe.parent), str(tmp_path / "out"))
    build.claim()
    for stage in (ListStage(build), RealsStage(build)):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    store = RealsStage(build).store
    chunks = ListStage(build).store.chunks() or 0
    stored = [record for index in range(chunks) for record in store.records(index, StoredImage)]
    found: dict[str, list[SourceImage]] = {name: [] for name in NAMES}
    for record in stored:
        found[record.image.source].append(record.image)
    for name in NAMES:
        assert sorted(store.stored_blob(r.blob) for r in stored if r.image.source == name) == sorted(
            image(name, number) for number in range(EACH)
        )
    assert {real.made.generator for real in found["folder"] if real.made} == {"sdxl"}
    assert {real.source_caption for real in found["webdataset"]} == {"a caption"}
    assert {real.terms for real in found["imagenet"]} == {"research-only"}
    half = EACH // 2
    assert Counter(real.class_label for real in found["archive"]) == {"class0": half, "class1": half}
    assert Counter(real.class_label for real in found["imagenet"]) == {"n01440764": half, "n02105855": half}
    assert Counter(real.class_label for real in found["hub"]) == {"cat": half, "dog": half}
