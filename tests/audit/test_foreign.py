"""What all datasets of other people have in common, however they lie."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.foreign import ForeignItem, open_foreign
from audit.foreign.labels import label_of_class
from tests.audit.foreign_sets import hub, listed, put


@pytest.fixture(params=["folder", "parquet", "csv"])
def any_set(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    match request.param:
        case "folder":
            put(tmp_path, *(f"{label}/{number}.jpg" for label in ("real", "fake") for number in range(3)))
        case "parquet":
            hub(tmp_path / "x" / "a.parquet", ["real", "fake"] * 2)
            hub(tmp_path / "x" / "b.parquet", ["real", "fake"])
        case _:
            put(tmp_path, *(f"{number}.jpg" for number in range(6)))
            listed(
                tmp_path / "a.csv", [["file_name", "label"], *([f"{i}.jpg", ["real", "fake"][i % 2]] for i in range(6))]
            )
    return tmp_path


def test_items_are_found_again_by_name(any_set: Path):
    dataset = open_foreign(str(any_set))
    everything: list[ForeignItem] = list(dataset)
    assert len({item.name for item in everything}) == dataset.count == 6
    wanted = [everything[index] for index in (1, 3, 5)]
    assert list(dataset.pick({item.name for item in wanted} | {"nothing", "nothing:x"})) == wanted


@given(st.text(max_size=20))
def test_any_name_has_at_most_one_meaning(name: str):
    assert label_of_class(name) in (None, 0, 1)
    assert label_of_class(name.upper()) == label_of_class(name.casefold().upper())
