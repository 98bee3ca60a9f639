"""What a recipe may say of images that stand alone, and what it may not."""

import re
import tomllib
from pathlib import Path

import pytest

from flows.recipe import Recipe, parse_recipe
from manifests.errors import RecipeError
from manifests.records import ExistingFake, SourceImage

TEXT = """
name = "alone"

[[sources]]
type = "folder"
path = "photos"

[[sources]]
type = "dda"
path = "dda"

[[sources]]
type = "prompts"
path = "prompts.txt"

[[views]]
name = "photos"
framing = "single"
sources = ["folder", "dda"]
size = 64

[[views]]
name = "made"
framing = "single"
sources = ["prompts"]
generators = ["sd"]
frame = 128
size = 64

[[generators]]
name = "sd"
method = "text-to-image"
model = "models/sd"
"""

PAIRS = """
[[views]]
name = "pairs"
framing = "scene"
frame = 64
size = 64
generators = ["sd"]
"""


def parsed(text: str) -> Recipe:
    return parse_recipe(tomllib.loads(text), "alone.toml")


def image(source: str, **fields: object) -> SourceImage:
    return SourceImage(key="0" * 16, source=source, source_id="1", sha256="0" * 64, size=1, **fields)


def test_single_views_need_neither_captioner_nor_frame():
    recipe = parsed(TEXT)
    assert recipe.caption is None
    assert [view.frame for view in recipe.views] == [64, 128]
    assert parse_recipe(recipe.model_dump(mode="json"), "again") == recipe


def test_each_image_goes_where_its_kind_belongs():
    recipe = parsed(TEXT + PAIRS + '[caption]\nsource = "source"\n')
    images = {
        "real": image("folder"),
        "fake": image("dda", made=ExistingFake(generator="vae")),
        "prompt": image("prompts", variant="prompt", source_caption="a cat"),
    }
    taken = {name: [view.name for view in recipe.views if view.takes(one)] for name, one in images.items()}
    assert taken == {"real": ["photos", "pairs"], "fake": ["photos"], "prompt": ["made"]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('sources = ["folder", "dda"]\n', "", "sources: view photos is single; name the sources"),
        (
            '["folder", "dda"]',
            '["folder", "ddb"]',
            "views.photos.sources: no source 'ddb'; there are folder, dda, prompts",
        ),
        ('["folder", "dda"]', '["folder"]', "sources: no view takes dda"),
        ('["folder", "dda"]', '["folder", "dda", "prompts"]', "prompts go into single views with a generator"),
        ('sources = ["prompts"]', 'sources = ["dda"]', "views.made.sources: dda is of type dda"),
        ('generators = ["sd"]', 'generators = ["sd", "sd2"]', "give each generator a view of its own"),
        ("size = 64\n\n[[views]]", "frame = 99\nsize = 64\n\n[[views]]", "generates nothing; leave it out"),
        ('"text-to-image"', '"reconstruct"', "sd is reconstruct; a prompt needs a text-to-image one"),
        (
            "size = 64\n\n[[views]]",
            PAIRS.replace("[[views]]", "size = 64\n[[views]]", 1) + "[[views]]",
            "`caption` is missing",
        ),
        ("frame = 128\nsize = 64", "size = 64\nframe = 32", "members are never enlarged"),
        ("frame = 128\nsize = 64", "frame = 128", "`views.1.size` is missing"),
    ],
)
def test_one_clear_line(old: str, new: str, expected: str):
    assert TEXT.count(old) == 1
    with pytest.raises(RecipeError) as caught:
        parsed(TEXT.replace(old, new))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_documented_recipe_is_one():
    page = (Path(__file__).parents[2] / "docs" / "singles.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```toml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    generator = '[[generators]]\nname = "sdxl"\nmethod = "text-to-image"\nmodel = "models/sdxl"\n'
    recipe = parsed(f'name = "documented"\n{snippet}\n{generator}')
    assert [(view.name, view.frame, view.size) for view in recipe.views] == [
        ("gathered", 256, 256),
        ("made", 1024, 256),
    ]


def test_a_fake_is_not_made_by_a_real():
    with pytest.raises(ValueError, match="expected what made the image"):
        ExistingFake(generator="real")
