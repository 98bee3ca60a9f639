"""How long an audit takes, and how much memory: half reals, half fakes, made on the fly and not counted.

python benchmarks/audit_speed.py [--images 10000] [--side 512]
"""

import argparse
import io
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from audit.battery import battery
from audit.config import AuditConfig
from audit.dead_leaves import DeadLeaves
from audit.evidence import gather_foreign

_CONTENTS = 40
_MEBIBYTE = 1024


@dataclass(frozen=True, kw_only=True)
class Item:
    """An image as `audit.evidence.ForeignImage` describes it."""

    name: str
    data: bytes
    label: int
    generator: str
    source: str
    split: str = ""
    caption: str = ""
    class_label: str = ""
    problem: str = ""


class Images:
    """Windows of a few large pictures; `spent` is the time in seconds that making them took."""

    def __init__(self, count: int, side: int) -> None:
        self.spent = 0.0
        self._count = count
        self._side = side
        self._pictures = [DeadLeaves(number, 2 * side).pixels for number in range(_CONTENTS)]

    def __iter__(self) -> Iterator[Item]:
        for number in range(self._count):
            began = time.perf_counter()
            item = self._item(number)
            self.spent += time.perf_counter() - began
            yield item

    def _item(self, number: int) -> Item:
        rng = np.random.default_rng(number)
        top, left = rng.integers(0, self._side + 1, 2)
        picture = self._pictures[number % _CONTENTS]
        window = np.rot90(picture[top : top + self._side, left : left + self._side], int(rng.integers(4)))
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(window)).save(stream, "JPEG", quality=90)
        label = number % 2
        return Item(
            name=f"{number:06d}.jpg",
            data=stream.getvalue(),
            label=label,
            generator="generator" if label else "",
            source=("first", "second")[number // 2 % 2],
        )


def main() -> None:
    """Audit as many images as the command line says, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=512)
    arguments = parser.parse_args()
    images = Images(arguments.images, arguments.side)
    began = time.perf_counter()
    evidence = gather_foreign(images, AuditConfig())
    looked = time.perf_counter()
    probes = battery(evidence, AuditConfig())
    ended = time.perf_counter()
    reading = looked - began
    print(f"{evidence.count} images of {arguments.side} x {arguments.side}, {len(probes)} findings")
    print(f"looked at in {reading:.0f} s, of which up to {images.spent:.0f} s went into making them")
    print(f"probed in {ended - looked:.0f} s")
    for who, name in ((resource.RUSAGE_SELF, "this process"), (resource.RUSAGE_CHILDREN, "largest other")):
        print(f"memory, {name}: {resource.getrusage(who).ru_maxrss / _MEBIBYTE:.0f} MiB")


if __name__ == "__main__":
    main()
