"""Small datasets on disk, written by the project's own writers: a header and shards are all that an audit reads."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from manifests import canonical
from manifests.dataset import Dataset
from manifests.header import Header, ShardInfo
from manifests.shards import Sample, write_shard
from manifests.storage import Folder

Members = Mapping[str, bytes]


def random_picture(number: int, side: int) -> np.ndarray:
    """A colourful picture with structure at every scale; another one for every number."""
    rng = np.random.default_rng(number)
    picture = np.zeros((side, side, 3))
    for cells in (2, 4, 8, 16, 32):
        coarse = rng.uniform(0, 255, (cells, cells, 3))
        step = -(-side // cells)
        picture += np.kron(coarse, np.ones((step, step, 1)))[:side, :side] / 5
    return np.rint(picture).astype(np.uint8)


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Dataset]:
    """Writes a dataset of `pairs` pairs whose members `make(number)` gives, half in view scene, half in view patch."""

    def write(pairs: int, make: Callable[[int], Members]) -> Dataset:
        folder = Folder.at(str(tmp_path / "dataset"))
        shards = []
        for index, view in enumerate(("scene", "patch")):
            name = f"train-{view}-000000.tar"
            samples = [_sample(number, view, make(number)) for number in range(index, pairs, 2)]
            with folder.create(f"shards/{name}") as stream:
                write_shard(stream, samples)
            shards.append(ShardInfo(name=name, split="train", view=view, pairs=len(samples)))
        header = Header(
            twinset="0.1.0",
            name="small",
            salt="salt",
            recipe={},
            generators=["vae"],
            views=["scene", "patch"],
            pairs_per_shard=1000,
            shards=shards,
            encoders={},
            jpeg_tables={},
        )
        folder.write("manifest.jsonl", canonical.dumps(header) + b"\n")
        return Dataset.open(str(tmp_path / "dataset"))

    return write


def _sample(number: int, view: str, members: Members) -> Sample:
    key = hashlib.sha256(f"{number}".encode()).hexdigest()[:16]
    return Sample(f"{key}-{view}", members, {"pair_id": f"{key}-{view}", "view": view, "source": "folder"})


@pytest.fixture
def picture() -> Callable[[int, int], np.ndarray]:
    """Gives `random_picture`."""
    return random_picture
