"""The small worlds of the shipped recipes, as far as they hold no fakes: the recipes' own sources read them."""

from pathlib import Path

import pytest

from demo.small_sets import small_world
from flows.plan import plan_recipe
from flows.recipe import load_recipe, located
from manifests.errors import TwinsetError

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("realfake-test", {"prompts": 32, "imagenet": 40}),
        ("realfake-twin", {"imagenet": 60}),
        ("sdxl-detector-aligned", {"photographs": 80}),
    ],
)
def test_a_recipes_sources_read_its_world(name: str, counts: dict[str, int], tmp_path: Path):
    recipe = load_recipe(RECIPES / f"{name}.toml", "debug")
    with small_world(name, tmp_path / "world"):
        plan = plan_recipe(recipe, tmp_path, count=True)
        assert {source.name: source.images for source in plan.sources} == counts
    if name == "realfake-test":
        return
    listings = list(located(recipe.sources[0], tmp_path).open().list())
    assert all(listing.made is None for listing in listings)
    # classes are called by words, which captions are made from
    assert name != "realfake-twin" or all(" " in listing.class_label for listing in listings)


def test_a_world_is_written_once_and_belongs_to_one_recipe(tmp_path: Path):
    with small_world("realfake-test", tmp_path):
        pass
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    with small_world("realfake-test", tmp_path):
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    with pytest.raises(TwinsetError, match="holds the world of another recipe"), small_world("realfake-twin", tmp_path):
        pass


def test_there_is_no_world_for_any_other_recipe(tmp_path: Path):
    with pytest.raises(TwinsetError, match=r"mine: no small world for this recipe; there are realfake, "):
        small_world("mine", tmp_path).__enter__()
    assert not list(tmp_path.iterdir())
