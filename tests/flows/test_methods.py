"""All methods in one build: several fakes a real, each under its generator's name, and all of them made again."""

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.rebuilding.checks import complaints
from flows.rebuilding.manifest import rebuild_stages
from flows.rebuilding.outcome import write_report
from flows.rebuilding.preparing import Rebuild, prepare
from flows.recipe import load_recipe
from flows.regenerate import Regeneration
from generation.masks import raster
from manifests.dataset import Dataset
from manifests.records import Fake, SourceImage
from tests.flows.text_encoder import write_text_encoder

MODELS = Path(__file__).parents[2] / "demo" / "models"
COLOURS = ("red", "blue", "green", "white")

pytestmark = pytest.mark.xdist_group("stages")

RECIPE = """
name = "methods"

[[sources]]
type = "url-list"
name = "photos"
path = "photos.csv"
images = "photos"
columns = {{ caption = "caption" }}

[[candidates]]
type = "prompted-folder"
name = "found"
path = "found"
csv = "found.csv"
generator = "midjourney_v5"
license = "CC0-1.0"

[caption]
source = "source"

[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 32
generators = ["text", "vae", "found"]

[[views]]
name = "patch"
framing = "patch"
frame = 64
size = 64
generators = ["redrawn", "holes", "vae", "vae_half"]

[[generators]]
name = "text"
method = "text-to-image"
model = "{models}/stable-diffusion"
batch_size = 4
grid = {{ scheduler = ["DDIMScheduler", "EulerDiscreteScheduler"], num_inference_steps = [1, 2] }}

[[generators]]
name = "redrawn"
method = "image-to-image"
model = "{models}/stable-diffusion"
num_inference_steps = 4
batch_size = 4
grid = {{ strength = [0.25, 0.5] }}
lora = [{{ path = "style.safetensors", scale = 0.5 }}]

[[generators]]
name = "holes"
method = "inpaint"
model = "{models}/stable-diffusion"
num_inference_steps = 2
restore_background = true
mask = {{ area = [0.2, 0.4] }}

[[generators]]
name = "vae"
method = "reconstruct"
model = "{models}/stable-diffusion"

[[generators]]
name = "vae_half"
method = "reconstruct"
model = "{models}/stable-diffusion"
dtype = "bfloat16"

[[generators]]
name = "found"
method = "retrieve"
model = "encoder"
candidates = "found"

[split]
group_by = ["pair"]

[chunks]
size = 8

[limits]
drop_rate = 1.0
"""


def picture(seed: int) -> Image.Image:
    patches = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((176, 144), Image.Resampling.BICUBIC)


def lora(file: Path) -> None:
    """A LoRA of random values for the demo's own generator, as diffusers publishes it."""
    import diffusers
    import torch
    from peft import LoraConfig, get_peft_model_state_dict

    from generation.quiet import quiet

    with quiet(), torch.random.fork_rng():
        torch.manual_seed(1)
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(MODELS / "stable-diffusion", local_files_only=True)
        pipeline.unet.add_adapter(LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["to_q"]))
        layers = get_peft_model_state_dict(pipeline.unet)
        pipeline.save_lora_weights(file.parent, unet_lora_layers=layers, weight_name=file.name)


@pytest.fixture
def recipe_path(tmp_path: Path) -> Path:
    """Four captioned photographs, and as many fakes that others made."""
    write_text_encoder(tmp_path / "encoder", ["a", "cube", *COLOURS])
    lora(tmp_path / "style.safetensors")
    for folder, table, names, first in (
        ("photos", "photos.csv", ("path", "caption"), 0),
        ("found", "found.csv", ("file_name", "prompt"), 100),
    ):
        (tmp_path / folder).mkdir()
        suffix = "jpg" if folder == "photos" else "png"
        for number in range(len(COLOURS)):
            picture(first + number).save(tmp_path / folder / f"{number}.{suffix}")
        with (tmp_path / table).open("w", newline="") as stream:
            rows = [(f"{number}.{suffix}", f"a {colour} cube") for number, colour in enumerate(COLOURS)]
            csv.writer(stream).writerows([names, *rows])
    path = tmp_path / "methods.toml"
    path.write_text(RECIPE.format(models=MODELS))
    return path


def test_all_methods_in_one_build_and_from_their_lines_alone(
    recipe_path: Path, tmp_path: Path, run_stages: Callable[[Path, Path], Path]
):
    dataset = Dataset.open(str(run_stages(recipe_path, tmp_path / "out")))
    pairs = list(dataset.pairs())
    assert len(pairs) == 2 * len(COLOURS)
    for pair in pairs:
        wanted = ["text", "vae", "found"] if pair.frame.view == "scene" else ["redrawn", "holes", "vae", "vae_half"]
        assert sorted(pair.fakes) == sorted(wanted)
        assert len({member.sha256 for member in pair.members.values()}) == 1 + len(wanted)
    fakes = {name: [pair.fakes[name] for pair in pairs if name in pair.fakes] for name in dataset.header.generators}
    assert {name: made[0].method for name, made in fakes.items()} == {
        "text": "text-to-image",
        "redrawn": "image-to-image",
        "holes": "inpaint",
        "vae": "reconstruct",
        "vae_half": "reconstruct",
        "found": "retrieve",
    }
    assert len({(fake.scheduler, fake.num_inference_steps) for fake in fakes["text"]}) > 1
    assert {fake.strength for fake in fakes["redrawn"]} == {0.25, 0.5}
    assert {(lora.name, lora.scale) for fake in fakes["redrawn"] for lora in fake.lora} == {("style.safetensors", 0.5)}
    assert all(_masks_the_window(fake) for fake in fakes["holes"])

    photographs = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in (tmp_path / "photos").iterdir()}

    def real(image: SourceImage) -> bytes | None:
        return photographs[image.sha256].read_bytes() if image.sha256 in photographs else None

    drawn = [(pair, name) for pair in pairs for name in pair.fakes if name != "found"]
    remade = list(Regeneration(dataset, tmp_path, real, "cpu").run(drawn))
    assert len(remade) == len(drawn)
    assert {fake.verdict for fake in remade} == {"identical"}

    manifest = tmp_path / "out" / "dataset" / "manifest.jsonl"
    archives = (str(tmp_path / "photos"), str(tmp_path / "found"))
    asked = Rebuild(manifest=str(manifest), out=str(tmp_path / "rebuilt"), archives=archives, base=str(tmp_path))
    build = prepare(asked)
    for stage in rebuild_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    assert {pair.verdict for pair in write_report(build).pairs} == {"identical"}
    for shard in (manifest.parent / "shards").iterdir():
        assert (tmp_path / "rebuilt" / "dataset" / "shards" / shard.name).read_bytes() == shard.read_bytes()

    recipe = load_recipe(recipe_path)
    (hollow,) = [pair for pair in pairs if "holes" in pair.fakes][:1]
    assert list(complaints(hollow, dataset.header, recipe, {})) == []
    for name, change, complaint in (
        ("redrawn", {"lora": ()}, "fakes.redrawn.lora: expected the recipe's, style.safetensors x 0.5"),
        ("holes", {"mask": None}, "fakes.holes.mask: expected where the recipe's generator masks, and nowhere else"),
        ("holes", {"mask": None}, "fakes.holes.restored_background: expected with a mask, and never without"),
        (
            "redrawn",
            {"strength": 0.1},
            "fakes.redrawn.strength: 0.1 of 4 steps; expected at most 1, and at least one step",
        ),
        ("vae", {"mask": hollow.fakes["holes"].mask}, "fakes.vae.mask: expected where the recipe's generator masks"),
    ):
        lie = hollow.fakes | {name: hollow.fakes[name].model_copy(update=change)}
        found = list(complaints(hollow.model_copy(update={"fakes": lie}), dataset.header, recipe, {}))
        assert any(line.startswith(complaint) for line in found), found


def _masks_the_window(fake: Fake) -> bool:
    """Whether the share of the recipe lies within the margin of 16 pixels."""
    assert fake.mask is not None
    window = raster(fake.mask, fake.native_width, fake.native_height)[16:-16, 16:-16]
    return fake.restored_background and 0.15 < float(window.mean()) < 0.45
