"""Lists of images in tables of all kinds, of URLs and of files that are at hand."""

import gzip
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched, Listing
from sources.url_list import UrlListConfig

CSV = b"""url,caption,license,author,width,height,class
https://a.org/1.jpg,"a cat, on
a mat",https://creativecommons.org/licenses/by/2.0/,Ann,640,480,cat
https://a.org/2.jpg,"a ""dog\""",,,320,240,dog
"""


def source(path: Path | str, data: bytes | None = None, **settings: Any):
    if data is not None:
        Path(path).write_bytes(data)
    return UrlListConfig.model_validate({"path": str(path)} | settings).open()


def listed(path: Path | str, data: bytes | None = None, **settings: Any) -> list[Listing]:
    return list(source(path, data, **settings).list())


def failure(path: Path | str, data: bytes | None = None, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        listed(path, data, **settings)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_csv_with_usual_names_needs_no_settings(tmp_path: Path):
    first, second = listed(tmp_path / "list.csv", CSV, license="CC0")
    assert (first.source_id, first.url) == ("https://a.org/1.jpg", "https://a.org/1.jpg")
    assert (first.source_caption, first.class_label, first.author) == ("a cat, on\na mat", "cat", "Ann")
    assert (first.terms, second.license, second.terms) == ("open", "CC0", "open")
    assert second.source_caption == 'a "dog"'
    assert (first.made, first.location) == (None, {})
    assert [entry.url for entry in listed(tmp_path / "list.csv", min_width=500)] == ["https://a.org/1.jpg"]
    assert listed(tmp_path / "list.csv.gz", gzip.compress(CSV)) == listed(tmp_path / "list.csv")
    assert listed(tmp_path / "list.txt", CSV, format="csv") == listed(tmp_path / "list.csv")


def test_all_kinds_of_tables_say_the_same(tmp_path: Path):
    rows = [
        {"URL": f"https://a.org/{number}.jpg", "TEXT": f"“{number}” cats", "id": number, "md5": "0" * 32, "WIDTH": 8.0}
        for number in range(3)
    ]
    lines = [list(rows[0]), *(list(map(str, row.values())) for row in rows)]
    (tmp_path / "csv.csv").write_text("\n".join(",".join(line) for line in lines))
    (tmp_path / "tsv.tsv").write_text("\n".join("\t".join(line) for line in lines))
    (tmp_path / "json.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "parquet.parquet", row_group_size=2)
    expected = [
        Listing(source_id=str(row["id"]), url=row["URL"], source_caption=row["TEXT"], md5="0" * 32) for row in rows
    ]
    for name in ("csv.csv", "tsv.tsv", "json.jsonl", "parquet.parquet"):
        assert listed(tmp_path / name, min_width=8) == expected
    assert listed(f"{tmp_path}/*.*sv") == expected * 2


@pytest.mark.parametrize(
    ("layout", "line"),
    [
        ("conceptual-captions", 'a "very typical bus station\thttp://lh6.ggpht.com/-Iv/x.jpg\n'),
        ("cc12m", 'http://lh6.ggpht.com/-Iv/x.jpg\ta "very typical bus station\n'),
    ],
)
def test_the_orders_of_the_conceptual_captions(tmp_path: Path, layout: str, line: str):
    for path, data in ((tmp_path / "cc.tsv", line.encode()), (tmp_path / "cc.tsv.gz", gzip.compress(line.encode()))):
        [entry] = listed(path, data, layout=layout)
        assert (entry.url, entry.source_caption) == ("http://lh6.ggpht.com/-Iv/x.jpg", 'a "very typical bus station')
    assert "line 1: 3 columns, the header has 2; take tabs and line breaks out" in failure(
        tmp_path / "cc.tsv", b"a\tb\tc\n", layout=layout
    )


def test_a_file_without_names_is_given_them(tmp_path: Path):
    [entry] = listed(tmp_path / "list.csv", b"7,https://a.org/7.jpg\n", header=["id", "url"])
    assert (entry.source_id, entry.url) == ("7", "https://a.org/7.jpg")


def test_diffusion_prompts_become_existing_fakes(tmp_path: Path):
    """The 900k-diffusion-prompts CSV: prompts hold newlines; its other columns do not matter."""
    data = b'id,prompt,url,width\n1,"a castle,\n""oil"" --ar 3:2",https://images.lexica.art/md/1.jpg,512\n'
    [entry] = listed(tmp_path / "diffusion_prompts.csv", data, generator="stable_diffusion")
    assert entry.made is not None
    assert (entry.made.generator, entry.made.prompt) == ("stable_diffusion", 'a castle,\n"oil" --ar 3:2')
    assert entry.source_caption == ""


def test_journeydb_becomes_existing_fakes_at_hand(tmp_path: Path):
    line = {"img_path": "./000/a.jpg", "prompt": "a fox", "Task2": {"Caption": "A fox sits."}, "Task3": {"Style": []}}
    settings = {"generator": "midjourney", "images": str(tmp_path), "columns": {"caption": "Task2.Caption"}}
    listings = listed(tmp_path / "train_anno.jsonl", json.dumps(line).encode(), **settings)
    assert [(entry.source_id, entry.source_caption) for entry in listings] == [("./000/a.jpg", "A fox sits.")]
    assert listings[0].made is not None
    assert (tmp_path / "000").mkdir() is None
    (tmp_path / "000" / "a.jpg").write_bytes(b"fox")
    [(_, found)] = source(tmp_path / "train_anno.jsonl", **settings).fetch(listings, tmp_path)
    assert isinstance(found, Fetched)
    assert found.image.made == listings[0].made


def test_a_column_of_generators_tells_fakes_from_reals(tmp_path: Path):
    lines = [
        {"url": "https://a.org/1.jpg", "generator": "Stable Diffusion 2.1", "prompt": "p", "negative_prompt": "n"},
        {"url": "https://a.org/2.jpg", "generator": None, "caption": "c"},
        {"url": "https://a.org/3.jpg"},
    ]
    path, data = tmp_path / "mixed.jsonl", "\n".join(map(json.dumps, lines)).encode()
    fake, real, bare = listed(path, data)
    assert fake.made is not None
    assert fake.made.generator == "stable_diffusion_2_1"
    assert (fake.made.prompt, fake.made.negative_prompt) == ("p", "n")
    assert (real.made, real.source_caption, bare.made) == (None, "c", None)
    assert "line 1, generator: '?'" in failure(path, json.dumps(lines[0] | {"generator": "?"}).encode())


def test_rows_without_a_url_are_passed_over_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    data = b"url,text\n,a\nfile:///etc/passwd,b\nhttps://a.org/1.jpg,c\njavascript:x,d\n"
    assert [entry.source_caption for entry in listed(tmp_path / "list.csv", data)] == ["c"]
    assert "3 rows without an http(s) URL were passed over" in caplog.text


@pytest.mark.parametrize(
    ("name", "data", "settings", "words"),
    [
        ("l.csv", b"link,text\nx,y\n", {}, "line 2: no column 'url' that says where an image is; there are link, text"),
        ("l.csv", b"link\nx\n", {"columns": {"url": "href"}}, "no column 'href'"),
        ("l.csv", b"url,text\nhttps://a/1,x\nhttps://a/2\n", {}, "l.csv: line 3: 1 columns, the header has 2"),
        ("l.csv", b'url,text\nhttps://a/1,"x\n', {}, "l.csv: after line 2: not a CSV"),
        ("l.jsonl", b'{"url":"https://a/1"}\n{"url":\n', {}, "l.jsonl: line 2: not JSON"),
        ("l.jsonl", b'{"a":"https://a/1"}\n', {}, "line 1: no column 'url'"),
        ("l.jsonl", b'{"url":"https://a/1","text":"\\ud800"}\n', {}, "line 1, caption: holds half of a character"),
        ("l.csv", b"url,width\nhttps://a/1,big\n", {}, "line 2, width: 'big' is not a number of pixels"),
        ("l.csv", b"url,md5\nhttps://a/1,12\n", {}, "line 2, md5: '12' is not a digest of 32 hex digits"),
        ("l.csv", b"url,md5\nhttps://a/1,\x1b[2J\n", {}, "line 2, md5: '?[2j' is not"),
        (
            "l.csv",
            b"url,width\nx,5\nhttps://a/1,7\n",
            {"min_width": 8},
            "1 have not an http(s) URL, 1 not the wanted size",
        ),
        ("l.csv", b"", {}, "l.csv: holds no rows"),
        ("l.parquet", b"PAR1", {}, "l.parquet: not a whole Parquet file"),
        ("l.list", b"url\n", {}, "l.list: its name does not say what kind of table it is"),
    ],
)
def test_a_bad_table_is_one_clear_line(tmp_path: Path, name: str, data: bytes, settings: dict[str, Any], words: str):
    assert words in failure(tmp_path / name, data, **settings)


def test_a_wrong_path_is_one_clear_line(tmp_path: Path):
    assert "list.csv: there is nothing" in failure(tmp_path / "list.csv")
    pq.write_table(pa.table({"link": ["x"]}), tmp_path / "list.parquet")
    assert "list.parquet: no column 'url'" in failure(tmp_path)


def test_settings_that_do_not_fit_are_named():
    with pytest.raises(ValidationError, match="leave header and format out"):
        UrlListConfig(path="p", layout="cc12m", header=("a", "b"))


def test_images_at_hand_are_read_by_path_and_never_outside(tmp_path: Path):
    names = [
        "in/a.jpg",
        "in/missing.jpg",
        "../secret.jpg",
        "/etc/passwd",
        "in/link.jpg",
        "in/big.jpg",
        "in",
        "in/b.jpg",
    ]
    data = {"in/a.jpg": b"aaa", "in/b.jpg": b"bbb", "in/big.jpg": b"x" * 100}
    expected: list[bytes | Reason] = [
        b"aaa",
        Reason.NOT_FOUND,
        Reason.NOT_FOUND,
        Reason.NOT_FOUND,
        Reason.NOT_FOUND,
        Reason.TOO_LARGE,
        Reason.NOT_FOUND,
        Reason.DIGEST_MISMATCH,
    ]
    root = tmp_path / "images"
    (root / "in").mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (root / "in" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for name, content in data.items():
            (root / name).write_bytes(content)
            archive.writestr(f"images/{name}", content)
    rows = [f"{name},{hashlib.sha256(data.get(name, b'')).hexdigest()}" for name in names[:-1]] + [
        f"in/b.jpg,{'0' * 64}"
    ]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(["path,sha256", *rows]))
    for images in (root, tmp_path / "images.zip"):
        opened = source(table, images=str(images), max_bytes=50)
        outcomes = [outcome for _, outcome in opened.fetch(list(opened.list()), tmp_path)]
        found = [outcome.reason if isinstance(outcome, RejectedItem) else outcome.data for outcome in outcomes]
        assert found == expected
    with pytest.raises(SourceError, match="there is neither a folder nor a zip of images; correct `images`"):
        source(table, images=str(tmp_path / "nowhere")).list()  # at once: nothing is fetched yet
    broken = source(table, images=str(table))
    with pytest.raises(SourceError, match="not a whole zip"):
        list(broken.fetch(list(broken.list()), tmp_path))


def test_a_column_of_generators_may_name_reals_in_words(tmp_path: Path):
    table = b"url,generator\nhttps://a/1,real\nhttps://a/2,None\nhttps://a/3,\nhttps://a/4,SDXL\n"
    made = [entry.made.generator if entry.made else "" for entry in listed(tmp_path / "l.csv", table)]
    assert made == ["", "", "", "sdxl"]
    made = [entry.made.generator if entry.made else "" for entry in listed(tmp_path / "l.csv", generator="flux")]
    assert made == ["", "flux", "flux", "sdxl"]


def test_every_column_that_the_recipe_names_must_be_there(tmp_path: Path):
    wrong = {"columns": {"caption": "captoin"}}
    words = "no column 'captoin', which columns.caption names"
    assert words in failure(tmp_path / "l.csv", b"url,caption\nhttps://a/1,x\n", **wrong)
    assert words in failure(tmp_path / "l.jsonl", b'{"url":"https://a/1"}\n{"url":"https://a/2"}\n', **wrong)
    pq.write_table(pa.table({"url": ["https://a/1"]}), tmp_path / "l.parquet")
    assert words in failure(tmp_path / "l.parquet", **wrong)
    lines = b'{"url":"https://a/1"}\n{"url":"https://a/2","captoin":"x"}\n'
    assert [entry.source_caption for entry in listed(tmp_path / "l.jsonl", lines, **wrong)] == ["", "x"]


def test_zips_that_windows_made_hold_the_images_of_a_list(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        member = zipfile.ZipInfo("x")
        member.filename = "top\\a\\1.jpg"
        archive.writestr(member, b"one")
    found = source(tmp_path / "l.csv", b"path\na/1.jpg\n", images=str(tmp_path / "images.zip"))
    ((_, outcome),) = found.fetch(list(found.list()), tmp_path)
    assert isinstance(outcome, Fetched)
