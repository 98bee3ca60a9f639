import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.errors import DatasetError
from manifests.storage import Folder
from pages.app.catalogue import MANIFEST, Catalogue, Filters, Row

ROWS, GROUP = 50_000, 5_000
SPLITS = ("train", "train", "train", "validation", "test")


def row(number: int) -> dict[str, object]:
    similarity = f"{(number % 100) / 100}"
    retrieved = '{"source":"elsewhere"}' if number % 2 else "null"
    return {
        "pair_id": f"{number:016x}-scene",
        "split": SPLITS[number % 5],
        "view": "scene" if number % 3 else "patch",
        "framing": "scene",
        "source": "early" if number < ROWS // 2 else "late",
        "class_label": f"class {number % 40}",
        "caption": f"A Photo of thing {number % 700}, nicely lit",
        "width": 64,
        "height": 64,
        "generators": ("vae", "painter,vae")[number % 2],
        "shard": "train-scene-000000.tar",
        "record": f'{{"number":{number},"fakes":{{"vae":{{"similarity":{similarity},"retrieved":{retrieved}}}}}}}',
    }


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    return [row(number) for number in range(ROWS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> Folder:
    place = tmp_path_factory.mktemp("large")
    pq.write_table(pa.Table.from_pylist(rows), place / MANIFEST, row_group_size=GROUP, compression="zstd")
    return Folder.at(str(place))


@pytest.fixture(scope="module")
def catalogue(folder: Folder) -> Catalogue:
    return Catalogue(folder)


def ids(rows: list[Row]) -> list[str]:
    return [row.pair_id for row in rows]


def matches(row: dict[str, object], filters: Filters) -> bool:
    named = filters.generator in str(row["generators"]).split(",") if filters.generator else True
    words = all(word.lower() in str(row["caption"]).lower() for word in filters.text.split())
    return named and words and all(row[column] == value for column, value in filters.equal.items())


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(split="test"),
        Filters(source="late", view="patch"),
        Filters(class_label="class 7", split="validation"),
        Filters(generator="painter"),
        Filters(text="THING 69 nicely"),
        Filters(text="100%"),
        Filters(split="test", text="lit thing", generator="vae", source="early"),
        Filters(class_label="no such class"),
    ],
)
def test_pages_are_the_filtered_rows_in_order(catalogue: Catalogue, rows: list[dict[str, object]], filters: Filters):
    expected = [str(row["pair_id"]) for row in rows if matches(row, filters)]
    selection = catalogue.select(filters)
    for start in (0, 12, max(len(expected) - 5, 0)):
        assert ids(selection.page(start, 12, limit=100, patience=100)) == expected[start : start + 12]
    assert selection.is_complete
    assert selection.count == len(expected)
    assert selection.page(len(expected) + 100, 12) == []


def test_a_page_crosses_row_groups(catalogue: Catalogue):
    assert ids(catalogue.select(Filters()).page(GROUP - 2, 4)) == [
        f"{number:016x}-scene" for number in range(GROUP - 2, GROUP + 2)
    ]


def test_a_search_stops_at_its_limit_and_goes_on_from_there(folder: Folder):
    selection = Catalogue(folder).select(Filters(source="late"))
    seen = []
    while not selection.is_complete:
        seen.append(len(selection.page(0, 12, limit=0, patience=0)))
    # one row group a call: the first half of the file holds none
    assert len(seen) == ROWS // GROUP
    assert seen[:5] == [0] * 5
    assert seen[5] == 12
    assert selection.looked_at == 1


def test_a_full_page_does_not_wait_for_the_count(folder: Folder):
    selection = Catalogue(folder).select(Filters(split="test"))
    assert len(selection.page(0, 12, patience=0)) == 12
    assert not selection.is_complete
    assert selection.count == GROUP // 5


def test_the_least_similarity_of_retrieved_fakes(catalogue: Catalogue):
    found = catalogue.select(Filters(similarity=0.98, class_label="class 19")).page(0, 1000, limit=100, patience=100)
    assert found
    assert all(int(row.pair_id[:16], 16) % 100 == 99 for row in found)


def test_a_pair_by_its_id_its_place_and_in_full(catalogue: Catalogue):
    found = catalogue.find(f"{31_234:016x}-scene")
    assert found is not None
    assert found == catalogue.at(31_234)
    assert catalogue.record(found).startswith('{"number":31234,')
    assert found.caption == "A Photo of thing 434, nicely lit"
    with pytest.raises(IndexError):
        catalogue.at(ROWS)


@pytest.mark.parametrize(
    "pair_id", ["", "f" * 16 + "-scene", "../../etc/passwd", "' or 1=1", "\x00", "0" * 16 + "-scene\n"]
)
def test_what_is_no_pair_is_not_found(catalogue: Catalogue, pair_id: str):
    assert catalogue.find(pair_id) is None


def test_the_values_that_can_be_asked_for(catalogue: Catalogue):
    choices = catalogue.choices()
    assert choices.sources == ("early", "late")
    assert choices.views == ("patch", "scene")
    assert choices.generators == ("painter", "vae")
    assert len(choices.classes) == 40


def test_a_deep_page_is_quick_and_small(catalogue: Catalogue):
    catalogue.select(Filters(text="thing 3")).page(0, 1, limit=100, patience=100)
    tracemalloc.start()
    started = time.process_time()
    assert len(catalogue.select(Filters(text="thing 3")).page(4_000, 12, limit=100)) == 12
    assert time.process_time() - started < 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


@pytest.mark.parametrize("broken", ["missing", "text", "column", "type"])
def test_a_table_that_is_none_is_named(tmp_path: Path, broken: str):
    if broken == "text":
        (tmp_path / MANIFEST).write_text("no table")
    elif broken == "column":
        pq.write_table(pa.table({"pair_id": ["a"]}), tmp_path / MANIFEST)
    elif broken == "type":
        pq.write_table(pa.Table.from_pylist([row(0) | {"caption": 7}]), tmp_path / MANIFEST)
    with pytest.raises(DatasetError, match=MANIFEST):
        Catalogue(Folder.at(str(tmp_path)))


def test_a_table_that_is_replaced_while_it_is_read_is_an_error_for_a_person(tmp_path: Path):
    pq.write_table(pa.Table.from_pylist([row(number) for number in range(100)]), tmp_path / MANIFEST)
    catalogue = Catalogue(Folder.at(str(tmp_path)))
    (tmp_path / MANIFEST).write_bytes(b"PAR1 and no more")
    with pytest.raises(DatasetError, match=MANIFEST):
        catalogue.rows(0, [0])


def test_nulls_are_shown_as_nothing(tmp_path: Path):
    table = pa.Table.from_pylist([row(0), row(1) | {"caption": None, "class_label": None, "generators": None}])
    pq.write_table(table, tmp_path / MANIFEST)
    catalogue = Catalogue(Folder.at(str(tmp_path)))
    assert catalogue.choices().generators == ("vae",)
    assert catalogue.at(1).caption == ""
    assert ids(catalogue.select(Filters(text="photo")).page(0, 5)) == [row(0)["pair_id"]]


def test_an_image_that_stands_alone_is_called_by_what_made_it(catalogue: Catalogue):
    fake = replace(catalogue.at(0), framing="single", generators="painter")
    real = replace(fake, generators="")
    assert (fake.label("image"), real.label("image"), fake.label("vae")) == ("painter", "real", "vae")
