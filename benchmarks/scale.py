"""What a pair costs beside its pixels, from ten thousand pairs to two million: time a pair, and the most memory held.

The stages of a build are run over a chunk store of made-up records (benchmarks/synthetic_build.py), each in a process of
its own: the search for duplicates, splitting, the dataset's accounts of itself, the index, `status` and `plan`. What the
search finds is held against a comparison with all hashes, on a sample.

python benchmarks/scale.py [--sizes 10000 100000 1000000 2000000] [--folder FOLDER] [--small]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.synthetic_build import build_size, fill_aligned, fill_screened, fill_shards, hashes, open_build
from flows.counts import stage_counts
from flows.folder import BuildFolder
from flows.plan import plan_recipe
from flows.stages.audit import AuditStage
from flows.stages.manifest import ManifestStage
from flows.stages.select import SelectStage
from flows.stages.split import SplitStage
from manifests.dataset import Dataset
from manifests.index import write_index
from manifests.neighbourhoods import Neighbourhoods

_CHUNK, _SHARD = 1024, 1000
_SAMPLE = 200
_RADIUS = 6

Step = Callable[[BuildFolder], None]


def main() -> None:
    """Measure as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 2_000_000])
    parser.add_argument("--folder", type=Path, help="where the made-up builds lie for the time being")
    parser.add_argument("--small", action="store_true", help="2,000 pairs: does it run?")
    parser.add_argument("--step", nargs=2, metavar=("NAME", "SIZE"), help="one step, in this process")
    arguments = parser.parse_args()
    if arguments.step:
        _measure(arguments.folder, arguments.step[0], int(arguments.step[1]))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seconds, us of processor a pair, MB at most")
    for size in [2_000] if arguments.small else arguments.sizes:
        with tempfile.TemporaryDirectory(prefix="twinset-", dir=arguments.folder) as folder:
            for name in STEPS:
                taken = _in_own_process(Path(folder), name, size)
                if name not in _PREPARING:
                    per_pair = 1e6 * taken["processor"] / size
                    print(
                        f"{size:>9,}  {name:<9} {taken['seconds']:8.1f} s {per_pair:8.2f} us {taken['megabytes']:7.0f} MB",
                        flush=True,
                    )


def _in_own_process(folder: Path, name: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scale", "--folder", str(folder), "--step", name, str(size)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])  # noqa: S603 - this file
    taken: dict[str, float] = json.loads(answer.stdout)
    return taken


def _measure(folder: Path, name: str, size: int) -> None:
    """One step's seconds, those of the processor, and the most memory that its process held, as JSON."""
    build = open_build(folder, _CHUNK, _SHARD)
    if name == "screened":
        fill_screened(build, size)
    began, busy = time.perf_counter(), time.process_time()
    if name != "screened":
        STEPS[name](build)
    taken = {
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - busy,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(taken))


def _search(build: BuildFolder) -> None:
    """All near-duplicates at the radius of groups; those of a sample are what comparing all would find."""
    drawn = hashes(build_size(build), seed=0)
    found = Neighbourhoods(drawn, _RADIUS)
    for phash in drawn[:: max(1, len(drawn) // _SAMPLE)].tolist():
        near = drawn[np.bitwise_count(drawn ^ np.uint64(phash)) <= _RADIUS].tolist()
        if {*near} != {phash, *(found.others(phash) or [])}:
            raise SystemExit(f"hash {phash:016x}: not the neighbours that comparing all finds")


def _index(build: BuildFolder) -> None:
    dataset = Dataset.open(str(build.dataset))
    write_index(build.dataset, "none", dataset.record_counts(), AuditStage(build).written())


def _plan(build: BuildFolder) -> None:
    plan_recipe(build.recipe, build.path, count=True)


STEPS: dict[str, Step] = {
    "screened": lambda _: None,
    "search": _search,
    "select": lambda build: SelectStage(build).run(0),
    "aligned": fill_aligned,
    "split": lambda build: SplitStage(build).run(0),
    "sharded": fill_shards,
    "manifest": lambda build: ManifestStage(build).run(0),
    "index": _index,
    "status": lambda build: list(stage_counts(build)).clear(),
    "plan": _plan,
}
_PREPARING = ("screened", "aligned", "sharded")


if __name__ == "__main__":
    main()
