"""A small dataset, an audit's report, stages and a training, all written by the project's own writers."""

import functools
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageFilter

from audit.report import AuditReport, Feature, Probe, audit_report
from classifier.report import METRICS, PREDICTIONS, DetectorReport, EpochReport, GeneratorMetrics, SplitMetrics
from demo.rendering import render
from demo.scenes import caption, random_scene
from flows.stages.base import StageCount
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
    Reason,
    Reject,
    SourceImage,
)
from manifests.shards import Sample, metadata, write_shard
from manifests.storage import Folder

GENERATORS = {"scene": ("painter", "vae"), "patch": ("vae",)}
METHODS = {"painter": "text-to-image", "vae": "reconstruct"}


def jpeg(pixels: np.ndarray, blur: float) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)).save(stream, "JPEG", quality=93)
    return stream.getvalue()


@functools.cache
def make_members(number: int, view: str, side: int) -> dict[str, bytes]:
    pixels = render(random_scene(number), side, side)
    return {"real": jpeg(pixels, 0)} | {name: jpeg(pixels, 0.8) for name in GENERATORS[view]}


def member(data: bytes, side: int) -> Member:
    return Member(sha256=hashlib.sha256(data).hexdigest(), size=len(data), width=side, height=side)


def make_pair(number: int, view: str, text: str, side: int) -> tuple[Pair, dict[str, bytes]]:
    scene = random_scene(number)
    sha256 = hashlib.sha256(f"{number}".encode()).hexdigest()
    members = make_members(number, view, side)
    split = ("train", "train", "train", "validation", "test", "test")[number % 6]
    pair = Pair(
        pair_id=f"{sha256[:16]}-{view}",
        group_id=f"g{number}",
        split=split,
        image=SourceImage(
            key=sha256[:16],
            source="open-images" if number % 3 else "folder",
            source_id=f"{number}",
            license="https://creativecommons.org/licenses/by/2.0/",
            author="An Author",
            class_label=scene.floor,
            sha256=sha256,
            size=1000,
        ),
        facts=ImageFacts(format="JPEG", width=side, height=side),
        frame=Frame(
            view=view,
            framing="scene" if view == "scene" else "patch",
            x=0,
            y=0,
            side=side,
            frame=side,
            size=side,
            ratio=1,
        ),
        caption=Caption(text=text or caption(scene), cleaned=text or caption(scene), model="blip"),
        fakes={
            name: Fake(
                generator=name,
                method=METHODS[name],
                model=f"example/{name}",
                revision="0123456789abcdef",
                seed=number,
                native_width=side,
                native_height=side,
                native_sha256=sha256,
            )
            for name in GENERATORS[view]
        },
        history="equal",
        encoding=Encoding(),
        members={name: member(data, side) for name, data in members.items()},
        shard=f"{split}-{view}-000000.tar",
    )
    return pair, members


@pytest.fixture
def build_dataset(tmp_path: Path) -> Callable[..., Dataset]:
    """Writes a dataset of `count` reals in the views scene and patch; every caption is `text` where one is given."""

    def build(count: int = 12, text: str = "", side: int = 64, name: str = "little-world") -> Dataset:
        folder = Folder.at(str(tmp_path / "dataset"))
        made = [make_pair(number, view, text, side) for view in GENERATORS for number in range(count)]
        shards: dict[str, list[tuple[Pair, dict[str, bytes]]]] = {}
        for pair, members in made:
            shards.setdefault(pair.shard, []).append((pair, members))
        for shard, content in shards.items():
            with folder.create(f"shards/{shard}") as stream:
                write_shard(stream, (Sample(pair.pair_id, members, metadata(pair)) for pair, members in content))
        header = Header(
            twinset="0.1.0",
            name=name,
            salt="salt",
            recipe={},
            generators=["painter", "vae"],
            views=list(GENERATORS),
            pairs_per_shard=1000,
            shards=[
                ShardInfo(name=shard, split=content[0][0].split, view=content[0][0].frame.view, pairs=len(content))
                for shard, content in sorted(shards.items())
            ],
            encoders={},
            jpeg_tables={},
        )
        lines = [canonical.dumps(header), *(canonical.dumps(pair) for pair, _ in made)]
        folder.write("manifest.jsonl", b"".join(line + b"\n" for line in lines))
        rejects = [
            Reject(key="a", stage="reals", reason=Reason.NOT_FOUND, detail="404"),
            Reject(key="b", stage="reals", reason=Reason.NOT_FOUND, detail="404"),
            Reject(key="c", stage="screen", reason=Reason.GREYSCALE, detail=text),
        ]
        folder.write("rejects.jsonl", b"".join(canonical.dumps(reject) + b"\n" for reject in rejects))
        return Dataset.open(str(tmp_path / "dataset"))

    return build


@pytest.fixture
def stages() -> list[StageCount]:
    return [
        StageCount("reals", "images", 1, 1, 17, 15, {Reason.NOT_FOUND: 2}, 3.0),
        StageCount("screen", "images", 1, 1, 15, 14, {Reason.GREYSCALE: 1}, 2.0),
    ]


@pytest.fixture
def audit() -> AuditReport:
    return audit_report(
        (
            Probe(name="headers", verdict="ok", gate=True, pairs=24, value=0.0, detail="no header differs"),
            Probe(
                name="pixels",
                subject="scene, painter",
                verdict="reported",
                classifier="gradient boosting",
                pairs=12,
                value=0.913,
                low=0.871,
                high=0.948,
                top_features=(Feature(name="spectrum_luma_15", auc=0.123),),
                detail="pixel statistics tell fakes from reals",
            ),
            Probe(name="permutation", verdict="too-few", gate=True, pairs=12, detail="too few pairs"),
        ),
        24,
    )


def split_metrics(n_real: int, n_fake: int) -> SplitMetrics:
    return SplitMetrics(
        n_real=n_real,
        n_fake=n_fake,
        accuracy=0.75,
        balanced_accuracy=0.7531,
        f1=0.8,
        auc=0.8762,
        ap=0.9,
        confusion=((3, 1), (2, n_fake - 2)),
    )


@pytest.fixture
def write_training(tmp_path: Path) -> Callable[[Dataset], Path]:
    """Writes `metrics.json` and `predictions.parquet` of a made-up detector on a dataset's test and validation splits."""

    def write(dataset: Dataset) -> Path:
        rng = np.random.default_rng(0)
        rows = [
            {
                "pair_id": pair.pair_id,
                "member": name,
                "split": pair.split,
                "label": int(name != "real"),
                "score": float(np.clip(rng.normal(0.3 if name == "real" else 0.7, 0.2), 0, 1)),
                "view": pair.frame.view,
                "source": pair.image.source,
                "class_label": pair.image.class_label,
            }
            for pair in dataset.pairs()
            if pair.split != "train"
            for name in pair.members
        ]
        out = tmp_path / "detector"
        out.mkdir()
        pq.write_table(pa.Table.from_pylist(rows), out / PREDICTIONS)
        report = DetectorReport(
            threshold=0.45,
            validation=split_metrics(4, 6),
            test=split_metrics(8, 12),
            by_generator={"vae": GeneratorMetrics(n=8, auc=0.812, ap=0.8, balanced_accuracy=0.7, recall=0.6543)},
            by_view={"scene": split_metrics(4, 8), "patch": split_metrics(4, 4)},
            history=(EpochReport(loss=0.6, validation_auc=0.7),),
        )
        (out / METRICS).write_text(report.model_dump_json())
        return out

    return write
