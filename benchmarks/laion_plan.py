"""How long it takes to filter, plan and chunk a LAION set, and how much memory; its rows are made up.

python benchmarks/laion_plan.py [--rows 2000000] [--chunk 256] [--all]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_PARTS = 8
_GROUP = 100_000  # rows of a row group
_WORDS = (
    "red",
    "cat",
    "house",
    "on",
    "table",
    "with",
    "the",
    "blue",
    "photo",
    "vintage",
    "landscape",
    "stock",
    "vector",
)
_FILTERS = """
min_scores = { aesthetic = 5.5, similarity = 0.28 }
max_scores = { punsafe = 0.1, pwatermark = 0.5 }
min_width = 512
min_height = 512
"""
_RECIPE = """
name = "laion"

[[sources]]
type = "laion"
path = "parts"
{filters}
[caption]
source = "source"

[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 64
generators = ["vae"]

[[generators]]
name = "vae"
method = "reconstruct"
model = "runwayml/stable-diffusion-v1-5"

[chunks]
size = {chunk}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the set")
    parser.add_argument("--chunk", type=int, default=256, help="images of a chunk")
    parser.add_argument("--all", action="store_true", help="no filters: every row is listed")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        plan_and_chunk(arguments.child)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_parts(Path(folder) / "parts", arguments.rows)
        filters = "" if arguments.all else _FILTERS
        (Path(folder) / "recipe.toml").write_text(_RECIPE.format(filters=filters, chunk=arguments.chunk))
        root = Path(__file__).parents[1]
        command = [sys.executable, str(Path(__file__).resolve()), "--child", folder]
        subprocess.run(command, check=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)})  # noqa: S603


def make_parts(folder: Path, rows: int) -> None:
    """Write parts as laion2B-en-aesthetic has them."""
    folder.mkdir()
    for part in range(_PARTS):
        rng = np.random.default_rng(part)
        count = rows // _PARTS
        ids = rng.integers(-(2**62), 2**62, count)
        words = np.array(_WORDS)
        table = {
            "URL": [f"https://images{number % 997}.example.org/photos/{number:x}.jpg" for number in ids.tolist()],
            "TEXT": [" ".join(words[row]) for row in rng.integers(0, len(words), (count, 9))],
            "WIDTH": rng.integers(64, 3000, count, dtype=np.int32),
            "HEIGHT": rng.integers(64, 3000, count, dtype=np.int32),
            "similarity": rng.uniform(0.26, 0.4, count),
            "hash": ids,
            "punsafe": rng.beta(0.3, 5, count).astype(np.float32),
            "pwatermark": rng.beta(0.5, 1, count).astype(np.float32),
            "aesthetic": rng.normal(5.5, 0.8, count).astype(np.float32),
        }
        name = f"part-{part:05d}-{uuid.UUID(int=part)}-c000.snappy.parquet"
        pq.write_table(pa.table(table), folder / name, compression="snappy", row_group_size=_GROUP)


def plan_and_chunk(folder: Path) -> None:
    """Plan the recipe with its list counted, then cut the list into chunks on the disk; print what it took."""
    began = time.perf_counter()
    from flows.folder import BuildFolder  # noqa: PLC0415 - the import is part of what a user waits for
    from flows.plan import plan_recipe  # noqa: PLC0415
    from flows.recipe import load_recipe  # noqa: PLC0415
    from flows.stages.listing import ListStage  # noqa: PLC0415

    recipe = load_recipe(folder / "recipe.toml")
    planned = plan_recipe(recipe, folder, count=True)
    after_plan = time.perf_counter()
    build = BuildFolder(recipe, str(folder), str(folder / "out"))
    build.claim()
    stage = ListStage(build)
    for index in stage.pending():
        stage.run(index)
    stage.finish()
    ended = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "images": planned.sources[0].images,
        "chunks": stage.count(),
        "plan_seconds": round(after_plan - began, 1),
        "chunk_seconds": round(ended - after_plan, 1),
        "seconds": round(ended - began, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_megabytes": round(used.ru_maxrss / 1024),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
