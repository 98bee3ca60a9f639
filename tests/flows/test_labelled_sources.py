"""Fifty images of each published set that others made, from its own layout to a dataset of images that stand alone."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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

pytestmark = pytest.mark.xdist_group("stages")

HALF = 25

# by type: where the reals and the fakes lie in folders; the number of an image goes into the braces
FOLDERS = {
    "genimage": ("ADM/imagenet_ai_0508_adm/val/nature/{}.JPEG", "ADM/imagenet_ai_0508_adm/val/ai/{}_adm.png"),
    "dda": ("real/{}.jpg", "fake/{}.jpg"),
    "evalgen": ("", "Flux/a prompt_{}.jpg"),
    "df40": ("heygen/real/frames/v{0}/{0}.jpg", "simswap/ff/frames/v{0}/{0}.jpg"),
    "artartai": ("RealArt/RealArt/{}.jfif", "AiArtData/AiArtData/{}.jpg"),
    "super-genai": ("Real/{}.jpg", "Fake/{}.jpg"),
    "synthbuster": ("raise/{}.jpg", "dalle3/{}.jpg"),
    "wildrf": ("test/reddit/0_real/{}.jpg", "test/reddit/1_fake/{}.jpg"),
    "chameleon": ("test/0_real/{}.jpg", "test/1_fake/{}.jpg"),
    "aigcdetectbenchmark": ("test/progan/cat/0_real/{}.jpg", "test/progan/cat/1_fake/{}.jpg"),
    "labelled-folder": ("Photos/{}.jpg", "MJ/{}.jpg"),
}
MORE = {
    "labelled-folder": 'labels = { Photos = "real", MJ = "midjourney" }',
    "elsa-d3": 'only = "fake"\nfakes = ["gen0", "gen2"]',
    "community-forensics": 'split = "train"',
    "paired-parquet": 'image_columns = { coco_image = "real", sdxl_image = "sdxl" }',
    "prompted-folder": 'generator = "midjourney"',
}
FAKES_ALONE = ("evalgen", "elsa-d3", "diffusiondb", "prompted-folder")

RECIPE = """
name = "labelled"
{sources}
[[views]]
name = "photos"
framing = "single"
sources = {names}
size = 32

[limits]
drop_rate = 1.0
"""

Pictures = Iterator[Callable[[str], bytes]]


def pictures() -> Pictures:
    """Pictures that differ, each in the format that the end of a file's name asks for."""
    random = np.random.default_rng(7)
    while True:
        patches = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        picture = patches.resize((80, 80), Image.Resampling.BICUBIC)

        def encode(name: str, picture: Image.Image = picture) -> bytes:
            stream = io.BytesIO()
            picture.save(stream, "PNG" if name.endswith("png") else "JPEG", quality=90)
            return stream.getvalue()

        yield encode


def write_folders(root: Path, kind: str, made: Pictures) -> None:
    real, fake = FOLDERS[kind]
    names = [template.format(n) for n in range(HALF) for template in ((real, fake) if real else (fake,))]
    names += [fake.format(n) for n in range(HALF, 2 * HALF) if not real]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(next(made)(name))


def write_parquet(root: Path, columns: dict[str, Any], images: tuple[str, ...], made: Pictures, rows: int) -> None:
    cells = {name: [{"bytes": next(made)("jpg"), "path": None} for _ in range(rows)] for name in images}
    root.mkdir(parents=True)
    pq.write_table(pa.table(columns | cells), root / "train-00000-of-00001.parquet")


def texts(kind: str) -> list[str]:
    return [f"{kind} {number}" for number in range(2 * HALF)]


def write_tables(folder: Path, made: Pictures) -> None:
    labels = [number % 2 for number in range(2 * HALF)]
    words = [("real", "fake")[label] for label in labels]
    defactify = {"Caption": texts("defactify"), "Label_A": labels, "Label_B": [3 * label for label in labels]}
    write_parquet(folder / "defactify", defactify, ("Image",), made, 2 * HALF)
    openfake = {"prompt": texts("openfake"), "label": words, "model": ["flux.1-dev"] * 2 * HALF}
    write_parquet(folder / "openfake", openfake, ("image",), made, 2 * HALF)
    write_parquet(folder / "labelled-parquet", {"label": words}, ("image",), made, 2 * HALF)
    write_parquet(folder / "paired-parquet", {"id": range(HALF)}, ("coco_image", "sdxl_image"), made, HALF)
    forensics = {
        "image_data": [next(made)("jpg") for _ in labels],
        "label": labels,
        "model_name": ["org/model"] * 2 * HALF,
        "prompt": texts("forensics"),
        "architecture": ["LatDiff"] * 2 * HALF,
        "nsfw_flag": [False] * 2 * HALF,
    }
    write_parquet(folder / "community-forensics", forensics, (), made, 2 * HALF)
    elsa = dict.fromkeys(("id", "original_prompt", "positive_prompt", "negative_prompt", "url"), texts("elsa")[:HALF])
    for fake in ("gen0", "gen2"):
        elsa |= {f"model_{fake}": ["org/model"] * HALF}
        elsa |= {f"{name}_{fake}": [50] * HALF for name in ("width", "height", "num_inference_steps")}
    write_parquet(folder / "elsa-d3", elsa, ("image_gen0", "image_gen2"), made, HALF)


def write_diffusiondb(root: Path, made: Pictures) -> None:
    (root / "images").mkdir(parents=True)
    with zipfile.ZipFile(root / "images/part-000001.zip", "w") as archive:
        names = [f"{number:08d}.jpg" for number in range(2 * HALF)]
        for name in names:
            archive.writestr(name, next(made)(name))
        items = {name: {"p": "a castle", "se": 1, "c": 7.0, "st": 50, "sa": "k_lms"} for name in names}
        archive.writestr("part-000001.json", json.dumps(items))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe over all of the sets, each in a folder of its name."""
    folder, made = tmp_path_factory.mktemp("labelled"), pictures()
    for kind in FOLDERS:
        write_folders(folder / kind, kind, made)
    write_tables(folder, made)
    write_diffusiondb(folder / "diffusiondb", made)
    (folder / "prompted-folder").mkdir()
    for number in range(2 * HALF):
        (folder / f"prompted-folder/{number}.jpg").write_bytes(next(made)("jpg"))
        (folder / f"prompted-folder/{number}.txt").write_text(f"prompt {number}")
    kinds = sorted(path.name for path in folder.iterdir())
    tables = [f'[[sources]]\ntype = "{kind}"\npath = "{kind}"\n{MORE.get(kind, "")}\n' for kind in kinds]
    (folder / "recipe.toml").write_text(RECIPE.format(sources="\n".join(tables), names=kinds))
    return folder / "recipe.toml"


def test_fifty_images_of_each_set_are_planned_and_built(recipe: Path):
    plan = plan_recipe(load_recipe(recipe), recipe.parent, count=True)
    assert {source.name: source.images for source in plan.sources} == dict.fromkeys(
        (source.name for source in plan.sources), 2 * HALF
    )
    assert len(plan.sources) == 19
    build = BuildFolder(load_recipe(recipe), str(recipe.parent), str(recipe.parent / "built"))
    build.claim()
    for stage in build_stages(build)[:-1]:  # all but the audit
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    assert {count.name: count.rejected for count in stage_counts(build) if count.rejected} == {}
    found = Counter((pair.image.source, pair.label) for pair in Dataset.open(str(build.dataset)).pairs())
    expected = Counter[tuple[str, int]]()
    for source in plan.sources:
        alone = source.name in FAKES_ALONE
        expected |= {(source.name, 1): 2 * HALF} if alone else {(source.name, 0): HALF, (source.name, 1): HALF}
    assert found == expected
