"""What fuzzing has found, each in the smallest form that shows it."""

from pathlib import Path

import pytest

from audit.report import parse_report
from classifier.published import published_detector
from flows.recipe import load_recipe
from manifests.errors import DatasetError, ModelError, RecipeError, RejectedItem
from manifests.records import Reason
from pixels.config import ScreenRules
from pixels.inspect import inspect
from tests.fuzz.pictures import encoded, picture


def test_a_jpeg_of_two_frame_headers_is_rejected():
    data = encoded(picture())
    start = data.index(b"\xff\xc0")
    header = data[start : start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")]

    with pytest.raises(RejectedItem) as rejection:
        inspect(data[:start] + header + data[start:], ScreenRules(min_side=16))

    assert rejection.value.reason is Reason.UNDECODABLE


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000], ids=["digits", "brackets"])
def test_toml_beyond_all_bounds_is_refused(value: str, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"name = {value}")
    with pytest.raises(RecipeError, match="not valid TOML"):
        load_recipe(recipe)

    (tmp_path / "weights.toml").write_text(f"backbone = {value}")
    with pytest.raises(ModelError, match="not a description of a checkpoint"):
        published_detector(tmp_path / "weights.pt")


def test_a_damaged_audit_is_refused_by_its_place():
    with pytest.raises(DatasetError, match=r"set/reports/audit\.json: not an audit's report"):
        parse_report(b"{", "set/reports/audit.json")
