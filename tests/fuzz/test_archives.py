"""Tars and zips whose members lie about their names, their lengths and what they are."""

import gzip
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from manifests.shards import read_shard
from sources.archive import ArchiveConfig
from sources.webdataset import WebDatasetConfig
from tests.fuzz.harness import Target, survive
from tests.fuzz.pictures import encoded, picture, tar_of_oddities, zipped
from tests.tars import tarred

_WORDS = (
    b"../",
    b"/",
    b"\0" * 512,
    b"99999999999",
    b"GNU.sparse.size=99999999999\n",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\xff" * 12,
)


def members() -> dict[str, bytes]:
    return {f"a/{number}.jpg": encoded(picture(number)) for number in range(3)} | {
        "../../../canary.jpg": b"x",
        "/canary": b"",
    }


def samples() -> dict[str, bytes]:
    """Samples of a shard, as others and as we write them."""
    found: dict[str, bytes] = {}
    for number in range(3):
        found[f"{number:016x}-scene.real.jpg"] = encoded(picture(number))
        found[f"{number:016x}-scene.vae.jpg"] = encoded(picture(number + 9))
        found[f"{number:016x}-scene.json"] = json.dumps({"caption": "a cone", "width": 24}).encode()
    return found


def web_samples() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for number in range(3):
        found |= {
            f"{number:05d}.jpg": encoded(picture(number)),
            f"{number:05d}.txt": b"a cone",
            f"{number:05d}.json": json.dumps({"url": "http://example.org/1", "score": 0.5}).encode(),
        }
    return found


def tars() -> list[bytes]:
    return [tarred(members()), tarred(members(), layout=tarfile.GNU_FORMAT), tar_of_oddities()]


def zips() -> list[bytes]:
    bomb = zipped({"a/bomb.jpg": bytes(4 * 2**20)})
    encrypted = bytearray(zipped(members()))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        place = encrypted.find(mark) + (6 if mark == b"PK\x03\x04" else 8)
        encrypted[place] |= 1
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return [*(zipped(members(), method) for method in methods), bomb, bytes(encrypted)]


def _all_of(config: Any) -> None:
    source = config.open()
    for _, outcome in source.fetch(list(source.list()), Path()):
        assert outcome is not None


def _archive(file: Path) -> None:
    _all_of(ArchiveConfig(path=str(file), max_bytes=2**20))


def _webdataset(file: Path) -> None:
    _all_of(WebDatasetConfig(path=str(file), caption="txt", url="json.url", scores={"aesthetic": "json.score"}))


def _shard(file: Path) -> None:
    with file.open("rb") as stream:
        list(read_shard(stream, "shard.tar"))


TARGETS = [
    Target("tar", "a.tar", tars, _archive, _WORDS, examples=60),
    Target("tar, compressed", "a.tar.gz", lambda: [gzip.compress(data, mtime=0) for data in tars()], _archive),
    Target("zip", "a.zip", zips, _archive, _WORDS, examples=60),
    Target("WebDataset", "w.tar", lambda: [tarred(web_samples())], _webdataset, _WORDS, examples=40),
    Target(
        "shard",
        "s.tar",
        lambda: [tarred(samples()), tarred(samples(), layout=tarfile.USTAR_FORMAT)],
        _shard,
        _WORDS,
        examples=60,
    ),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_damaged_archive_is_read_or_refused_in_one_line(target: Target, tmp_path: Path):
    survive(target, tmp_path)
