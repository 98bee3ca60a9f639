from pathlib import Path
from typing import Any

import pytest

from classifier.config import ClassifierConfig
from classifier.distillation_config import DistillConfig
from classifier.replay_config import ContinueConfig, ReplayRatio
from flows.recipe import Recipe, parse_recipe
from flows.tables import read_table
from manifests.dataset import Dataset
from manifests.errors import RecipeError
from manifests.header import Header

RECIPE = """
name = "small"

[[sources]]
type = "folder"
path = "photographs"

[[views]]
name = "patch"
framing = "patch"
frame = 64
size = 64
generators = ["vae"]

[caption]
source = "class-template"

[[generators]]
name = "vae"
method = "reconstruct"
model = "org/autoencoder"

[classifier]
weights = "first.safetensors"

[continue]
epochs = 2
replay = { new = 1, old = 8 }

[presets.debug.continue]
epochs = 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return str(path)


def dataset(folder: Path, recipe: dict[str, Any]) -> Dataset:
    header = Header(
        twinset="0", name="tiny", salt="", recipe=recipe, generators=[], views=[], pairs_per_shard=1, shards=[],
        encoders={}, jpeg_tables={},
    )  # fmt: skip
    (folder / "manifest.jsonl").write_text(header.model_dump_json() + "\n")
    return Dataset.open(str(folder))


def test_a_named_recipe_goes_before_the_datasets_own(recipe: str, tmp_path: Path):
    own = dataset(tmp_path, {"continue": {"epochs": 7}})
    assert read_table(ContinueConfig, "continue", own, None, "full").epochs == 7
    named = read_table(ContinueConfig, "continue", own, recipe, "full")
    assert (named.epochs, named.replay) == (2, ReplayRatio(new=1, old=8))
    assert read_table(ContinueConfig, "continue", own, recipe, "debug").epochs == 1


def test_paths_start_from_the_recipe_and_missing_tables_are_the_defaults(recipe: str, tmp_path: Path):
    own = dataset(tmp_path, {})
    assert read_table(ClassifierConfig, "classifier", own, recipe, "full").weights == str(
        tmp_path / "first.safetensors"
    )
    assert read_table(DistillConfig, "distill", own, recipe, "full") == DistillConfig()
    assert read_table(ContinueConfig, "continue", own, None, "full") == ContinueConfig()


def test_the_published_second_phase_is_the_default():
    first = ClassifierConfig(weight_decay=0.02, epochs=8, layer_decay=0.8, pretrained=True, patience=3)
    second = ContinueConfig().training(first, "model.safetensors", 256)
    assert (second.epochs, second.learning_rate, second.layer_decay) == (5, 7.5e-5, 0.85)
    assert (second.warmup, second.min_learning_rate, second.schedule) == (0.07, 1e-7, "cosine")
    assert (second.weights, second.pretrained, second.image_size) == ("model.safetensors", False, 256)
    # what is not said stays as it was
    assert (second.weight_decay, second.patience) == (0.02, 3)


def test_the_table_keeps_its_name_where_it_is_stored(recipe: str):
    import tomllib

    content = tomllib.loads(Path(recipe).read_text())
    content.pop("presets")
    parsed = parse_recipe(content, "recipe")
    assert Recipe.model_validate(parsed.model_dump(mode="json")) == parsed
    assert parsed.model_dump(mode="json")["continue"]["epochs"] == 2


def test_what_is_wrong_in_a_table_is_named(recipe: str, tmp_path: Path):
    own = dataset(tmp_path, {"continue": {"epochs": 0}})
    with pytest.raises(RecipeError, match=r"continue\.epochs: .*greater than or equal to 1"):
        read_table(ContinueConfig, "continue", own, None, "full")
    Path(recipe).write_text(RECIPE.replace("epochs = 2", "epoch = 2"))
    with pytest.raises(RecipeError, match=r"unknown key `continue\.epoch`; valid keys here are epochs, batch_size"):
        read_table(ContinueConfig, "continue", own, recipe, "full")
    Path(recipe).write_text(RECIPE.replace("old = 8", "old = 0"))
    with pytest.raises(RecipeError, match=r"continue\.replay\.old"):
        read_table(ContinueConfig, "continue", own, recipe, "full")
