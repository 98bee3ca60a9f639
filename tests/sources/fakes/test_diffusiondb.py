"""DiffusionDB: zips with a JSON each, and a table of metadata."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from manifests.errors import RejectedItem, SourceError
from manifests.records import ExistingFake, Reason
from sources.base import Fetched, Listing
from sources.fakes.diffusiondb import DiffusionDbConfig

NAMES = tuple(f"{number:08d}-26ea-4303-bbe1-b095853f5360.png" for number in range(6))
PARTS = {1: NAMES[:2], 2: NAMES[2:4], 5: NAMES[4:]}


def described(name: str) -> dict[str, Any]:
    number = NAMES.index(name)
    return {"p": f'a "castle",\nview {number}', "se": 1000 + number, "c": 7.0, "st": 50, "sa": "k_lms"}


def write_zip(path: Path, number: int, names: tuple[str, ...], text: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name.encode())
        archive.writestr(
            f"part-{number:06d}.json", json.dumps({name: described(name) for name in names}) if text is None else text
        )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three zips of two images each."""
    for number, names in PARTS.items():
        write_zip(tmp_path / f"set/images/part-{number:06d}.zip", number, names)
    return tmp_path / "set"


@pytest.fixture
def table(root: Path) -> Path:
    """The table of metadata, with a row of a zip that is not there."""
    rows = len(NAMES) + 1
    columns = {
        "image_name": pa.array([*NAMES, "elsewhere.png"]),
        "prompt": pa.array([f"prompt {number}" for number in range(rows)]),
        "part_id": pa.array([1, 1, 2, 2, 5, 5, 3], pa.uint16()),
        "seed": pa.array(range(rows), pa.uint32()),
        "step": pa.array([50] * rows, pa.uint16()),
        "cfg": pa.array([7.0] * rows, pa.float32()),
        "sampler": pa.array([8, 8, 1, 4, 8, 9, 8], pa.uint8()),
        "width": pa.array([512, 512, 512, 768, 512, 512, 512], pa.uint16()),
        "height": pa.array([512, 640, 512, 512, 512, 512, 512], pa.uint16()),
        "user_name": pa.array(["0" * 64] * rows),
        "timestamp": pa.array([0] * rows, pa.timestamp("ms", tz="UTC")),
        "image_nsfw": pa.array([0.0, 0.25, 2.0, 0.5, None, float("nan"), 0.0], pa.float32()),
        "prompt_nsfw": pa.array([0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0], pa.float32()),
    }
    pq.write_table(pa.table(columns), root / "metadata.parquet")
    return root


def listed(path: Path, **settings: Any) -> list[Listing]:
    return list(DiffusionDbConfig(path=str(path), **settings).open().list())


def numbers(path: Path, **settings: Any) -> list[int]:
    return [NAMES.index(listing.source_id) for listing in listed(path, **settings)]


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        listed(path, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_the_table_each_zip_describes_its_images(root: Path):
    images = listed(root)
    assert [listing.source_id for listing in images] == list(NAMES)
    assert images[3].made == ExistingFake(
        generator="stable_diffusion",
        prompt='a "castle",\nview 3',
        settings={"seed": 1003, "cfg": 7.0, "steps": 50, "sampler": "k_lms"},
    )
    assert {(listing.terms, listing.license) for listing in images} == {("open", "CC0-1.0")}
    assert {tuple(listing.scores) for listing in images} == {()}


def test_the_table_adds_scores_and_names_samplers(table: Path):
    images = {NAMES.index(listing.source_id): listing for listing in listed(table, keep_blurred=True)}
    assert list(images) == [0, 1, 2, 3, 4, 5], "and no row of a zip that is not there"
    assert images[1].scores == {"image_nsfw": 0.25, "prompt_nsfw": 0.5}
    assert images[4].scores == images[5].scores == {"prompt_nsfw": 0.0}
    assert [image.made.settings["sampler"] for image in images.values() if image.made] == [
        "k_lms",
        "k_lms",
        "ddim",
        "k_euler_ancestral",
        "k_lms",
        "others",
    ]
    assert images[1].made == ExistingFake(
        generator="stable_diffusion",
        prompt="prompt 1",
        settings={"seed": 1, "cfg": 7.0, "steps": 50, "sampler": "k_lms"},
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 1, 3, 4, 5]),  # 2 was blurred by the publisher
        ({"max_image_nsfw": 0.3}, [0, 1]),  # an unknown score passes no limit
        ({"max_prompt_nsfw": 0.1}, [0, 3, 4, 5]),
        ({"samplers": ["k_lms"]}, [0, 1, 4]),
        ({"max_width": 512, "max_height": 512}, [0, 4, 5]),
        ({"min_width": 700}, [3]),
        ({"parts": [1, 2]}, [0, 1, 3]),
        ({"limit": 2, "order": "source"}, [0, 1]),
    ],
)
def test_filters_leave_rows_out(table: Path, settings: dict[str, Any], expected: list[int]):
    assert numbers(table, **settings) == expected


def test_samplers_are_told_without_the_table_too(root: Path):
    assert numbers(root, samplers=["k_lms"]) == [0, 1, 2, 3, 4, 5]
    assert "no image of the 3 zips passes the filters" in refused(root, samplers=["ddim"])


def test_a_folder_of_nothing_but_zips_will_do(root: Path):
    assert numbers(root / "images", parts=[5, 5]) == [4, 5]


def test_diffusiondb_large_lies_in_two_folders(tmp_path: Path):
    for number, folder in ((1, "diffusiondb-large-part-1"), (10001, "diffusiondb-large-part-2")):
        write_zip(tmp_path / folder / f"part-{number:06d}.zip", number, PARTS[1 if number == 1 else 2])
    assert numbers(tmp_path, subset="large") == [0, 1, 2, 3]
    assert numbers(tmp_path, subset="large", parts=[10001, 10001]) == [2, 3]


def test_bytes_come_as_they_are_with_what_made_them(root: Path):
    source = DiffusionDbConfig(path=str(root)).open()
    listings = list(source.list())[::-1]
    outcomes = list(source.fetch(listings, root))
    assert [listing for listing, _ in outcomes] == listings
    for listing, outcome in outcomes:
        assert isinstance(outcome, Fetched)
        assert outcome.data == listing.source_id.encode()
        assert outcome.image.made == listing.made


def test_what_a_zip_lacks_or_has_damaged_is_rejected_and_the_rest_goes_on(root: Path):
    listings = listed(root)
    path = root / "images/part-000001.zip"
    data = path.read_bytes()
    path.write_bytes(data.replace(NAMES[0].encode(), b"x" * len(NAMES[0]), 2)[: len(data)])
    write_zip(root / "images/part-000002.zip", 2, NAMES[2:3])
    source = DiffusionDbConfig(path=str(root)).open()
    outcomes = [outcome for _, outcome in source.fetch(listings, root)]
    reasons = [outcome.reason if isinstance(outcome, RejectedItem) else None for outcome in outcomes]
    assert reasons == [Reason.TRUNCATED, None, None, Reason.NOT_FOUND, None, None]
    small = DiffusionDbConfig(path=str(root), max_bytes=10).open()
    assert {outcome.reason for _, outcome in small.fetch(listings[4:], root) if isinstance(outcome, RejectedItem)} == {
        Reason.TOO_LARGE
    }


def test_a_range_with_a_gap_is_named_with_what_there_is(root: Path):
    words = refused(root, parts=[2, 5])
    assert "parts asks for 2 to 5, and 2 of them are not there, the first is part-000003.zip" in words
    assert "there are 3 zips, from 1 to 5" in words


def test_a_filter_of_the_table_needs_the_table(root: Path):
    assert "max_image_nsfw, min_width: needs metadata.parquet" in refused(root, max_image_nsfw=0.5, min_width=512)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"part-000002.json: .*fetch the zip again"),
        ('{"a.png": {"p": "x", "se": 1, "c": 7, "st": 50}}', r"part-000002.json: a.png.sa"),
        ('{"a.png": {"p": "x", "se": 1, "c": NaN, "st": 50, "sa": "ddim"}}', r"part-000002.json: a.png.c"),
        ("[]", r"part-000002.json"),
    ],
)
def test_a_json_that_is_not_as_published_is_named(root: Path, text: str, words: str):
    write_zip(root / "images/part-000002.zip", 2, NAMES[2:4], text)
    with pytest.raises(SourceError, match=words):
        listed(root)


def test_a_damaged_zip_is_one_clear_line(root: Path):
    path = root / "images/part-000002.zip"
    path.write_bytes(path.read_bytes()[:-30])
    assert "part-000002.zip: not a whole zip" in refused(root)
    write_zip(path, 7, NAMES[2:4])
    assert "part-000002.json: not in the zip" in refused(root)


def test_no_zips_and_twins_are_named(tmp_path: Path):
    assert "there is nothing" in refused(tmp_path / "nowhere")
    write_zip(tmp_path / "a/part-000001.zip", 1, NAMES[:2])
    write_zip(tmp_path / "b/part-000001.zip", 1, NAMES[:2])
    assert "part-000001.zip stands twice" in refused(tmp_path)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/images.zip").write_bytes(b"")
    assert "no zip is named part-000001.zip" in refused(tmp_path / "c")


def test_settings_are_checked():
    for parts in ([3, 1], [0, 4], [1]):
        with pytest.raises(ValidationError, match="parts"):
            DiffusionDbConfig(path="p", parts=parts)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="names no classes"):
        DiffusionDbConfig(path="p", limit_per_class=3)


@pytest.mark.parametrize("column", ["part_id", "seed", "sampler", "image_nsfw", "width"])
def test_a_table_of_other_types_is_named(table: Path, column: str):
    rows = pq.read_table(table / "metadata.parquet")
    words = pa.array(["one"] * rows.num_rows)
    pq.write_table(rows.set_column(rows.schema.get_field_index(column), column, words), table / "metadata.parquet")
    assert f"row 0, column '{column}': str stands where a number is expected" in refused(table, max_width=600)
