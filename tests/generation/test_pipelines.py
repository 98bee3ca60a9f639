import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter

from generation.config import GeneratorConfig, MakerConfig
from generation.model_presets import PRESETS
from generation.open import open_generator
from generation.pipeline_traits import call_arguments
from generation.pipelines import LoadedPipeline, load_pipeline
from generation.quiet import quiet
from generation.replay import ReplayRequest, open_replayer
from generation.requests import Generated, GenerationRequest
from manifests.errors import ModelError
from manifests.records import Fake

Pipelines = Callable[[str], Path]
SIDE = {"sana": 64}
PLAIN: dict[str, dict[str, Any]] = {
    "flux_schnell": {"max_sequence_length": 256},
    "pixart_sigma": {"use_resolution_binning": False, "clean_caption": False},
    "sana": {"use_resolution_binning": False},
}
"""What the models' cards say to set."""


def config(model: Path, method: str = "text-to-image", **settings: Any) -> Any:
    """A generator of two steps."""
    table = {"name": "tiny", "method": method, "model": str(model), "num_inference_steps": 2, "guidance_scale": 3.5}
    return TypeAdapter[MakerConfig](GeneratorConfig).validate_python(table | settings)


def loaded(model: Path, method: str = "text-to-image", **settings: Any) -> LoadedPipeline:
    return load_pipeline(config(model, method, **settings), "cpu")


@pytest.fixture(scope="module")
def folder(models: Path, pipelines: Pipelines) -> Pipelines:
    """The folder of a tiny pipeline, wherever it is built."""
    return lambda name: models / name if (models / name).is_dir() else pipelines(name)


def asked(side: int, pictures: list[NDArray[np.uint8]], *, shown: bool) -> list[GenerationRequest]:
    size = {"width": side, "height": side}
    regions = [np.resize(picture, (side, side, 3)) if shown else None for picture in pictures[:2]]
    return [
        GenerationRequest(pair_id=f"{number:016x}-scene", prompt=f"a red cube {number}", region=region, **size)
        for number, region in enumerate(regions)
    ]


def made_plainly(folder: Path, fake: Fake) -> bytes:
    """The native pixels of a batch's first row by diffusers alone: the published folder, loaded as its users do."""
    import diffusers
    import torch

    with quiet():
        pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)
        pipeline.set_progress_bar_config(disable=True)
        rngs = [torch.Generator().manual_seed(fake.seed + row) for row in range(fake.batch_size)]
        images = pipeline(
            [fake.prompt_used] * fake.batch_size,
            generator=rngs,
            num_inference_steps=fake.num_inference_steps,
            guidance_scale=fake.guidance_scale,
            width=fake.native_width,
            height=fake.native_height,
            output_type="np",
            **PLAIN.get(folder.name, {}),
        ).images
    return bytes(np.rint(images[0] * 255).astype(np.uint8).tobytes())


PUBLISHED = [
    ("sd14", "sd", "PNDMScheduler"),
    ("sd15", "sd", "PNDMScheduler"),
    ("sd21", "stable_diffusion_2", "DDIMScheduler"),
    ("sdxl", "sdxl", "EulerDiscreteScheduler"),
    ("sdxl-refiner", "sdxl_refiner", "EulerDiscreteScheduler"),
    ("sd35", "stable_diffusion_3", "FlowMatchEulerDiscreteScheduler"),
    ("flux", "flux", "FlowMatchEulerDiscreteScheduler"),
    ("flux-schnell", "flux_schnell", "FlowMatchEulerDiscreteScheduler"),
    ("pixart", "pixart_sigma", "DPMSolverMultistepScheduler"),
    ("sana", "sana", "DPMSolverMultistepScheduler"),
]


def test_every_preset_is_tested():
    assert {name for name, _, _ in PUBLISHED} == PRESETS.keys()


@pytest.mark.parametrize(("preset", "name", "scheduler"), PUBLISHED)
def test_a_preset_makes_the_same_fakes_again(
    folder: Pipelines, pictures: list[NDArray[np.uint8]], preset: str, name: str, scheduler: str
):
    chosen = PRESETS[preset]
    method = chosen.methods[0]
    table: dict[str, Any] = {"name": "tiny", "method": method, "preset": preset, "model": str(folder(name))}
    settings = TypeAdapter[MakerConfig](GeneratorConfig).validate_python(
        table | {"num_inference_steps": 4 if method == "image-to-image" else 2, "dtype": "float32"}
    )
    side = SIDE.get(name, 32)
    requests = asked(side, pictures, shown=method == "image-to-image")
    generator = open_generator(settings, "cpu", salt="salt")
    made = fakes(generator.generate(requests))
    again = fakes(generator.generate(requests))
    assert [one.pixels.tobytes() for one in made] == [one.pixels.tobytes() for one in again]
    assert made[0].pixels.tobytes() != made[1].pixels.tobytes()
    first = made[0].fake
    assert (first.pipeline, first.scheduler, first.guidance_scale) == (
        chosen.pipeline,
        scheduler,
        chosen.guidance_scale,
    )
    assert first.license == ""  # the licence of the preset's own model says nothing of another
    asks = [
        ReplayRequest(request.pair_id, one.fake, request.region) for request, one in zip(requests, made, strict=True)
    ]
    replayed = fakes(open_replayer(settings, "cpu").replay(asks))
    assert [one.fake for one in replayed] == [one.fake for one in made]
    if method == "text-to-image":
        assert made_plainly(folder(name), first) == made[0].pixels.tobytes()


def fakes(batches: Iterator[list[Any]]) -> list[Generated]:
    answers = [answer for batch in batches for answer in batch]
    assert all(isinstance(answer, Generated) for answer in answers)
    return answers


@pytest.mark.parametrize(
    ("name", "method", "pipeline"),
    [
        ("sd", "image-to-image", "StableDiffusionImg2ImgPipeline"),
        ("sdxl", "inpaint", "StableDiffusionXLInpaintPipeline"),
        ("stable_diffusion_3", "inpaint", "StableDiffusion3InpaintPipeline"),
        ("flux", "image-to-image", "FluxImg2ImgPipeline"),
    ],
)
def test_the_method_chooses_the_pipeline_of_the_folders_family(
    folder: Pipelines, name: str, method: str, pipeline: str
):
    assert type(loaded(folder(name), method).pipeline).__name__ == pipeline


@pytest.mark.parametrize(
    ("name", "method", "complaint"),
    [
        ("pixart_sigma", "image-to-image", "holds a PixArtSigmaPipeline; diffusers has no image-to-image for it"),
        ("sana", "inpaint", "holds a SanaPipeline; diffusers has no inpaint for it"),
        ("sdxl_refiner", "text-to-image", "holds a refiner, which is shown an image; use method image-to-image"),
        (
            "stable_diffusion_inpainting",
            "text-to-image",
            "a UNet of 9 channels.*a model for inpainting; use method inpaint",
        ),
    ],
)
def test_a_model_is_refused_for_what_it_cannot_do(folder: Pipelines, name: str, method: str, complaint: str):
    with pytest.raises(ModelError, match=complaint):
        loaded(folder(name), method)


@pytest.mark.parametrize(
    ("name", "settings", "complaint"),
    [
        ("flux", {"negative_prompt": "blue"}, "a FluxPipeline has no use for a negative_prompt; remove it"),
        ("flux_schnell", {"guidance_scale": 3.5}, "is distilled and has no guidance; set guidance_scale = 0"),
        ("flux_schnell", {"guidance_scale": 0, "grid": {"guidance_scale": [0, 2]}}, "has no guidance"),
        ("pixart_sigma", {"negative_prompt": "blue", "guidance_scale": 1}, "a negative_prompt does nothing; remove it"),
        ("flux", {"scheduler": "DDIMScheduler"}, "DDIMScheduler cannot follow the flow"),
        (
            "flux",
            {"scheduler": "FlowMatchHeunDiscreteScheduler"},
            "FlowMatchHeunDiscreteScheduler cannot follow the flow",
        ),
        ("pixart_sigma", {"scheduler": "FlowMatchEulerDiscreteScheduler"}, "is for models of flow matching"),
        ("pixart_sigma", {"lora": [{"path": "a.safetensors"}]}, "lays no LoRA over a PixArtSigmaPipeline"),
    ],
)
def test_a_setting_that_a_pipeline_cannot_use_is_refused(
    folder: Pipelines, name: str, settings: dict[str, Any], complaint: str
):
    with pytest.raises(ModelError, match=complaint) as caught:
        loaded(folder(name), **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "entry"),
    [
        ("unet", ["my_package", "UNet2DConditionModel"]),
        ("unet", ["diffusers", "UNet3DConditionModel"]),
        ("text_encoder", ["transformers", "AutoModel"]),
        ("tokenizer", ["transformers", "AutoTokenizer"]),
        ("vae", ["diffusers", "VQModel"]),
        ("vae", [None, None]),
        ("vae", "AutoencoderKL"),
    ],
)
def test_a_part_of_an_unknown_class_is_refused_by_name(models: Path, tmp_path: Path, part: str, entry: Any):
    copied = tmp_path / "sd"
    shutil.copytree(models / "sd", copied)
    index = json.loads((copied / "model_index.json").read_text())
    (copied / "model_index.json").write_text(json.dumps(index | {part: entry}))
    found = ".".join(entry) if isinstance(entry, list) and entry[0] else "none"
    with pytest.raises(ModelError, match=f"has {found} as its {part}; expected one of"):
        loaded(copied)


@pytest.mark.parametrize("name", ["StableVideoDiffusionPipeline", "EvilPipeline", None])
def test_a_pipeline_that_makes_no_images_from_text_is_refused(models: Path, tmp_path: Path, name: str | None):
    copied = tmp_path / "sd"
    shutil.copytree(models / "sd", copied)
    (copied / "model_index.json").write_text(json.dumps({"_class_name": name}))
    with pytest.raises(ModelError, match=f"holds a {name}; expected a pipeline of diffusers that makes images"):
        loaded(copied)


@pytest.mark.parametrize(
    ("name", "limits", "multiple"),
    [
        ("sdxl_refiner", [77], 8),
        ("stable_diffusion_3", [77, 77, 256], 8),
        ("flux", [77, 512], 8),
        ("flux_schnell", [77, 256], 8),
        ("pixart_sigma", [300], 8),
        ("sana", [299], 32),
    ],
)
def test_prompts_and_sizes_are_those_that_the_model_takes(
    folder: Pipelines, name: str, limits: list[int], multiple: int
):
    method = "image-to-image" if name == "sdxl_refiner" else "text-to-image"
    settings = config(folder(name), method, guidance_scale=0 if name == "flux_schnell" else 3.5)
    found = load_pipeline(settings, "cpu")
    assert [tokenizer.model_max_length for tokenizer in found.tokenizers] == limits
    assert open_generator(settings, "cpu", salt="").size_multiple == multiple


def test_a_prompt_that_fills_its_budget_reaches_sanas_encoder_whole(folder: Pipelines):
    from generation.prompts import PromptBudget

    found = loaded(folder("sana"))
    text = PromptBudget(found.tokenizers).fit("x" * 400).text
    pipeline = found.pipeline
    embedded = []
    with quiet():
        for prompt in (text, "y" + text[1:], text[:-1] + "y"):
            arguments = call_arguments(pipeline, {"prompt": [prompt]})
            arguments.pop("use_resolution_binning")
            instruction = ["Improve: "]
            embedded.append(
                pipeline.encode_prompt(
                    **arguments, do_classifier_free_guidance=False, complex_human_instruction=instruction
                )[0]
            )
    # its first and its last character are both seen
    assert not bool((embedded[0] == embedded[1]).all())
    assert not bool((embedded[0] == embedded[2]).all())


@pytest.mark.parametrize(
    ("name", "scheduler"),
    [
        ("flux", "DPMSolverMultistepScheduler"),
        ("flux", "UniPCMultistepScheduler"),
        ("stable_diffusion_3", "DPMSolverMultistepScheduler"),
        ("stable_diffusion_3", "FlowMatchHeunDiscreteScheduler"),
        ("sana", "FlowMatchEulerDiscreteScheduler"),
    ],
)
def test_another_scheduler_follows_the_models_flow(
    folder: Pipelines, pictures: list[NDArray[np.uint8]], name: str, scheduler: str
):
    settings = config(folder(name), scheduler=scheduler)
    requests = asked(SIDE.get(name, 32), pictures, shown=False)
    one = fakes(open_generator(settings, "cpu", salt="").generate(requests))[0]
    recorded = json.loads(one.fake.scheduler_config)
    assert one.fake.scheduler == scheduler
    assert recorded.get("shift", recorded.get("flow_shift")) == 3.0
    assert recorded.get("use_flow_sigmas", True)
    assert recorded.get("use_dynamic_shifting", False) == (name == "flux")


@pytest.mark.parametrize(
    ("name", "settings", "complaint"),
    [
        (
            "flux_schnell",
            {"method": "text-to-image", "scheduler": "DPMSolverMultistepScheduler", "guidance_scale": 0.0},
            r"a FluxPipeline fails with DPMSolverMultistepScheduler and 2 steps \(AssertionError\)",
        ),
        (
            "stable_diffusion_3",
            {"method": "image-to-image", "grid": {"scheduler": ["UniPCMultistepScheduler"]}},
            r"fails with UniPCMultistepScheduler and 2 steps \(.* no attribute 'scale_noise'\)",
        ),
        (
            "stable_diffusion_2",
            {"scheduler": "PNDMScheduler"},
            r"fails with PNDMScheduler and 2 steps \(operands could",
        ),
    ],
)
def test_a_scheduler_that_a_pipeline_fails_with_is_one_line(
    folder: Pipelines, pictures: list[NDArray[np.uint8]], name: str, settings: dict[str, Any], complaint: str
):
    generator = open_generator(config(folder(name), **settings), "cpu", salt="")
    with pytest.raises(ModelError, match=complaint):
        fakes(generator.generate(asked(32, pictures, shown=settings.get("method") == "image-to-image")))


def test_a_scheduler_of_the_grid_that_does_not_suit_the_model_is_refused_before_the_first_image(models: Path):
    settings = config(models / "sd", grid={"scheduler": ["DDIMScheduler", "FlowMatchEulerDiscreteScheduler"]})
    with pytest.raises(ModelError, match="FlowMatchEulerDiscreteScheduler is for models of flow matching"):
        open_generator(settings, "cpu", salt="")
