"""Fifty images of what else the sources read: further layouts, known sets, and mappings of any set, screened by a build."""

import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from demo.publishers import tar, write_devkit, write_files, write_imagenet_validation, write_parquet
from flows.folder import BuildFolder
from flows.plan import plan_recipe
from flows.recipe import load_recipe
from flows.records import ScreenedImage
from flows.stages.listing import ListStage
from flows.stages.reals import RealsStage
from flows.stages.screen import ScreenStage
from sources.open_images import HEADER

pytestmark = pytest.mark.xdist_group("stages")

EACH, HALF = 50, 25
LABELS = [number % 2 for number in range(EACH)]
WNIDS = ("n01440764", "n01443537")
SIDES = ("real", "fake")

RECIPE = """
name = "layouts"
{sources}
[[views]]
name = "photos"
framing = "single"
sources = {names}
size = 32

[limits]
drop_rate = 1.0
"""

Write = Callable[[Path, Sequence[bytes]], None]
Layouts = Mapping[str, tuple[str, Write, tuple[str, ...]]]


def table(column: str, labels: Sequence[object], *classes: str, **more: Sequence[object]) -> Write:
    """A set of the Hub with an image a row; its classes named by the files where there are names."""
    return lambda folder, pictures: write_parquet(
        folder, {"image": pictures, column: labels} | more, {column: classes} if classes else None
    )


def files(*templates: str) -> Write:
    """Image files in two folders."""
    return lambda folder, pictures: write_files(
        folder, {templates[number % 2].format(number): data for number, data in enumerate(pictures)}
    )


def zipped(name: str, *templates: str) -> Write:
    def write(folder: Path, pictures: Sequence[bytes]) -> None:
        folder.mkdir()
        with zipfile.ZipFile(folder / name, "w") as archive:
            for number, data in enumerate(pictures):
                archive.writestr(templates[number % 2].format(number), data)

    return write


def imagenet_validation(folder: Path, pictures: Sequence[bytes]) -> None:
    write_imagenet_validation(folder / "ILSVRC2012_img_val.tar", pictures)
    words = {WNIDS[1]: "goldfish, Carassius auratus", WNIDS[0]: "tench, Tinca tinca"}
    write_devkit(folder / "devkit.tar.gz", words, [WNIDS[label] for label in LABELS])


def coco_with_images(folder: Path, pictures: Sequence[bytes]) -> None:
    zipped("val2017.zip", "val2017/{:012}.jpg", "val2017/{:012}.jpg")(folder, pictures)
    images = [{"id": n, "file_name": f"{n:012}.jpg", "license": 4, "width": 80, "height": 80} for n in range(EACH)]
    licenses = [{"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}]
    (folder / "captions.json").write_text(json.dumps({"images": images, "licenses": licenses, "annotations": []}))


def journeydb(folder: Path, pictures: Sequence[bytes]) -> None:
    files("imgs/{}.jpg", "imgs/{}.jpg")(folder, pictures)
    rows = ({"img_path": f"./{n}.jpg", "prompt": f"{n}", "Task2": {"Caption": f"{n}"}} for n in range(EACH))
    (folder / "anno.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def own_shards(folder: Path, pictures: Sequence[bytes]) -> None:
    members: dict[str, bytes] = {}
    for n in range(HALF):
        members |= {f"{n:04}.real.jpg": pictures[2 * n], f"{n:04}.sd.jpg": pictures[2 * n + 1], f"{n:04}.json": b"{}"}
    write_files(folder, {"train-000000.tar": tar(members)})


def classes_of_shards(folder: Path, pictures: Sequence[bytes]) -> None:
    members: dict[str, bytes] = {}
    for n, data in enumerate(pictures):
        members |= {f"{n:04}.jpg": data, f"{n:04}.cls": b"%d" % LABELS[n]}
    write_files(folder, {"00000.tar": tar(members)})


def tar_gz(folder: Path, pictures: Sequence[bytes]) -> None:
    folder.mkdir()
    (folder / "set.tar.gz").write_bytes(gzip.compress(tar({f"a/{n}.jpg": data for n, data in enumerate(pictures)})))


def prompts_in_a_table(folder: Path, pictures: Sequence[bytes]) -> None:
    files("images/{}.jpg", "images/{}.jpg")(folder, pictures)
    lines = (f'{n}.jpg,"a castle,\nnumber {n}"\n' for n in range(EACH))
    (folder / "prompts.csv").write_text("file_name,prompt\n" + "".join(lines))


def images_a_row(folder: Path, pictures: Sequence[bytes]) -> None:
    names = ("coco", "sd3", "sdxl", "dalle", "midjourney")
    columns = {f"{name}_image": pictures[n::5] for n, name in enumerate(names)}
    write_parquet(folder, columns | {"caption": ["a bus"] * 10})


def diffusiondb(folder: Path, pictures: Sequence[bytes]) -> None:
    zipped("part-000001.zip", "{}.png", "{}.png")(folder, pictures)
    numbers = {"part_id": 1, "seed": 7, "step": 50, "cfg": 7.0, "sampler": 8, "width": 512, "height": 512}
    columns = {name: [value] * EACH for name, value in (numbers | {"image_nsfw": 0.1, "prompt_nsfw": 0.1}).items()}
    names = {"image_name": [f"{n}.png" for n in range(EACH)], "prompt": ["a castle"] * EACH}
    pq.write_table(pa.table(names | columns), folder / "metadata.parquet")


# by source: its settings; what writes it; and what its images are, as many of each: reals of a class, or a generator's fakes
LAYOUTS: Layouts = {
    "imagenet-validation": (
        (
            'type = "imagenet"\npath = "{0}/ILSVRC2012_img_val.tar"\nsplit = "validation"\n'
            'devkit = "{0}/devkit.tar.gz"\nclass_names = "words"'
        ),
        imagenet_validation,
        ("tench", "goldfish"),
    ),
    "imagenet-unpacked": (
        'type = "imagenet"\npath = "{0}"',
        files(*(f"train/{wnid}/{wnid}_{{}}.JPEG" for wnid in WNIDS)),
        WNIDS,
    ),
    "imagenet-parquet": ('type = "hub"\npreset = "imagenet-1k"\npath = "{0}"', table("label", LABELS), WNIDS),
    "food101": (
        'type = "hub"\npreset = "food101"\npath = "{0}"',
        table("label", LABELS, "pie", "ribs"),
        ("pie", "ribs"),
    ),
    "afhq": ('type = "hub"\npreset = "afhq"\npath = "{0}"', table("label", LABELS), ("cat", "dog")),
    "pets": (
        'type = "hub"\npreset = "oxford-iiit-pet"\npath = "{0}"',
        table("label", LABELS, "pug", "sphynx", image_id=["x"] * EACH, label_cat_dog=LABELS),
        ("pug", "sphynx"),
    ),
    "cars": ('type = "hub"\npreset = "stanford-cars"\npath = "{0}"', table("label", LABELS, "A4", "Q7"), ("A4", "Q7")),
    "beans": (
        'type = "hub"\npreset = "beans"\npath = "{0}"',
        table("labels", LABELS, image_file_path=["/x"] * EACH),
        ("angular_leaf_spot", "bean_rust"),
    ),
    "coco": ('type = "coco"\npath = "{0}/captions.json"\nimages = "{0}/val2017.zip"', coco_with_images, ("",)),
    "shard-classes": (
        'type = "webdataset"\npath = "{0}"\nlabel = "cls"\nlabels = ["cat", "dog"]',
        classes_of_shards,
        ("cat", "dog"),
    ),
    "own-shards": (
        'type = "webdataset"\npath = "{0}"\nimage = ["real.jpg"]\nfakes = {{ sd = ["sd.jpg"] }}',
        own_shards,
        ("", "fake of sd"),
    ),
    "fake-folder": ('type = "folder"\npath = "{0}"\ngenerator = "sd"', files("{}.jpg", "{}.jpg"), ("fake of sd",)),
    "fake-archive": ('type = "archive"\npath = "{0}/set.tar.gz"\ngenerator = "sd"', tar_gz, ("fake of sd",)),
    "fake-shards": ('type = "webdataset"\npath = "{0}"\ngenerator = "sd"', classes_of_shards, ("fake of sd",)),
    "generated-faces": (
        'type = "hub"\npath = "{0}"\ngenerator_column = "model"\ncaption_column = "prompt"',
        table("model", [("", "SDXL")[label] for label in LABELS], prompt=["a face"] * EACH),
        ("", "fake of sdxl"),
    ),
    "journeydb": (
        (
            'type = "url-list"\npath = "{0}/anno.jsonl"\nimages = "{0}/imgs"\ngenerator = "midjourney"\n'
            'columns = {{ path = "img_path", caption = "Task2.Caption" }}'
        ),
        journeydb,
        ("fake of midjourney",),
    ),
    "tiny-genimage": (
        'type = "labelled-parquet"\npath = "{0}"\ngenerator_column = "generator"',
        table("label", LABELS, "real", "fake", generator=["BigGAN"] * EACH),
        ("", "fake of biggan"),
    ),
    "midjourney-small": (
        'type = "labelled-parquet"\npath = "{0}"\ngenerator = "midjourney_v6"',
        table("label", [1 - label for label in LABELS], "ai_gen", "human"),
        ("", "fake of midjourney_v6"),
    ),
    "nano-banana": (
        'type = "labelled-parquet"\npath = "{0}"\ngenerator = "nano_banana"',
        table("label", [SIDES[label] for label in LABELS]),
        ("", "fake of nano_banana"),
    ),
    "synthetic-real-vs-ai-200k": (
        'type = "labelled-parquet"\npath = "{0}"\nlabels = {{ "0" = "real", "1" = "fake" }}',
        table("label", LABELS),
        ("", "fake of unknown"),
    ),
    "synthetic-human-faces": (
        'type = "labelled-parquet"\npath = "{0}"\nlabels = {{ "1" = "real", "0" = "fake" }}',
        table("label", LABELS),
        ("fake of unknown", ""),
    ),
    "community-forensics-small": (
        'type = "community-forensics"\nsplit = "train"\npath = "{0}"',
        lambda folder, pictures: write_parquet(
            folder,
            {"image_data": pictures, "label": LABELS}
            | dict.fromkeys(("model_name", "prompt", "architecture"), ["x"] * EACH)
            | {"nsfw_flag": [False] * EACH},
        ),
        ("", "fake of x"),
    ),
    "stylegan-faces": (
        'type = "labelled-folder"\npath = "{0}"\ngenerator = "stylegan"',
        files("train/real/{}.jpg", "train/fake/{}.jpg"),
        ("", "fake of stylegan"),
    ),
    "deepfake-faces": (
        'type = "labelled-folder"\npath = "{0}"\ngenerator = "deepfake"\nsplit = "train"',
        files("Train/Real/{}.jpg", "Train/Fake/{}.jpg"),
        ("", "fake of deepfake"),
    ),
    "genimage-zip": (
        'type = "genimage"\npath = "{0}/BigGAN.zip"',
        zipped("BigGAN.zip", "imagenet_ai_0419_biggan/val/nature/{}.JPEG", "imagenet_ai_0419_biggan/val/ai/{}.png"),
        ("", "fake of biggan"),
    ),
    "coco-ai": (
        (
            'type = "paired-parquet"\npath = "{0}"\ncaption_column = "caption"\nimage_columns = {{ coco_image = "real", '
            'sd3_image = "sd3", sdxl_image = "sdxl", dalle_image = "dalle_3", midjourney_image = "midjourney_v6" }}'
        ),
        images_a_row,
        ("", *(f"fake of {name}" for name in ("sd3", "sdxl", "dalle_3", "midjourney_v6"))),
    ),
    "diffusiondb-table": (
        'type = "diffusiondb"\npath = "{0}"\nmax_image_nsfw = 0.5',
        diffusiondb,
        ("fake of stable_diffusion",),
    ),
    "midjourney-table": (
        'type = "prompted-folder"\npath = "{0}/images"\ngenerator = "midjourney"\ncsv = "{0}/prompts.csv"',
        prompts_in_a_table,
        ("fake of midjourney",),
    ),
}


def pictures() -> list[bytes]:
    """JPEGs that differ."""
    random = np.random.default_rng(11)
    made = []
    for _ in range(EACH):
        stream = io.BytesIO()
        patches = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        patches.resize((80, 80), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
        made.append(stream.getvalue())
    return made


def open_images_gz(folder: Path) -> None:
    rows = ({"ImageID": f"{n:016x}", "Subset": "train", "OriginalURL": f"https://a.example/{n}"} for n in range(60))
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_files(folder, {"ids.csv.gz": gzip.compress(text.getvalue().encode())})
    (folder / "list.txt").write_text("".join(f"train/{n:016x}\n" for n in range(EACH)))


def re_laion(folder: Path) -> None:
    columns = {"url": [f"https://a.example/{n}" for n in range(EACH)], "caption": ["x"] * EACH, "status": ["ok"] * EACH}
    folder.mkdir()
    for part in range(2):
        pq.write_table(pa.table(columns), folder / f"part-0000{part}-2f-c000.snappy.parquet")


def urls_in_parquet(folder: Path) -> None:
    write_parquet(folder, {"image_url": [f"https://a.example/{n}" for n in range(EACH)], "text": ["x"] * EACH})


def lines(name: str, line: str, head: str = "") -> Callable[[Path], None]:
    return lambda folder: write_files(folder, {name: (head + "".join(line.format(n) for n in range(EACH))).encode()})


# what only lists URLs, or prompts: `test_sources.py` and the tests of retrieval and of prompts go on from such lists
LISTS: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "open-images-rescaled": (
        'type = "open-images"\ncsv = "{0}/ids.csv.gz"\nids = "{0}/list.txt"\nvariant = "rescaled"',
        open_images_gz,
    ),
    "synthetic-re-laion": ('type = "laion"\npath = "{0}"\nparquet_parts = [1, 1]', re_laion),
    "laion-shards": ('type = "laion"\npath = "{0}"\nshards = [3, 7]\nshard_rows = 10', re_laion),
    "conceptual-captions": (
        'type = "url-list"\npath = "{0}/cc.tsv"\nlayout = "conceptual-captions"',
        lines("cc.tsv", 'a "picture\thttps://a.example/{}\n'),
    ),
    "urls-in-csv": (
        'type = "url-list"\npath = "{0}/a.csv"',
        lines("a.csv", 'https://a.example/{},"a\r\nb"\r\n', "\ufeffURL,TEXT\r\n"),
    ),
    "urls-in-jsonl": (
        'type = "url-list"\npath = "{0}/a.jsonl"',
        lines("a.jsonl", '{{"url": "https://a.example/{}"}}\n'),
    ),
    "urls-in-parquet": ('type = "url-list"\npath = "{0}/data"', urls_in_parquet),
    "diffusion-prompts": (
        'type = "url-list"\npath = "{0}/prompts.csv"\ngenerator = "stable_diffusion"',
        lines("prompts.csv", '"a castle,\nby night",https://a.example/{}\n', "prompt,url\n"),
    ),
    "prompts": (
        'type = "prompts"\npath = "{0}/prompts.csv"\nlimit = 50\nimages_per_prompt = 2',
        lines("prompts.csv", '"a castle,\nby night {}"\n', "prompt\n"),
    ),
}
PROMPTS = """
[[views]]
name = "made"
framing = "single"
sources = ["prompts"]
generators = ["sd"]
frame = 128
size = 64

[[generators]]
name = "sd"
method = "text-to-image"
model = "models/sd"
"""


def write_recipe(folder: Path, settings: Mapping[str, str]) -> Path:
    tables = (f'[[sources]]\nname = "{name}"\n{text.format(name)}\n' for name, text in settings.items())
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(sources="\n".join(tables), names=[name for name in settings if name != "prompts"]))
    return path


def planned(recipe: Path) -> dict[str, int | None]:
    plan = plan_recipe(load_recipe(recipe), recipe.parent, count=True)
    return {source.name: source.images for source in plan.sources}


def test_fifty_images_of_each_layout_are_planned_fetched_and_screened(tmp_path: Path):
    made = pictures()
    for name, (_, write, _) in LAYOUTS.items():
        write(tmp_path / name, made)
    recipe = write_recipe(tmp_path, {name: settings for name, (settings, _, _) in LAYOUTS.items()})
    assert planned(recipe) == dict.fromkeys(LAYOUTS, EACH)

    build = BuildFolder(load_recipe(recipe), str(tmp_path), str(tmp_path / "built"))
    build.claim()
    for stage in (ListStage(build), RealsStage(build), ScreenStage(build)):
        for index in stage.pending():
            stage.run(index)
        assert not stage.counts().rejected
    found: dict[str, Counter[str]] = {name: Counter() for name in LAYOUTS}
    for image in (screened.image for screened in ScreenStage(build).records(ScreenedImage)):
        found[image.source][f"fake of {image.made.generator}" if image.made else image.class_label] += 1
    assert found == {name: dict.fromkeys(kinds, EACH // len(kinds)) for name, (_, _, kinds) in LAYOUTS.items()}


def test_fifty_items_of_each_list_are_planned(tmp_path: Path):
    for name, (_, write) in LISTS.items():
        write(tmp_path / name)
    recipe = write_recipe(tmp_path, {name: settings for name, (settings, _) in LISTS.items()})
    recipe.write_text(recipe.read_text() + PROMPTS)
    assert planned(recipe) == dict.fromkeys(LISTS, EACH)
