"""A build in an object store, whatever the store does and wherever the build is killed: the bytes of a local build."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import EndpointConnectionError
from s3fs import S3FileSystem

from classifier.shards import Part, read_pairs
from flows.folder import BuildFolder
from flows.recipe import load_recipe
from flows.takedown import take_down
from manifests.dataset import Dataset
from manifests.diff import diff
from manifests.errors import DatasetError
from manifests.merge import merge
from manifests.storage import Folder
from manifests.subset import parse_filter, subset
from manifests.verify.run import Verification
from manifests.wanted import Wanted, read_wanted
from tests.faults.conftest import Tree, Undisturbed, go_on, in_a_fork, keep_models
from tests.faults.traps import KILLED, still_clock
from tests.s3_server import s3_bucket

pytestmark = pytest.mark.xdist_group("faults")

MANY = int(os.environ.get("TWINSET_TEST_FAULTS", "0")) > 60
_WAYS = ("killed before", "no answer", "killed after", "answer lost", "slow down")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_bucket("builds") as url:
        yield url


def stored(url: str) -> Tree:
    folder = Folder.at(url)
    return {name: folder.read(name) for name in folder.files()}


@contextmanager
def trapped_requests(nth: int, way: str) -> Iterator[None]:
    """Let the nth request to the store go wrong."""
    call, asked = S3FileSystem._call_s3, 0

    async def trapped(self: S3FileSystem, method: str, *args: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked != nth:
            return await call(self, method, *args, **options)
        if way in ("killed after", "answer lost"):
            await call(self, method, *args, **options)
        if way.startswith("killed"):
            os._exit(KILLED)
        await asyncio.sleep(0)
        if way == "slow down":
            raise OSError(16, "Please reduce your request rate")
        raise EndpointConnectionError(endpoint_url="http://store")

    with patch.object(S3FileSystem, "_call_s3", trapped):
        yield


def test_a_build_in_a_store_ends_in_the_same_bytes_whatever_happens(
    undisturbed: Undisturbed, bucket: str, monkeypatch: pytest.MonkeyPatch
):
    keep_models(monkeypatch)
    url = f"{bucket}/disturbed"

    def run(nth: int, way: str) -> str:
        """How the run ended: in the error's own words."""
        build = in_store(undisturbed, url)
        try:
            with still_clock(), trapped_requests(nth, way):
                build.claim()
                go_on(build)
        except DatasetError as error:
            # the cause is what Prefect tries again by
            return f"{type(error.__cause__).__name__}: {error}"
        return ""

    for faults, nth in enumerate(moments(), start=1):
        way = _WAYS[faults % len(_WAYS)]
        if way.startswith("killed"):
            code = in_a_fork(lambda nth=nth, way=way: run(nth, way))
            assert code in (0, KILLED)
            if code == 0:
                break
        elif not (said := run(nth, way)):
            break
        else:
            assert said.startswith("ConnectionError: ")
            assert "the store does not answer as it should" in said
    assert faults >= 4
    assert stored(url) == undisturbed.end


def moments() -> Iterator[int]:
    """How many requests each run may make: a run asks again for what is done, so the next has to come further."""
    growth = 1.2 if MANY else 3
    return (int(15 * growth**number) for number in itertools.count())


def in_store(undisturbed: Undisturbed, url: str) -> BuildFolder:
    """The build's recipe, in a folder of the store."""
    return BuildFolder(load_recipe(undisturbed.recipe), str(undisturbed.recipe.parent), url)


def test_what_is_done_with_a_dataset_is_done_in_a_store(undisturbed: Undisturbed, bucket: str, tmp_path: Path):
    home = f"{bucket}/finished"
    folder = Folder.at(home)
    for name, data in undisturbed.end.items():
        folder.write(name, data)
    dataset = Dataset.open(home)
    assert list(Verification(dataset.folder).findings()) == []
    assert diff(dataset, Dataset.open(str(undisturbed.steps[-1].after))).is_empty

    pairs = list(read_pairs(dataset.folder, [Part(shard) for shard in dataset.shards()], ["vae"]))
    assert {pair.pair_id for pair in pairs} == {pair.pair_id for pair in dataset.pairs()}
    assert in_a_fork(lambda: next(read_pairs(dataset.folder, [Part(dataset.shards()[0])], ["vae"]))) == 0

    parts = [
        subset(dataset, f"{bucket}/part-{number}", parse_filter([f"class={classes}"]), limit=None)
        for number, classes in enumerate(("class0,class1", "class2,class3"))
    ]
    merged = merge(parts, f"{bucket}/merged")
    assert diff(dataset, merged).pairs == (len(pairs), len(pairs))
    assert list(Verification(merged.folder).findings()) == []

    gone = next(dataset.pairs())
    done = take_down(home, wanted(gone.pair_id, tmp_path))
    assert [pair.pair_id for pair in done.pairs] == [gone.pair_id]
    assert done.erased > 0
    assert list(Verification(Dataset.open(home).folder).findings()) == []
    go_on(in_store(undisturbed, home))
    assert gone.pair_id not in {pair.pair_id for pair in Dataset.open(home).pairs()}


def wanted(pair_id: str, tmp_path: Path) -> Wanted:
    (tmp_path / "ids.txt").write_text(f"{pair_id}\n")
    return read_wanted([("ids", str(tmp_path / "ids.txt"))])


def test_what_cannot_work_is_one_line(bucket: str, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(DatasetError, match=r"^s3://nowhere: cannot write here: no such bucket\. Make it first"):
        Folder.at("s3://nowhere").write("a", b"")
    assert Folder.at("s3://nowhere").files() == []
    assert Folder.at(f"{bucket}/nothing").names() == []
    S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(DatasetError, match=r"does not answer as it should \(Unable to locate credentials\)"):
        Folder.at(f"{bucket}/a").read("b")
    S3FileSystem.clear_instance_cache()


def test_of_two_that_claim_a_file_one_has_it(bucket: str):
    folder = Folder.at(f"{bucket}/claims")
    assert folder.claim("lease", b"first")
    assert not folder.claim("lease", b"second")
    assert folder.read("lease") == b"first"
