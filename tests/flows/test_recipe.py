"""What a recipe says when it is wrong: one line that names the place, what was expected, and what is valid."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.recipe import load_recipe, located
from generation.config import LoraConfig, TextToImageConfig
from manifests.errors import RecipeError

Recipe = Callable[..., Path]

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((REPOSITORY / "recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_are_valid(path: Path):
    assert load_recipe(path).name


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "small"', 'name = "small"\nspeed = 3', "unknown key `speed`; valid keys here are name, salt, sources"),
        ("size = 8", "sise = 8", "unknown key `chunks.sise`; valid keys here are size"),
        ("num_inference_steps = 2", "steps = 2", "`generators.0"),
        ("size = 8", "size = 0", "`chunks.size` = 0: Input should be greater than or equal to 1"),
        (
            'framing = "patch"',
            'framing = "wide"',
            "`views.1.framing` = 'wide': Input should be 'scene', 'patch' or 'single'",
        ),
        ('generators = ["vae"]', 'generators = ["vea"]', "no generator 'vea'; there are sd, vae"),
        ('name = "vae"', 'name = "sd"', "generators: the name 'sd' stands twice"),
        ('path = "', 'paht = "', "`sources.0.folder.path` is missing"),
        ("[caption]", "[[caption]]", "`caption`"),
        ('method = "reconstruct"', 'method = "recon"', "`generators.1`: Input tag 'recon' found using 'method'"),
        ('name = "small"', 'name = "small', "not valid TOML"),
    ],
)
def test_one_clear_line(recipe: Recipe, old: str, new: str, expected: str):
    path = recipe(replace={old: new})
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    text = str(caught.value)
    assert expected in text
    assert str(path) in text
    assert "\n" not in text


def test_missing_recipe(tmp_path: Path):
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")


def test_an_unused_generator_is_an_error(recipe: Recipe):
    path = recipe(replace={'generators = ["sd", "vae"]': 'generators = ["vae"]'})
    with pytest.raises(RecipeError, match="no view asks for sd"):
        load_recipe(path)


def lines(recipe: Recipe, *, old: str, new: str) -> list[str]:
    """The complaints about a recipe."""
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(replace={old: new}))
    return str(caught.value).partition(": ")[2].split("; ")


def test_valid_keys_are_those_of_the_method(recipe: Recipe):
    _, valid = lines(recipe, old='method = "reconstruct"', new='method = "reconstruct"\nsteps = 2')
    assert valid == "valid keys here are name, model, revision, license, dtype, batch_size, method"


def test_a_wrong_source_is_one_complaint(recipe: Recipe):
    assert len(lines(recipe, old='type = "folder"', new='type = "folder"\nlimit = 0')) == 1


def test_a_recipe_that_cannot_be_read(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "recipe.toml"):
        with pytest.raises(RecipeError, match="cannot be read"):
            load_recipe(path)


def test_paths_of_loras_and_checkpoints_start_from_the_recipes_folder(tmp_path: Path):
    config = TextToImageConfig(
        name="sd",
        model="tuned.safetensors",
        config="models/sd",
        lora=(LoraConfig(path="loras/film.safetensors", scale=0.5), LoraConfig(path="/elsewhere/film.safetensors")),
    )
    (tmp_path / "tuned.safetensors").touch()
    found = located(config, tmp_path)
    assert (found.model, found.config) == (str(tmp_path / "tuned.safetensors"), str(tmp_path / "models/sd"))
    assert [lora.path for lora in found.lora] == [
        str(tmp_path / "loras/film.safetensors"),
        "/elsewhere/film.safetensors",
    ]
    assert found.lora[0].scale == 0.5
