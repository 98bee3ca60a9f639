"""How quickly the page Pairs answers many people at once, over a manifest of a million pairs.

python benchmarks/pages_load.py [--pairs 1000000] [--people 20] [--clicks 16] [--think 3.0] [--images 3000]

A dataset is written whose table has that many rows (they take turns in showing `--images` pairs of 256 pixels, a real and
two fakes each, which lie in shards), and the real server is started on it. Each person is a connection of their own that
speaks Streamlit's protocol: it opens the app on all pairs, a split, a class or words, then goes to the next page or jumps to
another, twice over, and waits `--think` seconds on average in between. Timed is what a browser waits for, from the click to
the last message of the page, images included; drawing them is left out. A page that lacks an image ends it all. The server's
memory is the most that its process has held.
"""

import argparse
import asyncio
import io
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import websockets
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from manifests import canonical
from manifests.header import Header, ShardInfo
from manifests.shards import Sample, write_shard
from manifests.storage import Folder

_GROUP = 10_000
_PER_SHARD = 500
_SIDE = 256
_PAGE = 12
_MEMBERS = ("real", "painter", "vae")
_COUNTED = re.compile(r'class="tw-count"><b>([\d,]+)\N{EN DASH}([\d,]+)<')
_THINGS = ("cone", "cube", "cylinder", "sphere", "dog", "bridge", "kettle", "boat")
_COLOURS = ("red", "green", "blue", "yellow", "purple", "white")


def write_dataset(folder: Path, pairs: int, images: int) -> None:
    target = Folder.at(str(folder))
    rng = np.random.default_rng(0)
    shards = []
    for first in range(0, images, _PER_SHARD):
        name = f"train-{first // _PER_SHARD:06d}.tar"
        numbers = range(first, min(first + _PER_SHARD, images))
        with target.create(f"shards/{name}") as stream:
            write_shard(
                stream, (Sample(_pair_id(number), _members(rng), {"pair_id": _pair_id(number)}) for number in numbers)
            )
        shards.append(ShardInfo(name=name, split="train", view="scene", pairs=len(numbers)))
    header = Header(
        twinset="0", name="load", salt="", recipe={}, generators=["painter", "vae"], views=["scene"],
        pairs_per_shard=_PER_SHARD, shards=shards, encoders={}, jpeg_tables={},
    )  # fmt: skip
    target.write("manifest.jsonl", canonical.dumps(header) + b"\n")
    target.write("rejects.jsonl", b"")
    writer = None
    for first in range(0, pairs, _GROUP):
        table = _table(range(first, min(first + _GROUP, pairs)), images, rng)
        writer = writer or pq.ParquetWriter(folder / "manifest.parquet", table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _pair_id(number: int) -> str:
    return f"{number:016x}-scene"


def _members(rng: np.random.Generator) -> dict[str, bytes]:
    coarse = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
    members = {}
    for name in _MEMBERS:
        picture = np.array(Image.fromarray(coarse).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(picture + rng.integers(-6, 7, picture.shape, dtype=np.int16), 0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noisy).save(stream, "JPEG", quality=92)
        members[name] = stream.getvalue()
    return members


def _table(numbers: range, images: int, rng: np.random.Generator) -> pa.Table:
    shown = [number % images for number in numbers]
    words = [f"a {_COLOURS[a]} {_THINGS[b]} number {c}" for a, b, c in rng.integers(0, (6, 8, 5000), (len(shown), 3))]
    splits = rng.choice(["train", "validation", "test"], len(shown), p=[0.8, 0.1, 0.1])
    # as long as a real record, and as hard to compress
    filler = rng.bytes(700 * len(shown)).hex()
    return pa.table(
        {
            "pair_id": [_pair_id(number) for number in shown],
            "split": splits,
            "view": ["scene"] * len(shown),
            "framing": ["scene"] * len(shown),
            "source": [f"source {number * 7 // 1_000_000}" for number in numbers],
            "class_label": [f"class {label}" for label in rng.integers(0, 1000, len(shown))],
            "caption": words,
            "width": pa.array([_SIDE] * len(shown), pa.int32()),
            "height": pa.array([_SIDE] * len(shown), pa.int32()),
            "generators": ["painter,vae"] * len(shown),
            "shard": [f"train-{number // _PER_SHARD:06d}.tar" for number in shown],
            "record": [f'{{"filler":"{filler[at * 1400 : at * 1400 + 1400]}"}}' for at in range(len(shown))],
        }
    )


def address_to_open(dice: random.Random) -> dict[str, str]:
    """What somebody looks for: all, a split, a class, or words in the caption."""
    return dice.choice(
        [
            {},
            {"split": "test"},
            {"class": f"class {dice.randint(0, 999)}"},
            {"words": f"{dice.choice(_COLOURS)} {dice.choice(_THINGS)}"},
        ]
    )


async def person(number: int, port: int, clicks: int, think: float, times: dict[str, list[float]]) -> None:
    dice = random.Random(number)
    await asyncio.sleep(dice.random() * think * 2)
    for _ in range(2):
        async with websockets.connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=None,
            origin=f"http://127.0.0.1:{port}",
        ) as link:
            asked = address_to_open(dice)
            message = BackMsg()
            message.rerun_script.query_string = urlencode(asked)
            shown = await ask(link, message, times[f"open, {'all' if not asked else next(iter(asked))}"])
            for _ in range(clicks // 2):
                await asyncio.sleep(dice.expovariate(1 / think))
                page = min(dice.choice([shown.page + 1, dice.randint(1, shown.pages)]), shown.pages)
                message = BackMsg()
                message.rerun_script.query_string = urlencode(asked)
                state = message.rerun_script.widget_states.widgets.add()
                state.id, state.int_value = shown.pager, page
                shown = await ask(link, message, times["next page" if page == shown.page + 1 else "another page"])
                if shown.page != page:
                    raise RuntimeError(f"page {page} was asked for, page {shown.page} came")


@dataclass(frozen=True)
class Shown:
    """What came: the page's number, how many there are, and the id of the field that says which."""

    page: int
    pages: int
    pager: str


async def ask(link: websockets.ClientConnection, message: BackMsg, times: list[float]) -> Shown:
    """Send a click and read all that the server sends for it."""
    started = time.perf_counter()
    await link.send(message.SerializeToString())
    images, first, last, field = 0, 0, 0, None
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await link.recv())
        element = answer.delta.new_element
        if element.WhichOneof("type") == "html":
            images += element.html.body.count('<img src="data:image/')
            if counted := _COUNTED.search(element.html.body):
                first, last = (int(number.replace(",", "")) for number in counted.groups())
        elif element.WhichOneof("type") == "number_input":
            field = element.number_input
        elif answer.WhichOneof("type") == "script_finished":
            break
    times.append(time.perf_counter() - started)
    if not images or images != (last - first + 1) * len(_MEMBERS) or field is None:
        raise RuntimeError(f"the pairs {first} to {last} came with {images} images")
    return Shown((first - 1) // _PAGE + 1, int(field.max), field.id)


async def crowd(port: int, people: int, clicks: int, think: float) -> dict[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    await asyncio.gather(*(person(number, port, clicks, think, times) for number in range(people)))
    return times


async def watched(
    server: psutil.Process, port: int, people: int, clicks: int, think: float
) -> tuple[dict[str, list[float]], int]:
    """How long people waited, and the most bytes that the server has held meanwhile."""
    browsing = asyncio.create_task(crowd(port, people, clicks, think))
    most = 0
    while not browsing.done():
        most = max(most, server.memory_info().rss)
        await asyncio.wait([browsing], timeout=0.25)
    return browsing.result(), most


def _quantile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


def measure(folder: Path, people: int, clicks: int, think: float) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "twinset", "pages", str(folder), "--port", str(port), "--no-browser"]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own command
        try:
            _wait(port)
            server = psutil.Process(process.pid)
            started, busy = time.perf_counter(), sum(server.cpu_times()[:2])
            times, memory = asyncio.run(watched(server, port, people, clicks, think))
            spent, worked = time.perf_counter() - started, sum(server.cpu_times()[:2]) - busy
        finally:
            process.terminate()
    everything = [one for kind in times.values() for one in kind]
    print(f"{'click':14} {'pages':>6} {'median':>8} {'p95':>8} {'longest':>8}   (seconds)")
    for kind, found in (*sorted(times.items()), ("all", everything)):
        figures = statistics.median(found), _quantile(found, 0.95), max(found)
        print(f"{kind:14} {len(found):6} " + " ".join(f"{value:8.3f}" for value in figures))
    print(f"{len(everything) / spent:.1f} pages a second; the server worked {worked / len(everything):.3f} s a page")
    print(f"memory of the server at most: {memory / 2**20:.0f} MiB; load of the machine: {psutil.getloadavg()[0]:.1f}")


def _wait(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("the server did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=3_000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--clicks", type=int, default=16)
    parser.add_argument("--think", type=float, default=3.0)
    parser.add_argument("--folder", type=Path, help="keep the dataset here, and take it from here where it is already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder: Path = given.folder or Path(scratch) / "dataset"
        if not (folder / "manifest.parquet").exists():
            write_dataset(folder, given.pairs, given.images)
        measure(folder, given.people, given.clicks, given.think)


if __name__ == "__main__":
    main()
