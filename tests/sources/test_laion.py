"""LAION's tables: their columns as they varied, filters, parts and shards."""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from manifests.errors import SourceError
from sources.base import Listing
from sources.laion import LaionConfig

UUID = "5114fd87-297e-42b0-9d11-50f1df323dfa"
ROWS = 10
URLS = [f"https://example.org/{number}.jpg" for number in range(ROWS)]
TEXTS = [f"a photo of {number} cats" for number in range(ROWS)]
IDS = [2**61 + number for number in range(ROWS)]
SIZES = [100 * number for number in range(1, ROWS + 1)]
TAGS = ["UNLIKELY", "UNSURE", "NSFW", None, *["UNLIKELY"] * 6]
SCORES = [number / 8 for number in range(ROWS)]

# columns and types of each release, as published
EN = {
    "SAMPLE_ID": pa.array(IDS, pa.int64()),
    "URL": pa.array(URLS),
    "TEXT": pa.array(TEXTS),
    "HEIGHT": pa.array(SIZES, pa.int32()),
    "WIDTH": pa.array(SIZES, pa.int32()),
    "LICENSE": pa.array(["?", "CC BY 2.0", None, *["?"] * 7]),
    "NSFW": pa.array(TAGS),
    "similarity": pa.array(SCORES, pa.float64()),
}
JOINED = EN | {
    "hash": pa.array(range(ROWS), pa.int64()),
    "punsafe": pa.array(SCORES, pa.float32()),
    "pwatermark": pa.array(SCORES, pa.float32()),
}
AESTHETIC_V1 = {
    "URL": pa.array(URLS),
    "TEXT": pa.array(TEXTS),
    "WIDTH": pa.array(SIZES, pa.float64()),
    "HEIGHT": pa.array(SIZES, pa.int64()),
    "similarity": pa.array(SCORES, pa.float64()),
    "hash": pa.array(IDS, pa.int64()),
    "punsafe": pa.array(SCORES, pa.float32()),
    "pwatermark": pa.array(SCORES, pa.float32()),
    "aesthetic": pa.array(SCORES, pa.float32()),
}
AESTHETIC_V2 = {name: cells for name, cells in AESTHETIC_V1.items() if name != "aesthetic"} | {
    "AESTHETIC_SCORE": pa.array(SCORES, pa.float64())
}


def write(folder: Path, columns: dict[str, Any], number: int = 0, **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"part-{number:05d}-{UUID}-c000.snappy.parquet"
    pq.write_table(pa.table(columns), path, compression="snappy", **options)
    return path


def listed(path: Path | str, **settings: Any) -> list[Listing]:
    return list(LaionConfig.model_validate({"path": str(path)} | settings).open().list())


def numbers(listings: list[Listing]) -> list[int]:
    return [URLS.index(listing.url) for listing in listings]


def failure(path: Path | str, **settings: Any) -> str:
    source = LaionConfig.model_validate({"path": str(path)} | settings).open()
    with pytest.raises(SourceError) as caught:
        source.list()  # at once: no listing is asked for
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("columns", "scores"),
    [
        (EN, {"similarity", "nsfw"}),
        (JOINED, {"similarity", "punsafe", "pwatermark", "nsfw"}),
        (AESTHETIC_V1, {"similarity", "punsafe", "pwatermark", "aesthetic"}),
        (AESTHETIC_V2, {"similarity", "punsafe", "pwatermark", "aesthetic"}),
    ],
    ids=["laion2B-en", "laion2B-en-joined", "laion2B-en-aesthetic", "improved_aesthetics"],
)
def test_the_columns_of_each_release_are_told_by_their_names(tmp_path: Path, columns: dict[str, Any], scores: set[str]):
    write(tmp_path, columns)
    listings = listed(tmp_path)
    assert [(entry.url, entry.source_caption) for entry in listings] == list(zip(URLS, TEXTS, strict=True))
    assert [entry.source_id for entry in listings] == [str(number) for number in IDS]
    assert set(listings[0].scores) == scores
    assert all(set(entry.scores.values()) - {0.0, 0.5, 1.0} <= {SCORES[i]} for i, entry in enumerate(listings))
    assert {entry.terms for entry in listings} == {"unknown"}
    kept = listed(tmp_path, min_width=300, max_height=800, max_scores={"similarity": 0.625})
    assert numbers(kept) == [2, 3, 4, 5]


def test_synthetic_re_laion_columns_in_small_letters(tmp_path: Path):
    write(tmp_path, {"url": URLS, "caption": TEXTS, "width": SIZES, "height": SIZES, "status": ["success"] * ROWS})
    listings = listed(tmp_path, min_width=500)
    assert [(entry.source_id, entry.source_caption) for entry in listings] == [
        (f"00000:{number}", TEXTS[number]) for number in range(4, ROWS)
    ]


def test_tags_and_licences(tmp_path: Path):
    write(tmp_path, EN)
    listings = listed(tmp_path)
    assert [entry.license for entry in listings][:4] == ["", "CC BY 2.0", "", ""]
    assert [entry.scores.get("nsfw") for entry in listings][:5] == [0.0, 0.5, 1.0, None, 0.0]
    assert numbers(listed(tmp_path, nsfw=["unsure", ""])) == [1, 3]


def test_scores_filter_and_what_has_none_is_passed_over(tmp_path: Path):
    scores = [0.5, None, math.nan, math.inf, 7.0, 6.0, 6.5, 1e-7, 6.0, 6.0]
    write(tmp_path, AESTHETIC_V1 | {"aesthetic": pa.array(scores, pa.float64())}, row_group_size=3)
    assert numbers(listed(tmp_path, min_scores={"aesthetic": 6.0})) == [4, 5, 6, 8, 9]
    assert numbers(listed(tmp_path, min_scores={"aesthetic": 6.0}, max_scores={"aesthetic": 6.5})) == [5, 6, 8, 9]
    assert numbers(listed(tmp_path, min_scores={"aesthetic": 6.0}, max_scores={"punsafe": 0.7})) == [4, 5]
    assert [entry.scores.get("aesthetic") for entry in listed(tmp_path)][:5] == [0.5, None, None, None, 7.0]


def test_hostile_rows_are_passed_over_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    urls: list[Any] = [None, "", "file:///etc/passwd", "https://a b", "javascript:alert(1)", "http://a/\n", "HTTP://x"]
    wrong = pa.array([b"https://x.org/\xff.jpg", b"https://x.org/1.jpg"]).cast(pa.string(), safe=False)
    captions = pa.array([b"\xff\xfe", None], pa.binary()).cast(pa.string(), safe=False)
    ids = [None, math.nan]
    write(tmp_path, {"URL": urls, "TEXT": [""] * 7, "hash": pa.array([1.0] * 7)}, 0)
    write(tmp_path, {"URL": wrong, "TEXT": captions, "hash": pa.array(ids, pa.float64())}, 1)
    listings = listed(tmp_path)
    assert [(entry.source_id, entry.source_caption) for entry in listings] == [
        ("00001:0", "\ufffd\ufffd"),
        ("00001:1", ""),
    ]
    assert "7 rows without an http(s) URL were passed over" in caplog.text


def test_columns_of_other_names_are_named_in_the_recipe(tmp_path: Path):
    write(tmp_path, {"link": URLS, "alt": TEXTS, "clip": SCORES, "uid": [f"u{number}" for number in range(ROWS)]})
    columns = {"url": "link", "caption": "alt", "similarity": "clip", "id": "uid"}
    listings = listed(tmp_path, columns=columns, min_scores={"similarity": 1.0})
    assert [(entry.source_id, entry.source_caption) for entry in listings] == [("u8", TEXTS[8]), ("u9", TEXTS[9])]
    words = failure(tmp_path, columns=columns | {"caption": "text"})
    assert "no column 'text', which columns.caption names; there are 'link', 'alt', 'clip', 'uid'" in words


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four files of ten rows in row groups of four; the row's number is 10 times its file's and its own."""
    folder = tmp_path_factory.mktemp("parts")
    for part in range(4):
        urls = [f"https://example.org/{10 * part + row}.jpg" for row in range(10)]
        write(folder, {"URL": urls, "TEXT": TEXTS}, part, row_group_size=4)
    return folder


def rows(path: Path | str, **settings: Any) -> list[int]:
    return [int(Path(entry.url).stem) for entry in listed(path, **settings)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, range(40)),
        ({"parquet_parts": [1, 2]}, range(10, 30)),
        ({"shards": [0, 0], "shard_rows": 7}, range(7)),
        ({"shards": [1, 3], "shard_rows": 7}, range(7, 28)),
        ({"shards": [5, 5], "shard_rows": 7}, range(35, 40)),
        ({"shards": [1, 1], "shard_rows": 10}, range(10, 20)),
        ({"shards": [1, 3], "shard_rows": 7, "shards_run_on": False}, [7, 8, 9, *range(10, 20)]),
        ({"shards": [7, 7], "shard_rows": 7, "shards_run_on": False}, [37, 38, 39]),
        ({"parquet_parts": [2, 3], "shards": [0, 1], "shard_rows": 4}, range(20, 28)),
        ({"limit": 3, "order": "source"}, range(3)),
    ],
)
def test_parts_and_shards_select_rows(parts: Path, settings: dict[str, Any], expected: list[int]):
    assert rows(parts, **settings) == list(expected)


def test_a_row_is_named_by_its_part_whatever_is_selected(parts: Path):
    [entry] = listed(parts, shards=[14, 14], shard_rows=1)
    assert entry.source_id == "00001:4"


def test_a_pattern_or_one_file_selects_as_well(parts: Path):
    assert rows(f"{parts}/part-0000[13]-*.parquet") == [*range(10, 20), *range(30, 40)]
    assert rows(f"{parts}/part-{{00001..00002}}-*.parquet") == list(range(10, 30))
    assert rows(parts / f"part-00002-{UUID}-c000.snappy.parquet") == list(range(20, 30))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"parquet_parts": [2, 5]}, "asks for 2 to 5, but 00004 to 00005 are not there; there are 00000 to 00003"),
        ({"parquet_parts": [127, 127]}, "00127 is not there; there are 00000 to 00003"),
        ({"shards": [5, 6], "shard_rows": 7}, "4 files hold 40 rows: shards 0 to 5 of 7 rows each"),
        (
            {"min_scores": {"aesthetic": 5}},
            "no column aesthetic or aesthetic_score, which the filter on aesthetic needs",
        ),
        ({"nsfw": ["UNLIKELY"]}, "no column nsfw, which the filter on nsfw needs; there are 'URL', 'TEXT'"),
    ],
)
def test_what_is_not_there_is_said_at_once(parts: Path, settings: dict[str, Any], words: str):
    assert words in failure(parts, **settings)


def test_filters_that_leave_nothing_are_said(tmp_path: Path):
    write(tmp_path, AESTHETIC_V1)
    with pytest.raises(SourceError, match="none of 10 rows is taken; correct the filters"):
        listed(tmp_path, min_scores={"aesthetic": 10})


def test_files_without_rows_are_said(tmp_path: Path):
    write(tmp_path, {"URL": pa.array([], pa.string())})
    with pytest.raises(SourceError, match="holds no rows; check that its files are whole"):
        listed(tmp_path)


def test_columns_that_hold_no_numbers_or_stand_twice_are_said_at_once(tmp_path: Path):
    path = write(tmp_path, EN | {"punsafe": ["low"] * ROWS})
    assert "column 'punsafe' holds string, numbers are expected; name another as columns.punsafe" in failure(tmp_path)
    pq.write_table(pa.table([["u"], ["u"]], names=["URL", "URL"]), path)
    assert "two columns are called 'URL'" in failure(tmp_path)


def test_a_wrong_path_is_said_at_once(parts: Path, tmp_path: Path):
    assert "nowhere: there is nothing" in failure(parts / "nowhere")
    assert "part-9*.parquet: no file fits the pattern; there are 4 entries" in failure(f"{parts}/part-9*.parquet")
    assert "no files that end in .parquet" in failure(tmp_path)
    (tmp_path / "page.parquet").write_bytes(b"<!doctype html>")
    assert "page.parquet: not a whole Parquet file" in failure(tmp_path)
    assert "no file's name holds a part number" in failure(tmp_path, parquet_parts=[0, 1])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shards": [1, 2]}, "give both or neither"),
        ({"parquet_parts": [3, 1]}, "the first, 3, comes after the last, 1"),
        ({"limit_per_class": 2}, "LAION names no classes"),
        ({"min_scores": {"beauty": 2}}, "beauty"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        LaionConfig.model_validate({"path": "p"} | settings)
