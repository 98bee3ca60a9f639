"""The shipped recipes: each is one, says what it makes, and runs in small on sets in its publishers' formats."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.plan import plan_recipe
from flows.published import load_published
from flows.recipe import Recipe, load_recipe
from manifests.dataset import Dataset
from manifests.errors import RecipeError
from manifests.splits import Item, assign
from twinset.cli import app

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
DEMO = "demo"
REDUCED = 1.5
"""F over S in scene framing, at least: see docs/alignment-steps.md."""


def shipped(name: str) -> Path:
    return next(path for path in RECIPES if path.stem == name)


def planned(name: str) -> dict[str, int | None]:
    path = shipped(name)
    plan = plan_recipe(load_recipe(path), path.parent, published=load_published(path))
    return {source.name: source.images for source in plan.sources} | {"all": plan.made}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_each_preset_is_a_recipe(path: Path):
    presets = tomllib.loads(path.read_text()).get("presets", {})
    assert path.stem == DEMO or {"debug", "small"} <= presets.keys()
    for preset in ("full", *presets):
        recipe = load_recipe(path, preset)
        assert recipe.name == path.stem
        # a recipe is written into its dataset, and read from there again
        assert Recipe.model_validate(recipe.model_dump(mode="json", by_alias=True)) == recipe


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_what_is_aligned_is_reduced_as_the_null_control_asks(path: Path):
    recipe = load_recipe(path)
    scenes = [view for view in recipe.views if view.framing == "scene"]
    if recipe.alignment.mode == "aligned":
        assert all(view.frame >= REDUCED * view.size for view in scenes)
    assert recipe.audit.null_control is not False


@pytest.mark.parametrize("path", [path for path in RECIPES if path.stem != DEMO], ids=lambda path: path.stem)
def test_a_small_preset_asks_the_web_for_nothing(path: Path):
    recipe = load_recipe(path, "debug")
    for source in (*recipe.sources, *recipe.candidates):
        places = [str(getattr(source, name, "")) for name in ("path", "csv", "devkit")]
        assert not getattr(source, "repo", "")
        assert all(place.startswith(("world/", "http://127.0.0.1:")) for place in places if place)
    for model in (recipe.caption, *recipe.generators):
        assert getattr(model, "model", "world/").startswith("world/")
    assert recipe.classifier is None or not recipe.classifier.pretrained


def test_published_counts_are_planned():
    sdxl, published = planned("sdxl-detector"), load_published(shipped("sdxl-detector"))
    assert published is not None
    assert sdxl["all"] == published.counts["real"] + published.counts["fake"] == 19034
    split = load_recipe(shipped("sdxl-detector")).split.counts
    assert split == {name: published.counts[name] for name in ("train", "validation", "test")}
    assert planned("realfake")["all"] == 2_000_000
    assert planned("realfake-test") == {"prompts": 2500, "imagenet": 2500, "all": 5000}
    assert planned("convnext-continual")["all"] == 400_000
    assert planned("convnext-continual-2")["all"] == 20_000


@pytest.mark.parametrize("recipe", ["convnext-continual", "convnext-continual-2"])
def test_images_of_sets_that_hold_both_labels_are_counted_beside_the_published(recipe: str):
    path = shipped(recipe)
    published = load_published(path)
    assert published is not None
    counts = plan_recipe(load_recipe(path), path.parent, published=published).counts
    assert counts["images"] == published.counts["images"]


def test_the_plan_shows_published_numbers_as_such():
    result = CliRunner().invoke(app, ["plan", str(shipped("sdxl-detector"))])
    assert result.exit_code == 0
    assert "beside what was published, which nothing here has measured" in result.stdout
    assert "13,323" in result.stdout
    assert "images, at most: 19,034" in result.stdout
    assert re.search(r"real\W+9,034\W+9,034", result.stdout)
    assert re.search(r"fake_test\W+1,500\W+1,536", result.stdout)
    assert "splits: train 13,323, validation 2,855, test 2,856" in result.stdout
    told = json.loads(CliRunner().invoke(app, ["plan", str(shipped("realfake")), "--json"]).stdout)
    assert told["published"]["counts"]["fake_validation"] == 101_215
    assert told["counts"]["fake_validation"] == 50_000
    assert told["splits"] == {"train": 1_800_000, "validation": 100_000, "test": 100_000}
    assert told["sources"][1]["absent"].endswith("data/laion2B-en-aesthetic")
    assert "published" not in load_recipe(shipped("realfake")).model_dump()


def test_published_numbers_have_a_source(tmp_path: Path):
    path = tmp_path / "r.toml"
    path.write_text("[published]\nsorce = 'a card'\n")
    with pytest.raises(RecipeError, match=r"r\.toml: published\.source: Field required"):
        load_published(path)


def test_the_published_split_is_cut_exactly():
    config = load_recipe(shipped("sdxl-detector")).split
    items = [Item(key=f"{number:016x}") for number in range(19034)]
    splits = Counter(assignment.split for assignment in assign(items, config, "sdxl-detector"))
    assert splits == {"train": 13323, "validation": 2855, "test": 2856}


def test_realfakes_classes_are_disjoint_and_twins_follow_their_class():
    config = load_recipe(shipped("realfake")).split
    items = [Item(key=f"{number:016x}", class_label=f"n{number % 1000:08d}") for number in range(3000)]
    items += [Item(key=f"{number:016x}") for number in range(3000, 5000)]
    splits = {assignment.key: assignment.split for assignment in assign(items, config, "realfake")}
    of_class = [
        {splits[item.key] for item in items[:3000] if item.class_label == f"n{number:08d}"} for number in range(1000)
    ]
    assert all(len(found) == 1 for found in of_class)
    assert 0.85 < sum(found == {"train"} for found in of_class) / 1000 < 0.95


def test_a_detectors_set_is_built_in_small(tmp_path: Path):
    from demo.small_sets import small_world
    from flows.folder import BuildFolder
    from flows.stages.audit import build_stages

    with small_world("sdxl-detector", tmp_path / "world"):
        build = BuildFolder(load_recipe(shipped("sdxl-detector"), "debug"), str(tmp_path), str(tmp_path / "out"))
        build.claim()
        for stage in build_stages(build):
            if stage.name == "audit":
                break
            for index in stage.pending():
                stage.run(index)
            stage.finish()
    dataset = Dataset.open(str(tmp_path / "out"))
    pairs = list(dataset.pairs())
    assert Counter(pair.split for pair in pairs) == {"train": 112, "validation": 24, "test": 24}
    assert Counter(pair.label for pair in pairs) == {0: 80, 1: 80}
    assert {pair.generator for pair in pairs} == {"", "sdxl"}
    assert {(pair.members["image"].width, pair.members["image"].height) for pair in pairs} == {(64, 64)}
