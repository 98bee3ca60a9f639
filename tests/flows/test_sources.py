"""Fifty real images of each source, from its publishers' own format to a dataset, as a build does it."""

import base64
import csv
import functools
import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flows.counts import stage_counts
from flows.folder import BuildFolder
from flows.plan import plan_recipe
from flows.recipe import load_recipe
from flows.stages.audit import build_stages
from manifests.dataset import Dataset
from manifests.records import Pair
from sources.open_images import HEADER
from tests.tars import tarred

pytestmark = pytest.mark.xdist_group("stages")

EACH = 50
WNIDS = ("n01440764", "n02105855")
FETCHED = ("open-images", "laion", "coco", "url-list")
SOURCES = {
    "open-images": 'csv = "files/validation-images-with-rotation.csv"',
    "laion": 'path = "files/laion"\nmin_scores = { aesthetic = 5.0 }',
    "coco": 'path = "files/captions_val2017.json"',
    "url-list": 'path = "files/cc12m.tsv"\nlayout = "cc12m"',
    "folder": 'path = "files/folder"',
    "archive": 'path = "files/pets.zip"',
    "webdataset": 'path = "files/{00000..00001}.tar"\ncaption = "txt"',
    "imagenet": 'path = "files/ILSVRC2012_img_train.tar"',
    "hub": 'path = "files/train-*.parquet"\nlabel_column = "label"\nlabels = ["cat", "dog"]',
}
RECIPE = f"""
name = "formats"

[[views]]
name = "photos"
framing = "single"
sources = {list(SOURCES)}
size = 32

[limits]
drop_rate = 1.0
"""


def picture(source: str, number: int) -> bytes:
    """A JPEG that no other is near."""
    random = np.random.default_rng([list(SOURCES).index(source), number])
    patches = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    stream = io.BytesIO()
    patches.resize((80, 80), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def write_lists(files: Path, web: Path, url: str) -> None:
    """The four kinds of lists, and what their URLs answer."""
    for source in FETCHED:
        (web / source).mkdir(parents=True)
        for number in range(EACH):
            (web / source / f"{number:012}.jpg").write_bytes(picture(source, number))
    urls = {source: [f"{url}/{source}/{number:012}.jpg" for number in range(EACH)] for source in FETCHED}
    with (files / "validation-images-with-rotation.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER, lineterminator="\n", restval="")
        writer.writeheader()
        for number, address in enumerate(urls["open-images"]):
            data = picture("open-images", number)
            md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            row = {"ImageID": f"{number:016x}", "Subset": "validation", "OriginalURL": address, "Rotation": "0.0"}
            writer.writerow(row | {"OriginalSize": str(len(data)), "OriginalMD5": md5})
    (files / "laion").mkdir()
    # the twenty that are not beautiful enough have no image
    laion = {
        "URL": [*urls["laion"], *(f"{url}/plain/{number}.jpg" for number in range(20))],
        "TEXT": [f"laion {number}" for number in range(EACH + 20)],
        "WIDTH": pa.array([80] * (EACH + 20), pa.int32()),
        "HEIGHT": pa.array([80] * (EACH + 20), pa.int32()),
        "aesthetic": pa.array([6.0] * EACH + [4.0] * 20, pa.float32()),
    }
    pq.write_table(pa.table(laion), files / "laion/part-00000-5114fd87-297e-42b0-9d11-50f1df323dfa-c000.snappy.parquet")
    coco = {
        "licenses": [{"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}],
        "images": [
            {"id": n, "file_name": f"{n:012}.jpg", "coco_url": address, "license": 4, "width": 80, "height": 80}
            for n, address in enumerate(urls["coco"])
        ],
        "annotations": [{"id": 7 * n, "image_id": n, "caption": f"coco {n}"} for n in range(EACH)],
    }
    (files / "captions_val2017.json").write_text(json.dumps(coco))
    (files / "cc12m.tsv").write_text(
        "".join(f"{address}\turl-list {number}\n" for number, address in enumerate(urls["url-list"]))
    )


def write_files(files: Path) -> None:
    """The five kinds of sets that hold their images themselves."""
    for number in range(EACH):
        path = files / "folder" / f"class{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture("folder", number))
    with zipfile.ZipFile(files / "pets.zip", "w") as archive:
        for number in range(EACH):
            archive.writestr(f"class{number % 2}/{number}.jpg", picture("archive", number))
    for shard in range(2):
        members: dict[str, bytes] = {}
        for number in range(shard * EACH // 2, (shard + 1) * EACH // 2):
            members[f"{number:04}.jpg"] = picture("webdataset", number)
            members[f"{number:04}.txt"] = f"webdataset {number}".encode()
        (files / f"{shard:05}.tar").write_bytes(tarred(members))
    classes = {
        f"{wnid}.tar": tarred({f"{wnid}_{n}.JPEG": picture("imagenet", n) for n in range(first, EACH, 2)})
        for first, wnid in enumerate(WNIDS)
    }
    (files / "ILSVRC2012_img_train.tar").write_bytes(tarred(classes))
    column = pa.array([{"bytes": picture("hub", n), "path": None} for n in range(EACH)])
    table = pa.table({"image": column, "label": [n % 2 for n in range(EACH)]})
    pq.write_table(table, files / "train-00000-of-00001.parquet", row_group_size=16)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A recipe over all of them; the web of the lists is on this machine."""
    folder = tmp_path_factory.mktemp("formats")
    files, web = folder / "files", folder / "web"
    files.mkdir()
    web.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(web))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        write_lists(files, web, f"http://127.0.0.1:{server.server_port}")
        write_files(files)
        fetch = 'fetch = { private_hosts = ["127.0.0.1"] }'
        tables = [
            f'[[sources]]\ntype = "{name}"\n{settings}\n{fetch if name in FETCHED else ""}\n'
            for name, settings in SOURCES.items()
        ]
        (folder / "formats.toml").write_text(RECIPE + "\n".join(tables))
        yield folder / "formats.toml"
        server.shutdown()


@pytest.fixture(scope="module")
def build(recipe: Path) -> BuildFolder:
    build = BuildFolder(load_recipe(recipe), str(recipe.parent), str(recipe.parent / "built"))
    build.claim()
    for stage in build_stages(build)[:-1]:  # all but the audit
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    return build


def test_a_plan_counts_them(recipe: Path):
    plan = plan_recipe(load_recipe(recipe), recipe.parent, count=True)
    assert {source.name: source.images for source in plan.sources} == dict.fromkeys(SOURCES, EACH)


def test_all_images_are_in_the_dataset_with_what_their_source_says(build: BuildFolder):
    assert {count.name: count.rejected for count in stage_counts(build) if count.rejected} == {}
    found: dict[str, list[Pair]] = {name: [] for name in SOURCES}
    for pair in Dataset.open(str(build.dataset)).pairs():
        found[pair.image.source].append(pair)
    for name, pairs in found.items():
        expected = sorted(hashlib.sha256(picture(name, number)).hexdigest() for number in range(EACH))
        assert sorted(pair.image.sha256 for pair in pairs) == expected, name
        assert {pair.label for pair in pairs} == {0}

    def all_of(name: str, field: str) -> Counter[str]:
        return Counter(str(getattr(pair.image, field)) for pair in found[name])

    half = EACH // 2
    for name in ("laion", "coco", "url-list", "webdataset"):
        assert all_of(name, "source_caption") == {f"{name} {number}": 1 for number in range(EACH)}
    assert all_of("imagenet", "terms") == {"research-only": EACH}
    assert all_of("coco", "terms") == {"open": EACH}
    assert all_of("archive", "class_label") == {"class0": half, "class1": half}
    assert all_of("imagenet", "class_label") == dict.fromkeys(WNIDS, half)
    assert all_of("hub", "class_label") == {"cat": half, "dog": half}
    assert {pair.image.scores["aesthetic"] for pair in found["laion"]} == {6.0}
