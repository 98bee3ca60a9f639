"""What a preset changes in a recipe, and what it may not."""

from typing import Any

import pytest

from flows.presets import apply_preset
from manifests.errors import RecipeError


def recipe(**presets: Any) -> dict[str, Any]:
    return {
        "name": "set",
        "sources": [
            {"name": "photos", "type": "laion", "path": "laion", "shards": [4, 6], "limit": 1000},
            {"name": "fakes", "type": "folder", "path": "fakes", "limit_per_class": 50},
        ],
        "split": {"method": "exact", "counts": {"train": 1333, "test": 28}},
        "views": [{"name": "scene", "size": 512, "generators": ["a", "b"]}],
        "presets": presets,
    }


def test_without_a_preset_the_recipe_is_as_it_is():
    whole = recipe(debug={"name": "small"})
    expected = {name: table for name, table in whole.items() if name != "presets"}
    assert apply_preset(whole, "full", "r.toml") == expected
    assert "presets" in whole


def test_tables_are_laid_over_key_by_key_and_lists_by_name():
    change = {
        "sources": [{"name": "fakes", "path": "world/fakes"}],
        "views": [{"name": "scene", "size": 64, "generators": ["a"]}],
        "split": {"counts": {"train": 5}},
        "classifier": {"epochs": 1},
    }
    changed = apply_preset(recipe(debug=change), "debug", "r.toml")
    assert changed["sources"] == [recipe()["sources"][0], {**recipe()["sources"][1], "path": "world/fakes"}]
    assert changed["views"] == [{"name": "scene", "size": 64, "generators": ["a"]}]
    assert changed["split"] == {"method": "exact", "counts": {"train": 5, "test": 28}}
    assert changed["classifier"] == {"epochs": 1}


def test_presets_may_follow_one_another():
    whole = recipe(
        debug={"classifier": {"epochs": 1, "generators": ["a"]}}, specialist={"classifier": {"generators": ["b"]}}
    )
    assert apply_preset(whole, "debug,specialist", "r.toml")["classifier"] == {"epochs": 1, "generators": ["b"]}
    assert apply_preset(whole, "specialist,debug", "r.toml")["classifier"] == {"epochs": 1, "generators": ["a"]}


def test_a_table_of_another_kind_replaces_the_whole_one():
    change = {"sources": [{"name": "photos", "type": "folder", "path": "world"}], "split": {"method": "hash"}}
    changed = apply_preset(recipe(debug=change), "debug", "r.toml")
    assert changed["sources"][0] == {"name": "photos", "type": "folder", "path": "world"}
    assert changed["split"] == {"method": "hash"}


def test_a_scale_makes_limits_and_counts_smaller_and_nothing_else():
    changed = apply_preset(recipe(small={"scale": 0.01}), "small", "r.toml")
    assert [source.get("limit") for source in changed["sources"]] == [10, None]
    assert changed["sources"][1]["limit_per_class"] == 1
    assert changed["sources"][0]["shards"] == [4, 6]
    assert changed["split"]["counts"] == {"train": 13, "test": 1}
    assert changed["views"] == recipe()["views"]


@pytest.mark.parametrize(
    ("presets", "wanted", "words"),
    [
        ({"debug": {}}, "tiny", "no preset 'tiny'; there are debug, full"),
        ({}, "a\nb", r"no preset 'a\\nb'; there are full"),
        ({"debug": 3}, "debug", "holds tables"),
        ({"debug": {"scale": 2}}, "debug", "presets.debug.scale = 2: expected a number above 0"),
        (
            {"debug": {"views": [{"name": "patch"}]}},
            "debug",
            "presets.debug.views: the recipe has no 'patch'; it has scene",
        ),
    ],
)
def test_one_clear_line(presets: dict[str, Any], wanted: str, words: str):
    with pytest.raises(RecipeError) as caught:
        apply_preset(recipe(**presets), wanted, "r.toml")
    assert words.replace("\\\\", "\\") in str(caught.value)
    assert "\n" not in str(caught.value)
