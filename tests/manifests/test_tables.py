import csv
import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.records import Pair
from manifests.shards import metadata
from manifests.storage import Folder
from manifests.tables import Attribution, pieces, write_manifest_parquet, write_provenance

FREE = ("license", "author", "author_url", "title", "url", "landing_url")


def parquet(folder: Folder, name: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(io.BytesIO(folder.read(name))).to_pylist()
    return rows


def attribution(*pairs: Pair) -> list[dict[str, str]]:
    stream = io.BytesIO()
    Attribution(stream).add(pairs)
    return list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline=""), strict=True))


def test_the_manifest_s_table_has_a_row_a_pair_with_the_whole_record(folder: Folder, make_pair: Callable[..., Pair]):
    pairs = [make_pair(number, url=f"https://example.org/{number}") for number in range(3)]
    write_manifest_parquet(folder, pairs)
    rows = parquet(folder, "manifest.parquet")
    assert [Pair.model_validate_json(str(row["record"])) for row in rows] == pairs
    for row, pair in zip(rows, pairs, strict=True):
        assert {name: row[name] for name in metadata(pair)} == metadata(pair)
        assert (row["terms"], row["digital_source_types"]) == ("unknown", ",".join(["trainedAlgorithmicMedia"] * 2))
        assert (row["url"], row["sha256"], row["shard"]) == (pair.image.url, pair.image.sha256, pair.shard)
        assert None not in row.values()


def test_the_manifest_s_table_has_equal_bytes_for_equal_pairs(folder: Folder, make_pair: Callable[..., Pair]):
    write_manifest_parquet(folder, [make_pair(number) for number in range(3)])
    first = folder.read("manifest.parquet")
    write_manifest_parquet(folder, (make_pair(number) for number in range(3)))
    assert folder.read("manifest.parquet") == first


def test_an_empty_table_has_its_columns(folder: Folder):
    write_manifest_parquet(folder, [])
    table = pq.read_table(io.BytesIO(folder.read("manifest.parquet")))
    assert table.num_rows == 0
    assert {"pair_id", "split", "record"} <= set(table.column_names)


@pytest.mark.parametrize("count", [10_000, 10_001])
def test_long_tables_are_written_in_row_groups(folder: Folder, count: int):
    row = {"stage": "reals", "chunk": 0, "started": 0, "ended": 1, "note": ""}
    write_provenance(folder, ({**row, "chunk": number} for number in range(count)))
    file = pq.ParquetFile(io.BytesIO(folder.read("provenance.parquet")))
    assert (file.metadata.num_rows, file.num_row_groups) == (count, -(-count // 10_000))
    assert file.read()["chunk"].to_pylist() == list(range(count))


def test_provenance_is_in_utc(folder: Folder):
    write_provenance(folder, [{"stage": "reals", "chunk": 3, "started": 0, "ended": 1500, "note": ""}])
    (row,) = parquet(folder, "provenance.parquet")
    assert row["started"] == datetime(1970, 1, 1, tzinfo=UTC)
    assert row["ended"] == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


def test_attribution_names_each_real_image_once_in_the_order_of_the_pairs(make_pair: Callable[..., Pair]):
    pairs = [make_pair(2), make_pair(1), make_pair(2, view="patch")]
    rows = attribution(*pairs)
    assert [row["key"] for row in rows] == [pairs[0].image.key, pairs[1].image.key]
    assert rows[0]["license"] == "CC0-1.0"
    assert rows[0]["changes"] == "cropped, resized and encoded again"


@settings(max_examples=80)
@given(st.fixed_dictionaries({name: st.text('ab,;"\n\r\t\0é\u2028\x85 ', max_size=6) for name in FREE}))
def test_commas_quotes_and_new_lines_survive(make_pair: Callable[..., Pair], fields: dict[str, str]):
    (row,) = attribution(make_pair(1, **fields))
    assert {name: row[name] for name in FREE} == fields


@pytest.mark.parametrize(
    "text",
    [
        "=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1",
        "\uff1d1", "\uff0b1", "\uff0d1", "\uff201",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["author", "title", "source_id"])
def test_what_a_spreadsheet_would_take_for_a_formula_is_text(make_pair: Callable[..., Pair], name: str, text: str):
    assert attribution(make_pair(1, **{name: text}))[0][name] == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "a=b", "1-2", "me@example.org", "'", "\t", "–1"])  # noqa: RUF001
def test_other_text_stays_as_it_is(make_pair: Callable[..., Pair], text: str):
    assert attribution(make_pair(1, author=text))[0]["author"] == text


def test_a_record_in_the_table_is_the_manifest_s_line(folder: Folder, make_pair: Callable[..., Pair]):
    write_manifest_parquet(folder, [make_pair(1, title='"é"\n')])
    (row,) = parquet(folder, "manifest.parquet")
    assert json.loads(str(row["record"]))["image"]["title"] == '"é"\n'


def test_labels_have_a_column_where_images_stand_alone(
    folder: Folder, make_pair: Callable[..., Pair], make_single: Callable[..., Pair]
):
    pairs = [make_single(0), make_single(1, generator="painter"), make_pair(2)]
    write_manifest_parquet(folder, pairs, labels=True)
    rows = parquet(folder, "manifest.parquet")
    assert [row["label"] for row in rows] == [0, 1, None]
    assert [row["generators"] for row in rows] == ["", "painter", "painter,vae"]
    assert [row["real_key"] for row in rows] == [pair.image.key for pair in pairs]


def test_attribution_tells_prompts_from_images(make_single: Callable[..., Pair]):
    rows = attribution(make_single(0), make_single(1, variant="prompt", source_caption="a wall"))
    assert [row["changes"] for row in rows] == [
        "cropped, resized and encoded again",
        "an image was made from it",
    ]


@pytest.mark.parametrize("count", [0, 1, 1024, 1025, 10_000, 20_001])
def test_pieces_end_where_row_groups_do(count: int):
    parts = list(pieces(range(count)))
    assert [number for part in parts for number in part] == list(range(count))
    ends = set(itertools.accumulate(map(len, parts)))
    assert set(range(10_000, count + 1, 10_000)) <= ends
    assert max(map(len, parts), default=0) <= 1024
