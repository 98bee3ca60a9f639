from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.config import LoraConfig, TextToImageConfig
from generation.open import open_generator
from generation.quiet import quiet
from generation.replay import ReplayRequest, open_replayer
from generation.requests import Generated, GenerationRequest
from manifests.errors import ModelError

Pipelines = Callable[[str], Path]


def write_lora(model: Path, file: Path, *, text: bool = False) -> Path:
    """A LoRA for a model with random values, saved as diffusers publishes it; `text`: for its text encoder too."""
    import diffusers
    import torch
    from peft import LoraConfig as PeftConfig
    from peft import get_peft_model_state_dict

    with quiet(), torch.random.fork_rng():
        torch.manual_seed(1)
        pipeline = diffusers.DiffusionPipeline.from_pretrained(model, local_files_only=True)
        name = "unet" if "unet" in pipeline.components else "transformer"
        parts = {name: ["to_q", "to_v"]} | ({"text_encoder": ["q_proj", "v_proj"]} if text else {})
        layers = {}
        for part, targets in parts.items():
            network = pipeline.components[part]
            network.add_adapter(PeftConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=targets))
            layers[f"{part}_lora_layers"] = get_peft_model_state_dict(network)
        type(pipeline).save_lora_weights(file.parent, weight_name=file.name, **layers)
    return file


@pytest.fixture(scope="module")
def loras(models: Path, pipelines: Pipelines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LoRAs: two for `sd`, one for `stable_diffusion_3`."""
    folder = tmp_path_factory.mktemp("loras")
    write_lora(models / "sd", folder / "style.safetensors")
    write_lora(models / "sd", folder / "words.safetensors", text=True)
    write_lora(pipelines("stable_diffusion_3"), folder / "sd3.safetensors")
    return folder


def config(model: Path, *loras: tuple[Path, float], **settings: Any) -> TextToImageConfig:
    return TextToImageConfig(
        name="tiny",
        model=str(model),
        num_inference_steps=2,
        lora=tuple(LoraConfig(path=str(path), scale=scale) for path, scale in loras),
        **settings,
    )


def made(settings: TextToImageConfig) -> Generated:
    request = GenerationRequest("a-scene", "a red cube", None, 32, 32)
    (answer,) = next(open_generator(settings, "cpu", salt="").generate([request]))
    assert isinstance(answer, Generated)
    return answer


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(np.float64) - other).mean())


def test_a_lora_changes_the_images_by_its_scale(models: Path, loras: Path):
    plain = made(config(models / "sd"))
    none, half, whole = (made(config(models / "sd", (loras / "style.safetensors", scale))) for scale in (0, 0.5, 1))
    assert none.pixels.tobytes() == plain.pixels.tobytes()
    assert 0 < distance(half.pixels, plain.pixels) < distance(whole.pixels, plain.pixels)
    assert plain.fake.lora == ()
    assert [(lora.name, lora.scale) for lora in half.fake.lora] == [("style.safetensors", 0.5)]
    assert half.fake.revision == plain.fake.revision


def test_several_loras_are_laid_over_all_parts_that_they_change(models: Path, loras: Path):
    one = made(config(models / "sd", (loras / "words.safetensors", 1.0)))
    both = made(config(models / "sd", (loras / "style.safetensors", 0.7), (loras / "words.safetensors", 1.0)))
    assert distance(one.pixels, both.pixels) > 0
    assert [lora.name for lora in both.fake.lora] == ["style.safetensors", "words.safetensors"]
    assert len({lora.revision for lora in both.fake.lora}) == 2


def test_the_images_are_those_of_diffusers_with_the_lora_beside_the_weights(models: Path, loras: Path):
    import diffusers
    import torch

    one = made(config(models / "sd", (loras / "words.safetensors", 0.8)))
    with quiet():
        pipeline: Any = diffusers.StableDiffusionPipeline.from_pretrained(models / "sd", local_files_only=True)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.load_lora_weights(str(loras), weight_name="words.safetensors", adapter_name="words")
        pipeline.set_adapters(["words"], [0.8])
        image = pipeline(
            "a red cube",
            num_inference_steps=2,
            guidance_scale=7.5,
            width=32,
            height=32,
            generator=torch.Generator().manual_seed(one.fake.seed),
            output_type="np",
        ).images[0]
    assert np.abs(image * 255 - one.pixels).max() < 1


def test_a_replay_lays_the_same_loras_over_the_model(models: Path, loras: Path):
    settings = config(models / "sd", (loras / "style.safetensors", 0.5))
    one = made(settings)
    # the record says the scale, whatever the recipe has come to say since
    later = config(models / "sd", (loras / "style.safetensors", 0.9))
    for replaying in (settings, later):
        (answer,) = next(open_replayer(replaying, "cpu").replay([ReplayRequest("a-scene", one.fake, None)]))
        assert isinstance(answer, Generated)
        assert answer.fake == one.fake


def test_a_replay_with_other_loras_is_refused(models: Path, loras: Path, tmp_path: Path):
    one = made(config(models / "sd", (loras / "style.safetensors", 0.5)))
    request = ReplayRequest("a-scene", one.fake, None)
    with pytest.raises(ModelError, match=r"its records name the LoRAs style\.safetensors, the recipe none"):
        next(open_replayer(config(models / "sd"), "cpu").replay([request]))
    other = tmp_path / "style.safetensors"
    other.write_bytes((loras / "words.safetensors").read_bytes())
    with pytest.raises(ModelError, match=f"is another than is asked for.*expected {one.fake.lora[0].revision}"):
        next(open_replayer(config(models / "sd", (other, 0.5)), "cpu").replay([request]))


@pytest.mark.parametrize("content", [b"", b"no safetensors", None])
def test_a_damaged_lora_is_an_error_of_one_line(models: Path, loras: Path, tmp_path: Path, content: bytes | None):
    file = tmp_path / "broken.safetensors"
    file.write_bytes((loras / "style.safetensors").read_bytes()[:1000] if content is None else content)
    with pytest.raises(ModelError, match="does not fit this StableDiffusionPipeline") as caught:
        made(config(models / "sd", (file, 1.0)))
    assert "\n" not in str(caught.value)


def test_a_missing_lora_is_named(models: Path):
    with pytest.raises(ModelError, match=r"no LoRA /missing/style\.safetensors"):
        made(config(models / "sd", (Path("/missing/style.safetensors"), 1.0)))


@pytest.mark.parametrize(("model", "lora"), [("sd", "sd3"), ("stable_diffusion_3", "style"), ("flux", "sd3")])
def test_a_lora_for_another_model_is_refused(models: Path, pipelines: Pipelines, loras: Path, model: str, lora: str):
    folder = models / model if model == "sd" else pipelines(model)
    with pytest.raises(ModelError, match=rf"LoRA .*{lora}\.safetensors does not fit this .*\(.+\)$") as caught:
        made(config(folder, (loras / f"{lora}.safetensors", 1.0)))
    assert "\n" not in str(caught.value)
