"""Tiny datasets, written by the project's own writers, whose fakes differ plainly from their reals: they are blurred."""

import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from manifests.dataset import Dataset
from manifests.header import Header, ShardInfo
from manifests.records import (
    SPLITS,
    Caption,
    Encoding,
    ExistingFake,
    Fake,
    Frame,
    ImageFacts,
    Member,
    Pair,
    SourceImage,
    Split,
)
from manifests.shards import Sample, metadata, write_shard
from manifests.storage import Folder

Counts = dict[Split, int]
PLENTY: Counts = {"train": 48, "validation": 24, "test": 24}

MakeDataset = Callable[..., Dataset]


@pytest.fixture(scope="session")
def make_dataset(tmp_path_factory: pytest.TempPathFactory) -> MakeDataset:
    """Writes a dataset into a folder of its own and opens it."""

    def make(
        counts: Counts = PLENTY,
        *,
        generators: tuple[str, ...] = ("blur",),
        side: int = 48,
        shards: int = 2,
        audit: str = "passed",
        fakes_alone: int | None = None,
        shards_of_pairs: int = 0,
    ) -> Dataset:
        """Pairs; or, where `fakes_alone` is given, images that stand alone: of each so many one real, the others fakes.

        The first `shards_of_pairs` of a split hold pairs all the same.
        """
        folder = Folder.at(str(tmp_path_factory.mktemp("dataset")))
        return write_dataset(
            folder,
            counts,
            generators=generators,
            side=side,
            shards=shards,
            audit=audit,
            fakes_alone=fakes_alone,
            shards_of_pairs=shards_of_pairs,
        )

    return make


def write_dataset(
    folder: Folder,
    counts: Counts,
    *,
    generators: tuple[str, ...],
    side: int,
    shards: int,
    audit: str,
    fakes_alone: int | None,
    shards_of_pairs: int,
) -> Dataset:
    pairs: list[Pair] = []
    infos: list[ShardInfo] = []
    for split in SPLITS:
        numbers = np.array_split(np.arange(counts.get(split, 0)), shards)
        for shard, chosen in enumerate(numbers):
            if not len(chosen):
                continue
            name = f"{split}-{shard:06d}.tar"
            made = [make_pair(f"{split}{number}", split, generators, side, name) for number in chosen]
            if fakes_alone is not None and shard >= shards_of_pairs:
                made = [
                    alone(*entry, member=generators[0] if number % (fakes_alone + 1) else "real")
                    for number, entry in enumerate(made)
                ]
            with folder.create(f"shards/{name}") as stream:
                write_shard(stream, (Sample(pair.pair_id, images, metadata(pair)) for pair, images in made))
            pairs += [pair for pair, _ in made]
            infos.append(ShardInfo(name=name, split=split, view="scene", pairs=len(made)))
    header = Header(
        twinset="0", name="tiny", salt="", recipe={}, generators=list(generators), views=["scene"],
        pairs_per_shard=100, shards=infos, encoders={}, jpeg_tables={},
    )  # fmt: skip
    lines = [header.model_dump_json(), *(pair.model_dump_json() for pair in pairs)]
    folder.write("manifest.jsonl", "".join(f"{line}\n" for line in lines).encode())
    folder.write("index.json", f'{{"audit": "{audit}"}}'.encode())
    folder.write("index.sha256", b"feed  index.json\n")
    return Dataset.open(str(folder))


def make_pair(
    name: str, split: Split, generators: tuple[str, ...], side: int, shard: str
) -> tuple[Pair, dict[str, bytes]]:
    photograph = texture(name, side)
    images = {"real": jpeg(photograph)}
    for strength, generator in enumerate(generators, start=1):
        blurred = Image.fromarray(photograph).filter(ImageFilter.GaussianBlur(0.6 + 0.2 * strength))
        images[generator] = jpeg(np.asarray(blurred))
    digest = hashlib.sha256(name.encode()).hexdigest()
    pair = Pair(
        pair_id=f"{digest[:16]}-scene",
        group_id=digest[:16],
        split=split,
        image=SourceImage(
            key=digest[:16], source="noise", source_id=name, class_label="cloud", sha256=digest, size=1
        ),
        facts=ImageFacts(format="JPEG", width=side, height=side),
        frame=Frame(view="scene", framing="scene", x=0, y=0, side=side, frame=side, size=side, ratio=1),
        caption=Caption(text="a cloud", cleaned="a cloud", model="source"),
        fakes={
            generator: Fake(
                generator=generator, method="reconstruct", model="blur", seed=0, native_width=side,
                native_height=side, native_sha256=digest,
            )
            for generator in generators
        },
        history="none",
        encoding=Encoding(),
        members={
            member: Member(sha256=hashlib.sha256(data).hexdigest(), size=len(data), width=side, height=side)
            for member, data in images.items()
        },
        shard=shard,
    )  # fmt: skip
    return pair, images


def alone(pair: Pair, images: dict[str, bytes], *, member: str) -> tuple[Pair, dict[str, bytes]]:
    """One member of a pair as an image that stands alone."""
    made = None if member == "real" else ExistingFake(generator=member)
    single = pair.model_copy(
        update={
            "image": pair.image.model_copy(update={"made": made}),
            "frame": pair.frame.model_copy(update={"framing": "single"}),
            "fakes": {},
            "members": {"image": pair.members[member]},
        }
    )
    return single, {"image": images[member]}


def texture(name: str, side: int) -> NDArray[np.uint8]:
    """Coloured clouds under a fine grain, (side, side, 3)."""
    rng = np.random.default_rng(list(name.encode()))
    coarse = Image.fromarray(rng.integers(40, 216, (4, 4, 3), dtype=np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 12, (side, side, 3))
    return np.clip(np.rint(np.asarray(coarse) + grain), 0, 255).astype(np.uint8)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()
