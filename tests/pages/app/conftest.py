"""A dataset as the pages see it: the little world of the pages' tests, with its table, alone or in a build's folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from demo.photographs import take_photograph
from flows.folder import BuildFolder
from flows.recipe import parse_recipe
from flows.stages.audit import build_stages
from manifests.dataset import Dataset
from manifests.tables import write_manifest_parquet
from pages.app.context import AppContext

RECIPE = {
    "name": "little-world",
    "views": [{"name": "scene", "framing": "scene", "frame": 64, "size": 64, "generators": ["vae"]}],
    "caption": {"source": "blip", "model": "models/blip"},
    "generators": [{"name": "vae", "method": "reconstruct", "model": "models/stable-diffusion"}],
    "chunks": {"size": 4},
}


@pytest.fixture
def build(tmp_path: Path) -> BuildFolder:
    """A build that has listed and fetched 6 photographs, one of them broken, and was then stopped."""
    folder = BuildFolder(
        parse_recipe(RECIPE | {"sources": [{"type": "folder", "path": "world"}]}, "recipe"),
        str(tmp_path),
        str(tmp_path),
    )
    folder.claim()
    world = tmp_path / "world"
    world.mkdir()
    for number in range(5):
        photograph = take_photograph(number)
        (world / f"{number}{photograph.suffix}").write_bytes(photograph.data)
    (world / "9.jpg").write_bytes(b"<!doctype html>")
    for stage in build_stages(folder)[:3]:
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    return folder


@pytest.fixture
def with_table() -> Callable[[Dataset], Dataset]:
    """Writes `manifest.parquet` beside a dataset's manifest."""

    def write(dataset: Dataset) -> Dataset:
        write_manifest_parquet(dataset.folder, dataset.pairs())
        return dataset

    return write


@pytest.fixture
def dataset(build_dataset: Callable[..., Dataset], with_table: Callable[[Dataset], Dataset]) -> Dataset:
    """24 pairs: 12 reals in two views."""
    return with_table(build_dataset())


@pytest.fixture
def context(dataset: Dataset) -> AppContext:
    """What the pages show of a dataset that lies alone."""
    return AppContext.open(dataset.root)


@pytest.fixture
def trained(build: BuildFolder, dataset: Dataset, write_training: Callable[[Dataset], Path]) -> AppContext:
    """What the pages show of a build with a dataset and a detector's predictions."""
    write_training(dataset)
    return AppContext.open(build.url)
