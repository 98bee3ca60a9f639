import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.config import TextToImageConfig
from generation.diffusion import Diffusion
from generation.open import open_generator
from generation.pipelines import load_pipeline
from generation.quiet import quiet
from generation.requests import Generated, GenerationRequest, ImageGenerator
from manifests.errors import ModelError, RejectedItem
from manifests.records import Fake, Reason
from manifests.seeds import seed

Altered = Callable[[str, str, Callable[[dict[str, Any]], None]], Path]
FRAME = 32
CHECKER = "safety_checker/model.safetensors"
PIPELINES = ["sd", "sdxl"]


def requests(count: int = 5, prompt: str = "a red cube") -> list[GenerationRequest]:
    return [
        GenerationRequest(f"{number:016x}-scene", f"{prompt} {number}", None, width=FRAME, height=FRAME)
        for number in range(count)
    ]


def config(model: Path, **more: object) -> TextToImageConfig:
    settings = {"name": "tiny", "model": str(model), "num_inference_steps": 2, "batch_size": 3} | more
    return TextToImageConfig.model_validate(settings)


def opened(model: Path, **more: object) -> ImageGenerator:
    return open_generator(config(model, **more), "cpu", salt="salt")


def answers(generator: ImageGenerator, asked: list[GenerationRequest]) -> list[Generated | RejectedItem]:
    return [answer for batch in generator.generate(asked) for answer in batch]


def fakes(generator: ImageGenerator, asked: list[GenerationRequest]) -> list[Generated]:
    return [answer for answer in answers(generator, asked) if isinstance(answer, Generated)]


def contents(made: Sequence[Generated]) -> list[tuple[bytes, Fake]]:
    return [(one.pixels.tobytes(), one.fake) for one in made]


def replayed(folder: Path, fake: Fake) -> bytes:
    """The native pixels, made again with diffusers alone from the record; the other rows hold something else."""
    import diffusers
    import torch

    pipeline_class: Any = getattr(diffusers, fake.pipeline)
    with quiet():
        pipeline = (
            pipeline_class.from_pretrained(folder, safety_checker=None)
            if fake.pipeline == ("StableDiffusionPipeline")
            else pipeline_class.from_pretrained(folder, add_watermarker=False)
        )
        pipeline.scheduler = getattr(diffusers, fake.scheduler).from_config(json.loads(fake.scheduler_config))
        pipeline.set_progress_bar_config(disable=True)
        prompts = ["something else"] * fake.batch_size
        rngs = [torch.Generator().manual_seed(100 + row) for row in range(fake.batch_size)]
        prompts[fake.batch_position] = fake.prompt_used
        rngs[fake.batch_position] = torch.Generator().manual_seed(fake.seed)
        images = pipeline(
            prompts,
            negative_prompt=[fake.negative_prompt] * fake.batch_size if fake.negative_prompt else None,
            num_inference_steps=fake.num_inference_steps,
            guidance_scale=fake.guidance_scale,
            width=fake.native_width,
            height=fake.native_height,
            generator=rngs,
            output_type="np",
        ).images
    return bytes(np.rint(images[fake.batch_position] * 255).astype(np.uint8).tobytes())


@pytest.mark.parametrize("model", PIPELINES)
def test_equal_requests_give_equal_bytes_in_any_chunk(models: Path, model: str):
    generator = opened(models / model)
    once = contents(fakes(generator, requests()))
    assert len({pixels for pixels, _ in once}) == 5
    fakes(generator, requests(2, prompt="a blue floor"))
    assert contents(fakes(generator, requests())) == once
    assert contents(fakes(opened(models / model), requests())) == once


@pytest.mark.parametrize(
    ("model", "scheduler", "negative_prompt"),
    [
        ("sd", None, ""),
        ("sd", "EulerAncestralDiscreteScheduler", "red"),
        ("sd", "DPMSolverMultistepScheduler", ""),
        ("sdxl", None, ""),
        ("sdxl", "DDIMScheduler", "red"),
    ],
)
def test_every_fake_can_be_made_again_from_its_record(
    models: Path, model: str, scheduler: str | None, negative_prompt: str
):
    generator = opened(models / model, scheduler=scheduler, negative_prompt=negative_prompt)
    made = fakes(generator, requests())
    assert [(one.fake.batch_size, one.fake.batch_position) for one in made] == [(3, 0), (3, 1), (3, 2), (2, 0), (2, 1)]
    for one in made:
        if scheduler is not None:
            assert one.fake.scheduler == scheduler
        assert replayed(models / model, one.fake) == one.pixels.tobytes()


def test_seeds_come_from_salt_pair_and_generator(models: Path):
    made = fakes(opened(models / "sd"), requests(2))
    assert [one.fake.seed for one in made] == [seed("salt", f"{number:016x}-scene", "tiny", 0) for number in range(2)]
    renamed = fakes(opened(models / "sd", name="other"), requests(2))
    salted = fakes(open_generator(config(models / "sd"), "cpu", salt="pepper"), requests(2))
    assert len({one.pixels.tobytes() for one in made + renamed + salted}) == 6


@pytest.mark.parametrize("model", PIPELINES)
def test_records_say_what_was_asked(models: Path, model: str):
    from hashlib import sha256

    generator = opened(
        models / model, prompt_template="a painting: {caption}", license="openrail", negative_prompt="blue"
    )
    one = fakes(generator, requests(1))[0]
    fake = one.fake
    assert one.pixels.shape == (FRAME, FRAME, 3)
    assert (fake.generator, fake.method, fake.model, fake.license) == ("tiny", "text-to-image", model, "openrail")
    assert fake.pipeline == {"sd": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}[model]
    assert fake.prompt == fake.prompt_used == "a painting: a red cube 0"
    assert (fake.tokens_dropped, fake.negative_prompt, fake.reseeds) == (0, "blue", 0)
    assert fake.scheduler == {"sd": "PNDMScheduler", "sdxl": "EulerDiscreteScheduler"}[model]
    assert json.loads(fake.scheduler_config)["beta_schedule"] == "scaled_linear"
    assert (fake.num_inference_steps, fake.guidance_scale) == (2, 7.5)
    assert (fake.native_width, fake.native_height, fake.dtype, fake.device) == (FRAME, FRAME, "float32", "cpu")
    assert (fake.watermark, fake.safety_flag, fake.numerics) == (False, False, "exact")
    assert fake.native_sha256 == sha256(one.pixels.tobytes()).hexdigest()


def test_a_negative_prompt_is_recorded_where_guidance_uses_it(models: Path):
    generator = opened(models / "sd", negative_prompt="blue", grid={"guidance_scale": [1.0, 7.5]})
    made = fakes(generator, requests(6))
    assert {(one.fake.guidance_scale, one.fake.negative_prompt) for one in made} == {(1.0, ""), (7.5, "blue")}


@pytest.mark.parametrize("model", PIPELINES)
def test_long_prompts_are_cut_and_counted_without_a_word(
    models: Path, model: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    long = GenerationRequest("a-scene", "red " * 74 + "cube floor", None, FRAME, FRAME)
    short = GenerationRequest("a-scene", "red " * 73 + "red", None, FRAME, FRAME)
    generator = opened(models / model)
    cut, whole = fakes(generator, [long])[0], fakes(generator, [short])[0]
    assert cut.fake.prompt == long.prompt
    assert cut.fake.prompt_used == short.prompt
    assert cut.fake.tokens_dropped == 9
    assert cut.pixels.tobytes() == whole.pixels.tobytes()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_a_negative_prompt_that_is_cut_is_refused(models: Path):
    with pytest.raises(ModelError, match="negative_prompt is 5 tokens longer"):
        opened(models / "sd", negative_prompt="red " * 80)


@pytest.fixture
def sometimes_flagged(models: Path, altered: Altered) -> Path:
    """The checked pipeline with a threshold that two of the five pictures pass."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import cosine_distance

    checked = models / "sd-checked"
    pipeline = load_pipeline(config(checked), "cpu").pipeline
    pixels = [one.pixels for one in fakes(opened(checked), requests())]
    with torch.no_grad():
        seen = pipeline.feature_extractor(pixels, return_tensors="pt").pixel_values
        embedded = pipeline.safety_checker.visual_projection(pipeline.safety_checker.vision_model(seen)[1])
        cosines = cosine_distance(embedded, pipeline.safety_checker.concept_embeds)
    concept = int((cosines.max(dim=0).values - cosines.min(dim=0).values).argmax())
    ordered = cosines[:, concept].sort().values

    def lower_threshold(tensors: dict[str, Any]) -> None:
        tensors["concept_embeds_weights"][concept] = (ordered[2] + ordered[3]) / 2

    return altered("sd-checked", CHECKER, lower_threshold)


def test_flagged_images_are_drawn_again_and_leave_the_others_alone(models: Path, sometimes_flagged: Path):
    unchecked = fakes(opened(models / "sd-checked"), requests())
    made = fakes(opened(sometimes_flagged, max_reseeds=30), requests())
    again = [
        after
        for before, after in zip(unchecked, made, strict=True)
        if before.pixels.tobytes() != after.pixels.tobytes()
    ]
    assert len(again) == 2
    for one in again:
        assert one.fake.reseeds > 0
        number = int(one.fake.prompt.split()[-1])
        assert one.fake.seed == seed("salt", f"{number:016x}-scene", "tiny", one.fake.reseeds)
        assert one.pixels.any()
        assert replayed(sometimes_flagged, one.fake) == one.pixels.tobytes()
    assert contents(fakes(opened(sometimes_flagged, max_reseeds=30), requests())) == contents(made)


def test_an_image_that_stays_unsafe_is_rejected(altered: Altered):
    folder = altered("sd-checked", CHECKER, lambda tensors: tensors["concept_embeds_weights"].fill_(-2))
    for answer in answers(opened(folder, max_reseeds=1), requests(2)):
        assert isinstance(answer, RejectedItem)
        assert answer.reason is Reason.UNSAFE
        assert "last of 2 seeds" in answer.detail


@pytest.mark.parametrize("model", ["sd", "sd-checked", "sdxl"])
@pytest.mark.parametrize(("bias", "reason"), [(float("nan"), Reason.NOT_A_NUMBER), (-9.0, Reason.BLANK)])
def test_broken_images_are_rejected(altered: Altered, model: str, bias: float, reason: Reason):
    folder = altered(
        model, "vae/diffusion_pytorch_model.safetensors", lambda tensors: tensors["decoder.conv_out.bias"].fill_(bias)
    )
    for answer in answers(opened(folder, max_reseeds=1), requests(2)):
        assert isinstance(answer, RejectedItem)
        assert answer.reason is reason


def test_out_of_memory_goes_on_in_halves_and_says_so(models: Path):
    import torch

    settings = config(models / "sd", batch_size=4)
    loaded = load_pipeline(settings, "cpu")

    def full(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if len(inputs[0]) > 4:  # guidance doubles the rows
            raise torch.OutOfMemoryError("out of memory")

    loaded.pipeline.unet.register_forward_pre_hook(full)
    made = fakes(Diffusion(loaded, settings, "salt"), requests())
    assert [(one.fake.batch_size, one.fake.batch_position, one.fake.numerics) for one in made] == [
        (2, 0, "degraded"),
        (2, 1, "degraded"),
        (2, 0, "degraded"),
        (2, 1, "degraded"),
        (1, 0, "exact"),
    ]
    for one in made:
        assert replayed(models / "sd", one.fake) == one.pixels.tobytes()


def test_no_watermark_is_put_in_where_the_package_for_it_is_installed(models: Path, monkeypatch: pytest.MonkeyPatch):
    module = "diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl"
    monkeypatch.setattr(f"{module}.is_invisible_watermark_available", lambda: True)
    assert load_pipeline(config(models / "sdxl"), "cpu").pipeline.watermark is None


def test_sizes_must_suit_the_pipeline(models: Path):
    generator = opened(models / "sd")
    assert generator.size_multiple == 8
    with pytest.raises(ModelError, match=r"36x36 does not suit its model.*multiple of 8"):
        answers(generator, [GenerationRequest("a-scene", "a red cube", None, 36, 36)])


def test_the_scheduler_is_the_folders_own_with_its_own_settings(models: Path):
    own = json.loads((models / "sd" / "scheduler" / "scheduler_config.json").read_text())
    fake = fakes(opened(models / "sd"), requests(1))[0].fake
    recorded = json.loads(fake.scheduler_config)
    assert (fake.scheduler, own["_class_name"]) == ("PNDMScheduler", "PNDMScheduler")
    assert (recorded["skip_prk_steps"], recorded["steps_offset"], recorded["set_alpha_to_one"]) == (True, 1, False)
    assert recorded == {name: value for name, value in own.items() if not name.startswith("_")}


def test_sdxl_is_told_of_the_size_that_is_asked_for(models: Path):
    settings = config(models / "sdxl")
    loaded = load_pipeline(settings, "cpu")
    told: list[list[int]] = []

    def note(_: object, __: object, arguments: dict[str, Any]) -> None:
        told.append([int(number) for number in arguments["added_cond_kwargs"]["time_ids"][-1]])

    loaded.pipeline.unet.register_forward_pre_hook(note, with_kwargs=True)
    asked = [GenerationRequest("a-scene", "a red cube", None, width=64, height=48)]
    answers(Diffusion(loaded, settings, "salt"), asked)
    # original height and width, the crop's corner, target height and width
    assert told[0] == [48, 64, 0, 0, 48, 64]


def test_sdxl_is_not_asked_for_less_than_its_native_size(models: Path):
    asked = [GenerationRequest("a-scene", "a red cube", None, width=24, height=24)]
    with pytest.raises(
        ModelError, match="24x24 is below the native size of its SDXL model, 32x32; raise the view's frame"
    ):
        answers(opened(models / "sdxl"), asked)
    assert answers(opened(models / "sd"), asked)


def test_each_pair_draws_its_setting_from_the_grid(models: Path):
    grid = {
        "scheduler": ["DDIMScheduler", "EulerDiscreteScheduler"],
        "num_inference_steps": [2, 3],
        "guidance_scale": [1.0, 5.0],
    }
    generator = opened(models / "sd", grid=grid)
    asked = generator.arranged(requests(8))
    assert sorted(request.pair_id for request in asked) == [request.pair_id for request in requests(8)]
    assert generator.arranged(list(reversed(asked))) != asked  # of one setting they stay in the order of the pairs
    batches = list(generator.generate(asked))
    made = [answer.fake for batch in batches for answer in batch if isinstance(answer, Generated)]
    settings = [(fake.scheduler, fake.num_inference_steps, fake.guidance_scale) for fake in made]
    assert len(set(settings)) > 3
    # all pairs of one setting stand together, in the recipe's order
    assert settings == sorted(settings)
    for batch in batches:
        assert len({one.fake.guidance_scale for one in batch if isinstance(one, Generated)}) == 1
    for batch in batches[:3]:
        for one in batch:
            assert isinstance(one, Generated)
            assert replayed(models / "sd", one.fake) == one.pixels.tobytes()


def test_the_words_round_the_caption_are_never_cut(models: Path):
    generator = opened(models / "sd", prompt_template="photo of {caption}, blue")
    fake = fakes(generator, requests(1, prompt="red " * 90 + "cube"))[0].fake
    assert fake.prompt.endswith("cube 0, blue")
    assert fake.prompt_used.startswith("photo of red red")
    assert fake.prompt_used.endswith("red, blue")
    assert fake.tokens_dropped > 20
    with pytest.raises(ModelError, match="its prompt_template is 15 tokens longer than sd reads"):
        opened(models / "sd", prompt_template="red " * 90 + "{caption}")


def test_no_requests_give_no_batches(models: Path):
    assert list(opened(models / "sd").generate([])) == []


def test_half_precision_is_recorded(models: Path):
    assert fakes(opened(models / "sd", dtype="bfloat16"), requests(1))[0].fake.dtype == "bfloat16"


def _without_weights(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()


def _without_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def _without_tokenizer(folder: Path) -> None:
    shutil.rmtree(folder / "tokenizer")


def _another_pipeline(folder: Path) -> None:
    (folder / "model_index.json").write_text('{"_class_name": "LTXPipeline"}')


def _unrepeatable_scheduler(folder: Path) -> None:
    (folder / "scheduler" / "scheduler_config.json").write_text('{"_class_name": "DPMSolverSDEScheduler"}')


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (_without_weights, r"unet has no weights: expected diffusion_pytorch_model\.safetensors"),
        (_without_index, r"has no model_index\.json; is it the right folder"),
        (_without_tokenizer, "has no tokenizer/; is it the right folder"),
        (_another_pipeline, "holds a LTXPipeline; expected a pipeline of diffusers that makes images"),
        (_unrepeatable_scheduler, "uses the scheduler DPMSolverSDEScheduler, whose images cannot be made again"),
    ],
)
def test_a_damaged_folder_is_an_error_of_one_line(
    models: Path, tmp_path: Path, damage: Callable[[Path], None], complaint: str
):
    folder = tmp_path / "sd"
    shutil.copytree(models / "sd", folder)
    damage(folder)
    with pytest.raises(ModelError, match=complaint) as caught:
        opened(folder)
    assert "\n" not in str(caught.value)


def test_another_scheduler_serves_where_the_models_own_does_not(models: Path, tmp_path: Path):
    folder = tmp_path / "sd"
    shutil.copytree(models / "sd", folder)
    _unrepeatable_scheduler(folder)
    made = fakes(opened(folder, scheduler="DDIMScheduler"), requests(1))
    assert made[0].fake.scheduler == "DDIMScheduler"
