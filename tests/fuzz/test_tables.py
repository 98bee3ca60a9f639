"""Tables that say which images there are: CSV, JSON Lines, Parquet, COCO's JSON, lists of hashes."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.foreign.opening import open_foreign
from flows.recipe import load_recipe
from manifests.denied import read_denied
from manifests.wanted import read_wanted
from sources.coco import CocoConfig
from sources.fakes.labelled_rows import LabelledParquetConfig
from sources.hub import HubConfig
from sources.laion import LaionConfig
from sources.open_images import HEADER, OpenImagesConfig
from sources.prompts import PromptsConfig
from sources.url_list import UrlListConfig
from tests.fuzz.harness import Target, survive
from tests.fuzz.pictures import encoded, parquet, picture

_WORDS = (
    b'"',
    b"\n",
    b"\r",
    b"\0",
    b",",
    b"\t",
    b"{",
    b"[" * 2000,
    b"\\ud800",
    b"\x1b[2J",
    "\u202e".encode(),
    b"1e999",
    b"NaN",
    b"-1",
    b"9" * 5000,
    b"../../../canary",
    b"http://127.0.0.1/",
)
_URLS = [f"http://example.org/{number}.jpg" for number in range(8)]
_TEXTS = [f"a cone, {number}" for number in range(8)]


def listed(config: Any) -> None:
    """List a source, and fetch what it lists where that asks no server."""
    source = config.open()
    listings = list(source.list())
    if config.type in ("hub", "labelled-parquet"):
        for _ in source.fetch(listings, Path()):
            pass


def open_images() -> list[bytes]:
    rows = [",".join(HEADER)]
    rows += [f'{n:016x},train,{url},,L,,"A, B",T,12,1B2M2Y8AsgTpgAmY7PhCfg==,,0.0' for n, url in enumerate(_URLS)]
    return ["\n".join(rows).encode()]


def url_csv() -> list[bytes]:
    rows = ["url,caption,width,height,license"]
    return [
        "\n".join([*rows, *(f'{url},"{text}",10,20,CC0' for url, text in zip(_URLS, _TEXTS, strict=True))]).encode()
    ]


def url_jsonl() -> list[bytes]:
    rows = [{"url": url, "caption": text, "width": 3} for url, text in zip(_URLS, _TEXTS, strict=True)]
    return ["\n".join(json.dumps(row) for row in rows).encode()]


def laion() -> list[bytes]:
    columns = {
        "URL": _URLS,
        "TEXT": _TEXTS,
        "punsafe": [n / 8 for n in range(8)],
        "WIDTH": list(range(8)),
        "NSFW": ["A"] * 8,
    }
    return [
        parquet(columns),
        parquet(columns, compression="zstd", data_page_version="2.0"),
        parquet(columns, compression="none", use_dictionary=False, write_statistics=False),
    ]


def images() -> list[bytes]:
    data = [encoded(picture(number)) for number in range(4)]
    rows = {"image": [{"bytes": one, "path": "../../../canary"} for one in data], "label": [0, 1, 0, 1]}
    return [parquet(rows), parquet(rows, compression="gzip"), parquet(rows, compression="none")]


def coco() -> list[bytes]:
    content = {
        "licenses": [{"id": 1, "name": "CC BY", "url": "http://creativecommons.org/licenses/by/2.0/"}],
        "images": [
            {"id": n, "license": 1, "file_name": f"{n}.jpg", "coco_url": url, "width": 5, "height": 5}
            for n, url in enumerate(_URLS)
        ],
        "annotations": [{"id": n, "image_id": n, "caption": text} for n, text in enumerate(_TEXTS)],
    }
    return [json.dumps(content).encode()]


def foreign_csv() -> list[bytes]:
    return [
        b"path,label,generator\n" + b"".join(b"%d.jpg,%s,g\n" % (n, b"real" if n % 2 else b"fake") for n in range(4))
    ]


def put_images(folder: Path) -> None:
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(encoded(picture(number)))


def recipes() -> list[bytes]:
    return [path.read_bytes() for path in sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))]


def _foreign(file: Path) -> None:
    for item in open_foreign(str(file)):
        assert isinstance(item.data, bytes)


def _source(make: Callable[..., Any], key: str, **settings: Any) -> Callable[[Path], None]:
    return lambda file: listed(make(**{key: str(file)}, **settings))


_LAION = {"max_scores": {"punsafe": 0.5}, "min_width": 2, "nsfw": ["A", "B"]}
_TOML = (*_WORDS, b"a.b" * 500, b"[[", b'"""', b"= 1\n", b"inf", b"1979-05-27", b"x = " + b"[" * 3000, b"\\x1b")

TARGETS = [
    Target("recipe", "recipe.toml", recipes, load_recipe, _TOML),
    Target("Open Images", "o.csv", open_images, _source(OpenImagesConfig, "csv"), _WORDS),
    Target(
        "Open Images, compressed",
        "o.csv.gz",
        lambda: [gzip.compress(data, mtime=0) for data in open_images()],
        _source(OpenImagesConfig, "csv"),
    ),
    Target("list of URLs, CSV", "u.csv", url_csv, _source(UrlListConfig, "path"), _WORDS),
    Target("list of URLs, JSON Lines", "u.jsonl", url_jsonl, _source(UrlListConfig, "path"), _WORDS),
    Target("list of URLs, Parquet", "u.parquet", lambda: [parquet({"url": _URLS})], _source(UrlListConfig, "path")),
    Target("LAION", "l.parquet", laion, _source(LaionConfig, "path", **_LAION), examples=60),
    Target("Hub", "h.parquet", images, _source(HubConfig, "path", label_column="label"), examples=40),
    Target("labelled Parquet", "p.parquet", images, _source(LabelledParquetConfig, "path")),
    Target("COCO", "captions.json", coco, _source(CocoConfig, "path"), _WORDS),
    Target("prompts", "p.txt", lambda: ["\n".join(_TEXTS).encode()], _source(PromptsConfig, "path"), _WORDS),
    Target("foreign Parquet", "f.parquet", images, _foreign),
    Target("foreign CSV", "f.csv", foreign_csv, _foreign, _WORDS, prepare=put_images),
    Target(
        "denied",
        "d.txt",
        lambda: [b"ab" * 32 + b"\n" + b"cd" * 8 + b"\n"],
        lambda file: read_denied([str(file)], 2),
        _WORDS,
    ),
    Target(
        "taken down",
        "w.txt",
        lambda: ["\n".join(_URLS).encode()],
        lambda file: read_wanted([("urls", str(file)), ("ids", str(file))]),
        _WORDS,
    ),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_damaged_table_is_read_or_refused_in_one_line(target: Target, tmp_path: Path):
    survive(target, tmp_path)
