"""How fast URLs are fetched, beside img2dataset's own command line: a loopback server, a connection for each image.

Both sides run img2dataset in one process and leave the bytes as they came; ours with the project's opener in place of
urllib's own. The peer, img2dataset's command line, runs with its own defaults (256 threads, a file an image) and as we do (a
shard, and as many threads). The runs are interleaved, the bytes are compared with what is served, and each run is timed
twice: by img2dataset's own account of the fetching, and as a whole, with the start of its processes. HTTPS is verified
against the system's certificates and one more.

python benchmarks/download.py [--images 1500] [--repetitions 5] [--small]
"""

import argparse
import json
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import pyarrow.parquet as pq
from PIL import Image

from audit.dead_leaves import DeadLeaves
from benchmarks.certificate import self_signed
from sources.fetching.downloading import JOB, OUTCOMES, FetchSettings, Job, Outcome, stored_bytes

_THREADS = FetchSettings().concurrency
_PICTURES = 20
_SIDE = 640

Contender = Callable[[tuple[str, ...], Path], list[bytes]]


@dataclass(frozen=True)
class Timing:
    """Images a second of one run, without and with the start of its processes."""

    fetching: float
    whole: float


@dataclass(frozen=True)
class Server:
    """The running server: the beginning of its URLs by scheme, what it serves, and its process."""

    urls: dict[str, str]
    bodies: list[bytes]
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """CPU time that it has taken so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


def main() -> None:
    """Measure as the command line says, and print a table a scheme."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="60 images, once: does it run?")
    arguments = parser.parse_args()
    images, repetitions = (60, 1) if arguments.small else (arguments.images, arguments.repetitions)
    with tempfile.TemporaryDirectory(prefix="twinset-") as folder, serving(Path(folder)) as server:
        size = sum(map(len, server.bodies)) // len(server.bodies)
        print(f"{images} images of {size} bytes, no keep-alive; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for scheme in ("https", "http"):
            measure(scheme, images, repetitions, Path(folder) / "out", server)


def measure(scheme: str, images: int, repetitions: int, out: Path, server: Server) -> None:
    """Time all contenders over one scheme and print their rows."""
    urls = tuple(f"{server.urls[scheme]}/{number}.jpg" for number in range(images))
    expected = [server.bodies[number % len(server.bodies)] for number in range(images)]
    contenders: dict[str, Contender] = {
        f"ours, {_THREADS} threads, shards": ours,
        f"peer, {_THREADS} threads, shards": lambda urls, out: peer(urls, out, _THREADS, "webdataset"),
        "peer, 256 threads, files": lambda urls, out: peer(urls, out, 256, "files"),
    }
    timings: dict[str, list[Timing]] = {name: [] for name in contenders}
    began, spent = time.perf_counter(), server.cpu_seconds()
    for _ in range(repetitions):
        for name, contender in contenders.items():
            timings[name].append(timed(contender, urls, expected, out))
    busy = (server.cpu_seconds() - spent) / (time.perf_counter() - began)
    print(f"\n{scheme}: images a second; the server took {100 * busy:.0f} % of a core")
    print(f"{'':28}{'fetching':>10}{'ours to it':>28}{'with start':>14}{'ours to it':>28}")
    mine = next(iter(timings.values()))
    for name, theirs in timings.items():
        print(f"{name:28}{columns(mine, theirs, 'fetching', 10)}{columns(mine, theirs, 'whole', 14)}", flush=True)


def columns(mine: list[Timing], theirs: list[Timing], what: str, width: int) -> str:
    """Median images a second, and the ratio of the runs beside each other: median (minimum to maximum)."""
    rates = [getattr(timing, what) for timing in theirs]
    ratios = [getattr(our, what) / rate for our, rate in zip(mine, rates, strict=True)]
    text = f"{median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"{median(rates):{width}.1f}{'' if mine is theirs else text:>28}"


def timed(contender: Contender, urls: tuple[str, ...], expected: list[bytes], out: Path) -> Timing:
    """One run; its files must be what was served."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.perf_counter()
    files = contender(urls, out)
    whole = time.perf_counter() - began
    if files != expected:
        raise SystemExit("the files are not what was served")
    [stats] = out.rglob("*_stats.json")
    account = json.loads(stats.read_text())
    return Timing(len(urls) / (account["end_time"] - account["start_time"]), len(urls) / whole)


def ours(urls: tuple[str, ...], out: Path) -> list[bytes]:
    """The program that `sources.fetching.downloading.download` starts."""
    settings = FetchSettings(private_hosts=frozenset({"127.0.0.1"}))
    (out / JOB).write_text(Job(urls=urls, settings=settings, max_bytes=2**26).model_dump_json())
    run([sys.executable, "-P", "-m", "sources.fetching.img2dataset_worker", str(out)])
    outcomes = [Outcome.model_validate_json(line) for line in (out / OUTCOMES).read_text().splitlines()]
    outcomes.sort(key=lambda outcome: outcome.item)
    return [stored_bytes(out, outcome) for outcome in outcomes]


def peer(urls: tuple[str, ...], out: Path, threads: int, output_format: str) -> list[bytes]:
    """img2dataset's command line."""
    listing, output = out / "urls.txt", out / "output"
    listing.write_text("\n".join(urls))
    program = Path(sysconfig.get_path("scripts")) / "img2dataset"
    options = {
        "url_list": listing,
        "output_folder": output,
        "output_format": output_format,
        "processes_count": 1,
        "thread_count": threads,
        "disable_all_reencoding": True,
    }
    run([str(program), *(f"--{name}={value}" for name, value in options.items())])
    rows = pq.read_table(output / "00000.parquet", columns=["url", "key"]).to_pylist()
    keys = {row["url"]: row["key"] for row in rows}
    files = {path.name: path.read_bytes() for path in output.glob("00000/*.jpg")}
    if output_format == "webdataset":
        with tarfile.open(output / "00000.tar") as shard:
            files = {member.name: shard.extractfile(member).read() for member in shard}  # type: ignore[union-attr]
    return [files[f"{keys[url]}.jpg"] for url in urls]


def run(command: list[str]) -> None:
    """Run one side's program, quietly; its standard input stays open, by which ours knows that we are alive."""
    environment = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    with subprocess.Popen(  # noqa: S603 - programs of this environment
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    ) as program:
        code = program.wait()
    if code != 0:
        raise SystemExit(f"{command[0]} stopped with exit code {code}")


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server in a process of its own, trusted by all that this process starts."""
    certificate = folder / "loopback.pem"
    certificate.write_bytes(self_signed())
    trusted = folder / "trusted.pem"
    system = ssl.get_default_verify_paths().cafile
    trusted.write_bytes((Path(system).read_bytes() if system else b"") + certificate.read_bytes())
    os.environ["SSL_CERT_FILE"] = str(trusted)
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(_PICTURES):
        Image.fromarray(DeadLeaves(number, _SIDE).pixels).save(pictures / f"{number:03d}.jpg", quality=90)
    program = Path(__file__).with_name("download_server.py")
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, str(program), str(certificate), str(pictures)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        plain, sealed = server.stdout.readline().split() if server.stdout else ("", "")
        yield Server(
            {"http": f"http://127.0.0.1:{plain}", "https": f"https://127.0.0.1:{sealed}"},
            [path.read_bytes() for path in sorted(pictures.iterdir())],
            psutil.Process(server.pid),
        )
        if server.stdin:
            server.stdin.close()


if __name__ == "__main__":
    main()
