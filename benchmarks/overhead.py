"""What a build costs beside its work: looking at a finished one of thousands of chunks, and Prefect's share of a chunk.

A finished build of made-up records (benchmarks/synthetic_build.py) is asked what is left to do, as `twinset build` asks it
first, and counted, as `twinset status` does. Then empty chunks are given to Prefect in the way of a stage, wave by wave.

python benchmarks/overhead.py [--chunks 5000] [--tasks 200] [--small]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks.synthetic_build import fill_aligned, fill_screened, fill_shards, finish, open_build
from flows.counts import is_finished, stage_counts
from flows.environment import prepare
from flows.stages.manifest import ManifestStage
from flows.stages.select import SelectStage
from flows.stages.split import SplitStage

_PAIRS = 2
"""Images a chunk: how long a look takes depends on the number of chunks, not on what they hold."""
_CHUNK_SECONDS = 30.0
"""What a chunk's own work should take at least."""


def main() -> None:
    """Measure as the command line says, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--small", action="store_true", help="20 chunks, 5 tasks: does it run?")
    arguments = parser.parse_args()
    chunks, tasks = (20, 5) if arguments.small else (arguments.chunks, arguments.tasks)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="twinset-") as folder:
        _looking(Path(folder), chunks)
    _submitting(tasks)


def _looking(folder: Path, chunks: int) -> None:
    """Seconds to find that nothing is left to do, and to count what was done."""
    build = open_build(folder, _PAIRS, _PAIRS)
    fill_screened(build, chunks * _PAIRS)
    SelectStage(build).run(0)
    fill_aligned(build)
    SplitStage(build).run(0)
    fill_shards(build)
    ManifestStage(build).run(0)
    finish(build)
    began, busy = time.perf_counter(), time.process_time()
    if not is_finished(build):
        raise SystemExit("the made-up build does not count as finished")
    print(
        f"nothing to do: {time.perf_counter() - began:.1f} s, {time.process_time() - busy:.1f} s of processor",
        flush=True,
    )
    began, busy = time.perf_counter(), time.process_time()
    done = sum(count.chunks_done for count in stage_counts(build))
    print(f"status:        {time.perf_counter() - began:.1f} s, {time.process_time() - busy:.1f} s of processor")
    print(f"               {chunks:,} chunks of images, {done:,} markers in all stages")


def _submitting(tasks: int) -> None:
    """Seconds that Prefect takes for a chunk beside the chunk's own work, and to start."""
    prepare()
    from prefect import flow, task  # noqa: PLC0415 - once its environment is set

    from flows.scheduling import CHUNK, run_chunks  # noqa: PLC0415

    @task(name="chunk", **CHUNK)
    def nothing(url: str, stage: str, index: int) -> int:  # noqa: ARG001 - the arguments of a chunk
        return index

    @flow(name="stage", persist_result=False)
    def run(chunks: list[int]) -> float:
        began = time.perf_counter()
        run_chunks(nothing, "", "empty", chunks)
        return time.perf_counter() - began

    began = time.perf_counter()
    inside = run([0])
    start = time.perf_counter() - began - inside
    each = run(list(range(tasks))) / tasks
    print(
        f"Prefect:       {start:.1f} s to start; {1000 * each:.0f} ms a chunk ({each / _CHUNK_SECONDS:.2%} of {_CHUNK_SECONDS:.0f} s)"
    )


if __name__ == "__main__":
    main()
