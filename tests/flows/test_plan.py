"""What a plan says, before anything is done."""

from collections.abc import Callable
from pathlib import Path

from flows.plan import plan_recipe
from flows.recipe import load_recipe

Recipe = Callable[..., Path]


def test_counts_follow_from_the_recipe(recipe: Recipe):
    path = recipe()
    plan = plan_recipe(load_recipe(path), path.parent)
    assert [source.images for source in plan.sources] == [26]
    assert plan.pairs == 52
    assert plan.chunks == 4
    assert {generator.name: generator.fakes for generator in plan.generators} == {"sd": 26, "vae": 52}
    assert all(generator.gpu_hours is None for generator in plan.generators)
    assert 0 < plan.dataset_bytes < plan.disk_bytes


def test_gpu_hours_of_published_models(recipe: Recipe):
    path = recipe()
    text = path.read_text().replace("num_inference_steps = 2", "num_inference_steps = 50")
    start = text.index("model = ", text.index('name = "sd"'))
    text = text[:start] + 'model = "CompVis/stable-diffusion-v1-4"' + text[text.index("\n", start) :]
    path.write_text(text.replace("frame = 64\nsize = 64", "frame = 512\nsize = 512"))
    plan = plan_recipe(load_recipe(path), path.parent)
    sd = next(generator for generator in plan.generators if generator.name == "sd")
    # 51 calls, two by two, of 0.803 TFLOP and a decode of 2.51, at 48 % of 790 TFLOP/s: 4.5 images a second
    assert sd.gpu_hours is not None
    assert abs(26 / (sd.gpu_hours * 3600) - 4.5) < 0.1


def test_a_long_list_is_counted_only_when_asked(recipe: Recipe, scenes: Path):
    path = recipe(replace={f'path = "{scenes}"': f'path = "{scenes}"\nlimit = 7'})
    assert plan_recipe(load_recipe(path), path.parent).sources[0].images == 7


def test_a_list_on_the_web_is_not_fetched(recipe: Recipe, scenes: Path):
    source = 'type = "open-images"\ncsv = "http://127.0.0.1:9/images.csv"\nlimit = 7'
    path = recipe(replace={f'type = "folder"\npath = "{scenes}"': source})
    assert plan_recipe(load_recipe(path), path.parent).sources[0].images == 7


def test_chunks_are_counted_by_source(recipe: Recipe, scenes: Path):
    path = recipe(extra=f'\n[[sources]]\ntype = "folder"\nname = "again"\npath = "{scenes}"\nlimit = 1\n')
    assert plan_recipe(load_recipe(path), path.parent).chunks == 4 + 1
