"""Small records and a small dataset, made of real JPEGs and written by the room's own writers."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from manifests import canonical
from manifests.accounts import write_accounts
from manifests.chunks import slices
from manifests.dataset import Dataset
from manifests.header import Header, ShardInfo
from manifests.index import read_index, write_index
from manifests.records import (
    Caption,
    Encoding,
    ExistingFake,
    Fake,
    Frame,
    ImageFacts,
    Member,
    Pair,
    Reason,
    Reject,
    SourceImage,
    Split,
)
from manifests.shards import Sample, metadata, write_shard
from manifests.storage import Folder

SIDE = 16


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
            image=SourceImage(key=sha256[:16], sha256=sha256, size=100, **fields),
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
def make_single(make_pair: Callable[..., Pair]) -> Callable[..., Pair]:
    """An image that stands alone: a real one, or of a generator; further arguments replace fields of it."""

    def make(number: int, *, generator: str = "", **image: Any) -> Pair:
        made = ExistingFake(generator=generator, prompt="a wall") if generator else None
        record = make_pair(number, view="alone", made=made, **image).model_dump()
        record["frame"]["framing"] = "single"
        record["members"] = {"image": record["members"]["real"]}
        return Pair.model_validate(record | {"fakes": {}, "history": "unequal"})

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


@pytest.fixture
def finished(dataset: Dataset) -> Dataset:
    """The small dataset with all of its files."""
    return finish(dataset)


def finish(dataset: Dataset) -> Dataset:
    shards = {name: hashlib.sha256(dataset.folder.read(name)).hexdigest() for name in dataset.shards()}
    lines = [canonical.dumps(pair) for pair in dataset.pairs()]
    write_accounts(dataset.folder, dataset.header, lines, shards, with_singles=False)
    dataset.folder.write("reports/audit.json", b"{}")
    dataset.folder.write("reports/audit.html", b"<img>")
    write_index(dataset.folder, "passed", dataset.record_counts())
    return Dataset.open(str(dataset.folder))


@pytest.fixture
def make_dataset(
    tmp_path: Path,
    make_pair: Callable[..., Pair],
    make_header: Callable[..., Header],
    members: Callable[..., dict[str, bytes]],
) -> Callable[..., Dataset]:
    """A finished dataset on the disk: pairs by split, two a shard; further arguments go to `make_pair`."""

    def make(name: str, numbers: dict[Split, Sequence[int]], **fields: Any) -> Dataset:
        folder = Folder.at(str(tmp_path / name))
        infos, pairs = [], []
        generators = fields.get("generators", ("painter", "vae"))
        for split, chosen in numbers.items():
            for shard, batch in enumerate(slices(chosen, 2)):
                file = f"{split}-{shard:06d}.tar"
                made = [make_pair(number, split=split, shard=file, **fields) for number in batch]
                with folder.create(f"shards/{file}") as stream:
                    images = (members(number, generators) for number in batch)
                    samples = [Sample(p.pair_id, m, metadata(p)) for p, m in zip(made, images, strict=True)]
                    write_shard(stream, samples)
                view = made[0].frame.view
                infos.append(ShardInfo(name=file, split=split, view=view, pairs=len(made)))
                pairs += made
        views = list(dict.fromkeys(info.view for info in infos))
        header = make_header(name=name, shards=infos, pairs_per_shard=2, views=views, generators=list(generators))
        folder.write("manifest.jsonl", b"".join(canonical.dumps(line) + b"\n" for line in [header, *pairs]))
        folder.write("rejects.jsonl", b"")
        return finish(Dataset.open(str(folder)))

    return make


@pytest.fixture(scope="session")
def assert_whole() -> Callable[[Dataset], None]:
    """Check a dataset: every file as its index says, every pair in its shard with the members that it names."""

    def check(dataset: Dataset) -> None:
        folder = dataset.folder
        digests = {name: hashlib.sha256(folder.read(name)).hexdigest() for name in folder.files()}
        index = read_index(folder)
        assert {name: file.sha256 for name, file in index.files.items()} == {
            name: sha256 for name, sha256 in digests.items() if not name.startswith("index.")
        }
        counts = dataset.record_counts()
        assert all(file.count == counts.get(name, 1) for name, file in index.files.items())
        for pair, sample in zip(dataset.pairs(), dataset.samples(), strict=True):
            assert sample.key == pair.pair_id
            assert sample.metadata == metadata(pair)
            assert {name: hashlib.sha256(data).hexdigest() for name, data in sample.members.items()} == {
                name: member.sha256 for name, member in pair.members.items()
            }

    return check
