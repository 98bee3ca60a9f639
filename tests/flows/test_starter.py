"""First recipes: whatever is chosen, the text is a recipe, and says what was chosen."""

import tomllib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.recipe import Recipe, parse_recipe
from flows.starter.choices import Captions, Choices, Framing, SourceKind, generator_names
from flows.starter.writing import recipe_text
from generation.model_presets import PRESETS


def choices(**changes: object) -> Choices:
    return Choices.model_validate({"name": "first", "source": "folder", "path": "photographs"} | changes)


def read(chosen: Choices) -> Recipe:
    return parse_recipe(tomllib.loads(recipe_text(chosen, "models")), "test")


@pytest.mark.parametrize("generator", generator_names())
@pytest.mark.parametrize("framing", list(Framing))
def test_each_generator_has_a_recipe_in_each_framing(generator: str, framing: Framing):
    if framing is Framing.PATCH and generator in PRESETS and "image-to-image" not in PRESETS[generator].methods:
        with pytest.raises(ValidationError, match="answers captions alone"):
            choices(generators=(generator,), framing=framing)
        return
    recipe = read(choices(generators=(generator,), framing=framing))
    view = recipe.views[0]
    assert view.framing == framing.value
    if framing is Framing.SCENE:
        assert view.size <= view.frame / (1.6 if generator == "demo" else 2)
    elif generator in PRESETS:
        assert view.frame + 2 * view.margin == PRESETS[generator].native_side


def test_each_source_and_caption_has_a_recipe():
    for source, captions in product(SourceKind, Captions):
        recipe = read(choices(source=source, path="org/name", captions=captions, limit=7, license="CC BY 4.0"))
        assert recipe.sources[0].type == source.value
        assert recipe.sources[0].limit == 7
        assert recipe.caption is not None
        assert recipe.caption.source == captions.value


def test_sizes_and_the_classifier_are_as_asked():
    recipe = read(choices(frame=768, size=400, generators=("sd15", "flux-schnell"), has_classifier=False))
    assert (recipe.views[0].frame, recipe.views[0].size) == (768, 400)
    assert recipe.views[0].generators == ("sd15", "flux_schnell")
    assert recipe.classifier is None
    assert recipe.generator("sd15").license == "creativeml-openrail-m"


def test_the_demos_models_are_named_as_the_recipe_sees_them():
    recipe = read(choices(generators=("demo",)))
    assert recipe.generators[0].model == "models/stable-diffusion"
    assert recipe.caption is not None
    assert recipe.caption.model_dump()["model"] == "models/blip"


def test_an_unknown_generator_is_refused_with_those_that_there_are():
    with pytest.raises(ValidationError, match="generator 'dalle': expected one of sd14, "):
        choices(generators=("dalle",))


@given(path=st.text(min_size=1).filter(lambda text: text.isprintable() or "\n" in text or "\x7f" in text))
def test_any_path_comes_back_from_the_text(path: str):
    path = path.encode("utf-8", "replace").decode()
    assert read(choices(path=path)).sources[0].model_dump()["path"] == path
