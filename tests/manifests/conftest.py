"""Small records and a small dataset, made of real JPEGs and written by the room's own writers."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from manifests import canonical
from manifests.dataset import Dataset
from manifests.header import Header, ShardInfo
from manifests.records import (
    Caption,
    Encoding,
    Fake,
    Frame,
    ImageFacts,
    Member,
    Pair,
    RealImage,
    Reason,
    Reject,
    Split,
)
from manifests.shards import Sample, metadata, write_shard
from manifests.storage import Folder

SIDE = 16

# time says nothing on shared cores; the same examples each time, so that a red test is red again
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    """An empty folder, on the disk and on fsspec's memory file system."""
    if request.param == "disk":
        yield Folder.at(str(tmp_path / "set"))
        return
    folder = Folder.at(f"memory://{tmp_path.name}")
    yield folder
    folder.remove_all()


def picture(number: int, member: str) -> bytes:
    grey = hashlib.sha256(f"{number} {member}".encode()).digest()[0]
    stream = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (grey, 255 - grey, 128)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


@pytest.fixture(scope="session")
def members() -> Callable[..., dict[str, bytes]]:
    """The encoded images of pair `number`."""

    def make(number: int, generators: Sequence[str] = ("painter", "vae")) -> dict[str, bytes]:
        return {name: picture(number, name) for name in ("real", *generators)}

    return make


@pytest.fixture(scope="session")
def make_pair(members: Callable[..., dict[str, bytes]]) -> Callable[..., Pair]:
    """A pair; further arguments replace fields of its real image."""

    def make(
        number: int,
        *,
        split: Split = "train",
        view: str = "scene",
        generators: Sequence[str] = ("painter", "vae"),
        caption: str = "a grey wall",
        model: str = "example/painter",
        shard: str = "train-000000.tar",
        **real: Any,
    ) -> Pair:
        sha256 = hashlib.sha256(f"{number}".encode()).hexdigest()
        fields = {"source": "noise", "source_id": f"{number}", "license": "CC0-1.0", **real}
        return Pair(
            pair_id=f"{sha256[:16]}-{view}",
            group_id=f"pair:{sha256[:16]}",
            split=split,
            real=RealImage(key=sha256[:16], sha256=sha256, size=100, **fields),
            facts=ImageFacts(format="JPEG", width=SIDE, height=SIDE, phash=sha256[:16]),
            frame=Frame(view=view, framing="scene", x=0, y=0, side=SIDE, frame=SIDE, size=SIDE, ratio=1),
            caption=Caption(text=caption, cleaned=caption, model="source"),
            fakes={
                name: Fake(
                    generator=name,
                    method="text-to-image",
                    model=model,
                    revision="0123abc",
                    seed=2**63 - 1 - number,
                    native_width=SIDE,
                    native_height=SIDE,
                    native_sha256=sha256,
                )
                for name in generators
            },
            history="none",
            encoding=Encoding(),
            members={
                name: Member(sha256=hashlib.sha256(data).hexdigest(), size=len(data), width=SIDE, height=SIDE)
                for name, data in members(number, generators).items()
            },
            shard=shard,
        )

    return make


@pytest.fixture(scope="session")
def make_header() -> Callable[..., Header]:
    """A header; arguments replace its fields."""

    def make(**fields: Any) -> Header:
        defaults: dict[str, Any] = {
            "twinset": "0.1.0",
            "name": "little-walls",
            "salt": "salt",
            "recipe": {"name": "little-walls"},
            "generators": ["painter", "vae"],
            "views": ["scene"],
            "pairs_per_shard": 4,
            "shards": [],
            "encoders": {"pillow": "12"},
            "jpeg_tables": {},
        }
        return Header.model_validate(defaults | fields)

    return make


@pytest.fixture
def dataset(
    folder: Folder,
    make_pair: Callable[..., Pair],
    make_header: Callable[..., Header],
    members: Callable[..., dict[str, bytes]],
) -> Dataset:
    """Five pairs in two shards (three to train on, two to test on), and one reject."""
    shards: dict[Split, range] = {"train": range(3), "test": range(3, 5)}
    infos, pairs = [], []
    for split, numbers in shards.items():
        name = f"{split}-000000.tar"
        made = [(make_pair(number, split=split, shard=name), members(number)) for number in numbers]
        with folder.create(f"shards/{name}") as stream:
            write_shard(stream, [Sample(pair.pair_id, images, metadata(pair)) for pair, images in made])
        infos.append(ShardInfo(name=name, split=split, view="scene", pairs=len(made)))
        pairs += [pair for pair, _ in made]
    lines = [make_header(shards=infos), *pairs]
    folder.write("manifest.jsonl", b"".join(canonical.dumps(line) + b"\n" for line in lines))
    reject = Reject(key="0123456789abcdef", stage="screen", reason=Reason.BLANK, detail="one colour")
    folder.write("rejects.jsonl", canonical.dumps(reject) + b"\n")
    return Dataset.open(str(folder))
