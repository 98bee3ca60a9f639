"""A second try mends what the network broke, and only that; the build is then one in which nothing ever failed."""

import shutil
import time
from pathlib import Path

import pytest

from flows.failures import Failed, failed_chunks, forget_failed
from flows.folder import BuildFolder
from flows.recipe import load_recipe
from flows.records import GeneratedFake, StoredImage
from flows.stages.audit import build_stages
from flows.stages.listing import ListStage
from flows.stages.reals import RealsStage
from manifests.errors import RejectedItem
from manifests.records import Reason

pytestmark = pytest.mark.xdist_group("stages")

TWICE = """
name = "twice"

[[sources]]
type = "url-list"
path = "list.csv"
images = "."

[[views]]
name = "photos"
framing = "single"
sources = ["url-list"]
size = 32
"""


def contents(dataset: Path) -> dict[str, bytes]:
    names = ["manifest.jsonl", "rejects.jsonl", *(f"shards/{path.name}" for path in (dataset / "shards").iterdir())]
    return {name: (dataset / name).read_bytes() for name in names}


def fail(build: BuildFolder, index: int, position: int, reason: Reason) -> str:
    """Put a chunk of reals into the state in which a failed fetch of one item leaves it; the item's source id."""
    stage = RealsStage(build)
    chunk = stage.store.writer(index)
    lost = ""
    for number, stored in enumerate(list(stage.store.records(index, StoredImage))):
        chunk.seen += 1
        if number == position:
            lost = stored.image.source_id
            chunk.reject(f"{stored.image.source}:{lost}", RejectedItem(reason, "for now"))
        else:
            blob = chunk.blob(stored.image.key, stage.store.read_blob(stored.blob))
            chunk.add(StoredImage(image=stored.image, blob=blob))
    stage.store.commit(chunk, stage.inputs(index), time.time())
    return lost


@pytest.fixture
def broken(built: Path, tmp_path: Path) -> BuildFolder:
    """A finished build in which two items failed for now."""
    shutil.copytree(built, tmp_path / "build")
    build = BuildFolder.open(str(tmp_path / "build"))
    fail(build, 0, 2, Reason.TIMEOUT)
    fail(build, 2, 1, Reason.DOWNLOAD_FAILED)
    finish(build)
    return build


def finish(build: BuildFolder) -> None:
    for stage in build_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()


def test_a_retried_build_is_one_that_never_failed(built: Path, broken: BuildFolder):
    dataset = Path(str(broken.dataset))
    assert contents(dataset) != contents(built / "dataset")
    assert failed_chunks(broken) == [Failed("reals", 0, 1), Failed("reals", 2, 1)]
    for chunk in failed_chunks(broken):
        RealsStage(broken).fetch_again(chunk.index)
    finish(broken)
    assert contents(dataset) == contents(built / "dataset")
    assert not failed_chunks(broken)


def test_only_what_failed_is_asked_for(broken: BuildFolder, scenes: Path, tmp_path: Path):
    # the source has lost all but the item that failed: what was fetched is not fetched again
    stage = RealsStage(broken)
    (lost,) = stage.failed(0)
    elsewhere = tmp_path / "scenes"
    for path in scenes.rglob("*"):
        if path.is_file():
            target = elsewhere / path.relative_to(scenes)
            target.parent.mkdir(parents=True, exist_ok=True)
            if str(path.relative_to(scenes)) == lost:
                shutil.copy(path, target)
    source = broken.recipe.sources[0].model_copy(update={"path": str(elsewhere)})
    moved = BuildFolder(broken.recipe.model_copy(update={"sources": (source,)}), broken.base, broken.url)
    before = {stored.image.source_id for stored in stage.store.records(0, StoredImage)}
    RealsStage(moved).fetch_again(0)
    assert {stored.image.source_id for stored in stage.store.records(0, StoredImage)} == {*before, lost}


def test_two_rows_of_one_id_are_two_images(tmp_path: Path):
    """A list can name an image twice, at two addresses: each keeps its own outcome."""
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"image %d" % number)
    rows = ["7,a,0.jpg", "8,b,1.jpg", "7,c,2.jpg", "7,d,3.jpg"]
    (tmp_path / "list.csv").write_text("\n".join(["id,url,path", *rows]))
    (tmp_path / "twice.toml").write_text(TWICE)
    build = BuildFolder(load_recipe(tmp_path / "twice.toml"), str(tmp_path), str(tmp_path / "out"))
    build.claim()
    stage = RealsStage(build)
    for step in (ListStage(build), stage):
        step.run(0)
    chunk = tmp_path / "out" / "work" / "reals" / "00000.jsonl.zst"
    whole = chunk.read_bytes()
    for lost in range(4):
        fail(build, 0, lost, Reason.TIMEOUT)
        assert len(stage.failed(0)) == 1
        stage.fetch_again(0)
        assert chunk.read_bytes() == whole
        assert not stage.failed(0)


def test_what_is_final_is_left_alone(built: Path, tmp_path: Path):
    shutil.copytree(built, tmp_path / "build")
    build = BuildFolder.open(str(tmp_path / "build"))
    fail(build, 1, 0, Reason.NOT_FOUND)
    assert not failed_chunks(build)


def test_a_chunk_that_a_machine_failed_is_done_again(built: Path, tmp_path: Path):
    shutil.copytree(built, tmp_path / "build")
    build = BuildFolder.open(str(tmp_path / "build"))
    stage = next(stage for stage in build_stages(build) if stage.name == "generate-vae")
    index = 1
    chunk = stage.store.writer(index)
    for record in stage.store.records(index, GeneratedFake):
        chunk.seen += 1
        chunk.reject(record.pair_id, RejectedItem(Reason.INFRASTRUCTURE, "the device was lost"))
    marker = stage.store.marker(index)
    assert marker is not None
    stage.store.commit(chunk, marker.inputs, time.time())
    assert failed_chunks(build) == [Failed("generate-vae", index, chunk.seen)]
    forget_failed(build)
    finish(build)
    assert contents(tmp_path / "build" / "dataset") == contents(built / "dataset")
