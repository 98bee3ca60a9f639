"""The whole demo built into a bucket of an S3 API server, killed on the way: the bytes of a build on the disk.

About fifteen minutes, so only with TWINSET_TEST_CLUSTER=1.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from demo.server import demo_world
from manifests.storage import Folder
from tests.command_line import start
from tests.s3_server import s3_bucket
from twinset.commands.demo import PHOTOGRAPHS, RECIPE

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TWINSET_TEST_CLUSTER"), reason="takes minutes: set TWINSET_TEST_CLUSTER=1"),
    pytest.mark.xdist_group("demo"),
]
KILLED_AT = ("work/reals/00000.done.json", "work/generate-sd_demo/00001.done.json", "dataset/shards")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_bucket("demo") as url:
        yield url


def killed_at(path: str, build: "subprocess.Popen[str]") -> None:
    """SIGKILL for a build as soon as it has written something."""
    store = S3FileSystem(use_listings_cache=False)
    while build.poll() is None and not store.exists(path):
        time.sleep(0.2)
    assert build.poll() is None, "the build was over before it was killed"
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()


def dataset(build: str) -> dict[str, bytes]:
    """All files but those that hold the times of the run, or digests of them."""
    folder = Folder.at(f"{build}/dataset")
    return {name: folder.read(name) for name in folder.files() if not name.startswith(("provenance.", "index."))}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_demo_in_a_bucket_is_the_demo_on_the_disk(bucket: str, tmp_path: Path):
    log, stored, local = tmp_path / "log.txt", f"{bucket}/build", tmp_path / "build"
    with demo_world(tmp_path / "world", PHOTOGRAPHS):
        for moment in KILLED_AT:
            killed_at(f"{stored}/{moment}", start("build", RECIPE, "--out", stored, log=log))
        assert start("build", RECIPE, "--out", stored, log=log).wait(3600) == 0, log.read_text()
        assert start("build", RECIPE, "--out", local, log=log).wait(3600) == 0, log.read_text()
    assert dataset(stored) == dataset(str(local))
    weights = []
    for place, name in ((stored, "from-bucket"), (str(local), "from-disk")):
        assert start("train", place, "--out", tmp_path / name, log=log).wait(1800) == 0, log.read_text()
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]
