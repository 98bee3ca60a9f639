"""A build's chunk store filled with made-up records, as the stages would have written them: for benchmarks of what is read back.

No image, no model: records of the true shape and size, and markers that count as done.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from flows.folder import BuildFolder
from flows.recipe import parse_recipe
from flows.records import AlignedPair, ScreenedImage
from flows.stages.align import AlignStage
from flows.stages.audit import REPORT, AuditStage
from flows.stages.base import BuildStage, MapStage
from flows.stages.caption import CaptionStage
from flows.stages.frame import FrameStage
from flows.stages.generate import generate_stages
from flows.stages.listing import ListStage
from flows.stages.reals import RealsStage
from flows.stages.screen import ScreenStage
from flows.stages.select import SelectStage
from flows.stages.shards import ShardsStage
from flows.stages.split import SplitStage
from manifests import canonical
from manifests.chunk_writer import Blob
from manifests.chunks import slices
from manifests.files import WrittenFile, describe
from manifests.index import write_index
from manifests.records import Caption, Encoding, Fake, Frame, ImageFacts, JpegCoding, Member, SourceImage

TABLE = "table.csv"
_NEAR = 50
"""Every so many images there is one that looks like an earlier one."""
_KEY, _PHASH, _FAKE_PHASH, _NUMBER, _WORDS = "0" * 16, "2" * 16, "3" * 16, "4" * 12, "some words"
_SHA, _NATIVE_SHA, _REAL_SHA, _FAKE_SHA = "1" * 64, "6" * 64, "7" * 64, "8" * 64
_NAMES = {
    _SHA: "sha256",
    _NATIVE_SHA: "native_sha256",
    _REAL_SHA: "real_sha256",
    _FAKE_SHA: "fake_sha256",
    _KEY: "key",
    _PHASH: "phash",
    _FAKE_PHASH: "fake_phash",
    _NUMBER: "number",
    _WORDS: "words",
}
_IMAGE = re.compile(rb'"phash":"(?P<phash>[0-9a-f]{16})".*"sha256":"(?P<sha256>[0-9a-f]{64})"')
_SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "ve"]
_VOCABULARY = [f"{first}{second}".encode() for first in _SYLLABLES for second in _SYLLABLES]
_PLACES = re.compile("|".join(_NAMES).encode())


def open_build(folder: Path, chunk: int, shard: int) -> BuildFolder:
    """The build in a folder, claimed.

    Args:
        folder: where it lies; it need not exist yet.
        chunk: images a chunk.
        shard: pairs a shard.
    """
    content = {
        "name": "synthetic",
        "sources": [{"type": "url-list", "path": TABLE}],
        "views": [{"name": "scene", "framing": "scene", "frame": 512, "size": 320, "generators": ["sd15"]}],
        "caption": {"source": "blip", "model": "blip"},
        "generators": [{"name": "sd15", "method": "text-to-image", "model": "sd15"}],
        "chunks": {"size": chunk},
        "shards": {"pairs": shard},
        "limits": {"drop_rate": 1.0},
    }
    build = BuildFolder(parse_recipe(content, "synthetic"), str(folder), str(folder))
    build.claim()
    return build


def hashes(count: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Perceptual hashes of 64 bits, drawn evenly; every fiftieth lies one to six bits from an earlier one."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, 2**64, count, dtype=np.uint64)
    for place in range(_NEAR, count, _NEAR):
        flipped = rng.choice(64, size=int(rng.integers(1, 7)), replace=False)
        drawn[place] = drawn[rng.integers(0, place)] ^ np.uint64(sum(1 << int(bit) for bit in flipped))
    return drawn


def fill_screened(build: BuildFolder, count: int) -> None:
    """Write what the stages up to `screen` would have left of so many images."""
    size = build.recipe.chunks.size
    chunks = -(-count // size)
    lines = _screened(count)
    listing = ListStage(build)
    with (build.path / TABLE).open("w") as table:
        table.write("url\n")
        table.writelines(f"https://photographs.example/{number}.jpg\n" for number in range(count))
    for index in range(chunks):
        _write_chunk(listing, index, listing.inputs(), [b"{}"])
    listing.store.mark_complete(listing.inputs(), chunks)
    for index, batch in enumerate(slices(lines, size)):
        _write_map_chunk(RealsStage(build), index, [])
        _write_map_chunk(ScreenStage(build), index, batch)


def fill_aligned(build: BuildFolder) -> None:
    """Write what the stages up to `align` would have left of the images that are selected."""
    select = SelectStage(build)
    between: Sequence[MapStage] = (FrameStage(build), CaptionStage(build), *generate_stages(build))
    template = _placed(_aligned())
    fakes = (f"{phash:016x}".encode() for phash in hashes(build_size(build), seed=1).tolist())
    for index in range(select.count() or 0):
        for stage in between:
            _write_map_chunk(stage, index, [])
        images = (_IMAGE.search(line) for line in select.store.lines(index))
        lines = [
            template % _values(image["sha256"], image["phash"], next(fakes)) for image in images if image is not None
        ]
        _write_map_chunk(AlignStage(build), index, lines)


def fill_shards(build: BuildFolder) -> None:
    """Write what the shards' stage would have left; the shards themselves are not made."""
    split, shards = SplitStage(build), ShardsStage(build)
    for index in range(split.count() or 0):
        shard = split.shard(index)
        described = [] if shard is None else [WrittenFile(name=f"shards/{shard.name}", sha256="5" * 64, size=0)]
        for file in described:
            build.dataset.write(file.name, b"")
        _write_map_chunk(shards, index, [canonical.dumps(file) for file in described])


def finish(build: BuildFolder) -> None:
    """Write what the audit would have left: a report that says nothing, and the index."""
    audit = AuditStage(build)
    build.dataset.write(REPORT, b"{}")
    write_index(build.dataset, "none", {})
    files = [canonical.dumps(describe(build.dataset, name)) for name in (REPORT, "index.json", "index.sha256")]
    _write_chunk(audit, 0, audit.inputs(), files)
    audit.store.mark_complete(audit.inputs(), 1)


def build_size(build: BuildFolder) -> int:
    """Number of images that were screened."""
    return sum(marker.forwarded for marker in ScreenStage(build).store.markers())


def _screened(count: int) -> Iterator[bytes]:
    template = _placed(_image())
    for number, phash in enumerate(hashes(count, seed=0).tolist()):
        sha256 = hashlib.sha256(str(number).encode()).hexdigest().encode()
        yield template % _values(sha256, f"{phash:016x}".encode())


def _values(sha256: bytes, phash: bytes, fake_phash: bytes = b"") -> dict[bytes, bytes]:
    """What differs from image to image, and says as much as it does in earnest, for records are stored compressed."""
    key = sha256[:16]
    native, real, fake = (hashlib.sha256(name + key).hexdigest().encode() for name in (b"native", b"real", b"fake"))
    return {
        b"key": key,
        b"sha256": sha256,
        b"native_sha256": native,
        b"real_sha256": real,
        b"fake_sha256": fake,
        b"phash": phash,
        b"fake_phash": fake_phash,
        b"number": key[:12],
        b"words": b" ".join(_VOCABULARY[byte] for byte in bytes.fromhex(native[:32].decode())),
    }


def _placed(record: ScreenedImage | AlignedPair) -> bytes:
    """The record's line, with places for what differs from image to image."""
    line = canonical.dumps(record).replace(b"%", b"%%")
    return _PLACES.sub(lambda match: f"%({_NAMES[match[0].decode()]})b".encode(), line)


def _image() -> ScreenedImage:
    coding = JpegCoding(tables=(tuple(range(1, 65)), tuple(range(2, 66))), subsampling="4:2:0")
    return ScreenedImage(
        image=SourceImage(
            key=_KEY,
            source="photographs",
            source_id=f"photograph-{_NUMBER}",
            url=f"https://photographs.example/{_NUMBER}/original.jpg",
            landing_url=f"https://photographs.example/pages/{_NUMBER}",
            license="https://creativecommons.org/licenses/by/2.0/",
            author="A. Photographer",
            author_url="https://photographs.example/people/a-photographer",
            title=f"A still life, number {_NUMBER}",
            terms="open",
            sha256=_SHA,
            size=600_000,
        ),
        blob=Blob(stage="reals", chunk=0, offset=512, size=600_000),
        facts=ImageFacts(
            format="JPEG", width=1024, height=768, subsampling="4:2:0", jpeg_tables="a6b4b1719bd2f6d3", phash=_PHASH
        ),
        coding=coding,
    )


def _aligned() -> AlignedPair:
    screened = _image()
    caption = f"a photograph of {_WORDS} on a wooden table"
    fake = Fake(
        generator="sd15",
        method="text-to-image",
        model="stable-diffusion-v1-5",
        revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        license="creativeml-openrail-m",
        pipeline="StableDiffusionPipeline",
        prompt=caption,
        prompt_used=caption,
        seed=329259015874155799,
        scheduler="PNDMScheduler",
        scheduler_config=f'{{"beta_end":0.012,"beta_schedule":"scaled_linear","comment":"{"x" * 300}"}}',
        num_inference_steps=50,
        guidance_scale=7.5,
        native_width=512,
        native_height=512,
        versions={"diffusers": "0.42.1", "torch": "2.15.0", "transformers": "5.23.0"},
        native_sha256=_NATIVE_SHA,
    )
    digests = {"real": _REAL_SHA, "sd15": _FAKE_SHA}
    members = {name: Member(sha256=sha256, size=40_000, width=320, height=320) for name, sha256 in digests.items()}
    return AlignedPair(
        pair_id=f"{_KEY}-scene",
        screened=screened,
        frame=Frame(view="scene", framing="scene", x=0, y=0, side=768, frame=512, size=320, ratio=1.5),
        caption=Caption(text=caption, cleaned=caption, model="blip", revision="dcef3dd9c9c108ff"),
        fakes={"sd15": fake},
        history=screened.coding,
        encoding=Encoding(),
        members=members,
        blobs={name: Blob(stage="align", chunk=0, offset=512, size=40_000) for name in members},
        phashes={"real": _PHASH, "sd15": _FAKE_PHASH},
    )


def _write_map_chunk(stage: MapStage, index: int, lines: Sequence[bytes]) -> None:
    _write_chunk(stage, index, stage.inputs(index), lines)


def _write_chunk(stage: BuildStage, index: int, inputs: str, lines: Iterable[bytes]) -> None:
    chunk = stage.store.writer(index)
    for line in lines:
        chunk.seen += 1
        chunk.add_line(line)
    stage.store.commit(chunk, inputs, started=time.time())
