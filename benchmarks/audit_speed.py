"""How long an audit takes, and how much memory: a dataset of pairs is made, then audited by a program of its own.

python benchmarks/audit_speed.py [--pairs 5000] [--side 512] [--folder DIR]

Printed are seconds by the clock, seconds of all processors together (on a machine with other work, half of these is what two
idle processors would need at least), and the largest memory of the main process and of any of its helpers. The null control
and the re-captions are not measured: the one depends on the recipe and not on the dataset's size, the other on the captioner.
"""

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from PIL import Image

from audit.config import AuditConfig
from audit.dead_leaves import DeadLeaves
from audit.embedding import PlainEmbedder
from audit.run import audit
from manifests import canonical
from manifests.dataset import Dataset
from manifests.header import Header, ShardInfo
from manifests.shards import Sample, write_shard
from manifests.storage import Folder

_CONTENTS = 40
_PAIRS_A_SHARD = 250
_MEBIBYTE = 1024
_PROCESSES = (("main process", resource.RUSAGE_SELF), ("largest helper", resource.RUSAGE_CHILDREN))


def make(folder: Path, pairs: int, side: int) -> None:
    """Write a dataset of windows of a few large pictures; a fake is the same window with noise of its own."""
    starts = range(0, pairs, _PAIRS_A_SHARD)
    numbers = [range(start, min(start + _PAIRS_A_SHARD, pairs)) for start in starts]
    shards = Parallel(n_jobs=-1)(delayed(_shard)(folder, index, part, side) for index, part in enumerate(numbers))
    header = Header(
        twinset="0.1.0",
        name="speed",
        salt="speed",
        recipe={},
        generators=["noise"],
        views=["scene"],
        pairs_per_shard=_PAIRS_A_SHARD,
        shards=shards,
        encoders={},
        jpeg_tables={},
    )
    Folder.at(str(folder)).write("manifest.jsonl", canonical.dumps(header) + b"\n")


def _shard(folder: Path, index: int, numbers: range, side: int) -> ShardInfo:
    name = f"train-{index:06d}.tar"
    with Folder.at(str(folder)).create(f"shards/{name}") as stream:
        write_shard(stream, _samples(numbers, side))
    return ShardInfo(name=name, split="train", view="scene", pairs=len(numbers))


def _samples(numbers: range, side: int) -> Iterator[Sample]:
    pictures: dict[int, np.ndarray] = {}
    for number in numbers:
        content = number % _CONTENTS
        if content not in pictures:
            pictures[content] = DeadLeaves(content, 2 * side).pixels
        rng = np.random.default_rng(number)
        top, left = rng.integers(0, side + 1, 2)
        window = np.rot90(pictures[content][top : top + side, left : left + side], int(rng.integers(4)))
        fake = np.clip(window + rng.integers(-6, 7, window.shape), 0, 255).astype(np.uint8)
        key = f"{number:016x}-scene"
        fields = {"pair_id": key, "view": "scene", "source": ("first", "second")[number % 2], "split": "train"}
        yield Sample(key, {"real": _jpeg(window), "noise": _jpeg(fake)}, fields)


def _jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def measure(folder: Path) -> None:
    """Audit the dataset, and print what that took."""
    began = time.perf_counter()
    report = audit(Dataset.open(str(folder)), AuditConfig(), embedder=PlainEmbedder())
    seconds = time.perf_counter() - began
    # only of processes that have ended and were waited for is anything known
    get_reusable_executor().shutdown(wait=True)
    used = {name: resource.getrusage(who) for name, who in _PROCESSES}
    spent = sum(usage.ru_utime + usage.ru_stime for usage in used.values())
    print(f"{2 * report.pairs} images, {len(report.probes)} findings, gate {report.gate}")
    print(f"{seconds:.0f} s by the clock; {spent:.0f} s of all processors, half of it {spent / 2:.0f} s")
    for name, usage in used.items():
        print(f"memory, {name}: {usage.ru_maxrss / _MEBIBYTE:.0f} MiB")


def main() -> None:
    """Make a dataset and audit it, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where the dataset is made and deleted; a temporary one by default")
    parser.add_argument("--audit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.audit is not None:
        measure(arguments.audit)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        make(Path(folder), arguments.pairs, arguments.side)
        subprocess.run([sys.executable, __file__, "--audit", folder], check=True)  # noqa: S603 - this very file


if __name__ == "__main__":
    main()
