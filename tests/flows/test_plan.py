"""What a plan says, before anything is done."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.plan import Plan, plan_recipe
from flows.recipe import load_recipe
from manifests.errors import SourceError
from twinset.cli import app

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


def test_a_plan_says_what_a_preset_became(recipe: Recipe):
    path = recipe()
    text = path.read_text()
    start = text.index("model = ", text.index('name = "sd"'))
    lora = 'lora = [{ path = "film.safetensors", scale = 0.8 }]'
    text = text[:start] + f'preset = "sd15"\n{lora}' + text[text.index("\n", start) :]
    path.write_text(text.replace("num_inference_steps = 2", "num_inference_steps = 20"))
    sd, _ = plan_recipe(load_recipe(path), path.parent).generators
    assert sd.model == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert sd.settings == "preset sd15, 20 steps, guidance 4, float16, LoRA film.safetensors x 0.8"


def test_a_long_list_is_counted_only_when_asked(recipe: Recipe, scenes: Path):
    path = recipe(replace={f'path = "{scenes}"': f'path = "{scenes}"\nlimit = 7'})
    assert plan_recipe(load_recipe(path), path.parent).sources[0].images == 7


def test_a_list_on_the_web_is_not_fetched(recipe: Recipe, scenes: Path):
    source = 'type = "open-images"\ncsv = "http://127.0.0.1:9/images.csv"\nlimit = 7'
    path = recipe(replace={f'type = "folder"\npath = "{scenes}"': source})
    assert plan_recipe(load_recipe(path), path.parent).sources[0].images == 7


def test_tables_are_counted_when_they_are_small(
    recipe: Recipe, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "laion").mkdir()
    pq.write_table(pa.table({"URL": ["http://a.org/1.jpg"] * 3}), tmp_path / "laion" / "part-00000-x.snappy.parquet")
    path = recipe(replace={f'type = "folder"\npath = "{scenes}"': 'type = "laion"\npath = "laion"\nlimit = 2'})

    def images(**options: bool):
        return plan_recipe(load_recipe(path), path.parent, **options).sources[0].images

    assert images() == 2
    path.write_text(path.read_text().replace("limit = 2", ""))
    assert images() == 3
    monkeypatch.setattr("flows.plan._SMALL_LIST", 10)
    assert (images(), images(count=True)) == (None, 3)
    text = path.read_text()
    path.write_text(text.replace('"laion"\n\n', '"laion"\nparquet_parts = [0, 1]\n\n'))
    with pytest.raises(SourceError, match="00001 is not there"):
        images()
    path.write_text(text.replace('"laion"\n\n', '"laion/*.parquet"\n\n'))
    assert (images(), images(count=True)) == (None, 3)


def test_chunks_are_counted_by_source(recipe: Recipe, scenes: Path):
    path = recipe(extra=f'\n[[sources]]\ntype = "folder"\nname = "again"\npath = "{scenes}"\nlimit = 1\n')
    assert plan_recipe(load_recipe(path), path.parent).chunks == 4 + 1


def test_a_target_of_pairs_bounds_what_is_made(recipe: Recipe):
    def planned(target: int) -> Plan:
        path = recipe(replace={'name = "small"\n': f'name = "small"\ntarget_pairs = {target}\n'})
        return plan_recipe(load_recipe(path), path.parent)

    path = recipe()
    whole, few, many = plan_recipe(load_recipe(path), path.parent), planned(10), planned(1000)
    # one chunk of eight images, two views of each
    assert (few.made, few.pairs, few.target_pairs) == (16, 10, 10)
    assert {generator.name: generator.fakes for generator in few.generators} == {"sd": 8, "vae": 16}
    assert few.chunks == whole.chunks
    # two views, whose pairs may lie in three splits: five pairs a view are one in each split at least, then ten a shard
    assert few.shards == 2 * 3
    assert abs(few.dataset_bytes - whole.dataset_bytes * 10 / 52) < 1
    assert few.dataset_bytes < few.disk_bytes < whole.disk_bytes
    # the images do not suffice: as without a target
    assert (many.made, many.pairs, many.disk_bytes) == (52, 52, whole.disk_bytes)


def test_a_target_says_what_a_list_that_is_not_counted_does_not(recipe: Recipe, scenes: Path):
    source = 'type = "open-images"\ncsv = "http://127.0.0.1:9/images.csv"'
    target = 'name = "small"\ntarget_pairs = 20\n'
    path = recipe(replace={f'type = "folder"\npath = "{scenes}"': source, 'name = "small"\n': target})
    plan = plan_recipe(load_recipe(path), path.parent)
    assert (plan.sources[0].images, plan.made, plan.pairs) == (None, 32, 20)


@pytest.mark.parametrize(("target", "words"), [(10, "10 pairs out of 16 that"), (99, "the sources give 52 at most")])
def test_the_command_says_what_the_target_means(recipe: Recipe, target: int, words: str):
    path = recipe(replace={'name = "small"\n': f'name = "small"\ntarget_pairs = {target}\n'})
    result = CliRunner().invoke(app, ["plan", str(path)])
    assert result.exit_code == 0
    assert words in result.stdout
