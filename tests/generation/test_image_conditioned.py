"""Fakes that are made from the framed real: image-to-image and inpainting."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.config import DiffusionConfig, ImageToImageConfig, InpaintConfig
from generation.diffusion import Diffusion
from generation.masks import raster_of
from generation.open import open_generator
from generation.pipelines import load_pipeline
from generation.quiet import quiet
from generation.requests import Generated, GenerationRequest, ImageGenerator
from manifests.errors import InfrastructureError, ModelError, RejectedItem
from manifests.records import Fake, Reason

Pictures = list[NDArray[np.uint8]]
Altered = Callable[[str, str, Callable[[dict[str, Any]], None]], Path]
SETTINGS = {"num_inference_steps": 4, "guidance_scale": 3.0, "batch_size": 3}


def redrawn(model: Path, **more: object) -> ImageToImageConfig:
    return ImageToImageConfig.model_validate({"name": "redrawn", "model": str(model), **SETTINGS, **more})


def inpainted(model: Path, **more: object) -> InpaintConfig:
    return InpaintConfig.model_validate({"name": "inpainted", "model": str(model), **SETTINGS, **more})


def requests(pictures: Pictures) -> list[GenerationRequest]:
    return [
        GenerationRequest(f"{number:016x}-patch", f"a red cube {number}", picture, 32, 32)
        for number, picture in enumerate(pictures)
    ]


def opened(config: DiffusionConfig) -> ImageGenerator:
    return open_generator(config, "cpu", salt="salt")


def fakes(generator: ImageGenerator, asked: list[GenerationRequest]) -> list[Generated]:
    answers = [answer for batch in generator.generate(asked) for answer in batch]
    made = [answer for answer in answers if isinstance(answer, Generated)]
    assert len(made) == len(asked)
    return made


def by_diffusers(folder: Path, fake: Fake, region: NDArray[np.uint8]) -> bytes:
    """The native pixels, made again with diffusers alone from the record; the other rows hold something else."""
    import diffusers
    import torch
    from PIL import Image

    beside: dict[str, Any] = {"add_watermarker": False} if "XL" in fake.pipeline else {"safety_checker": None}
    with quiet():
        pipeline = getattr(diffusers, fake.pipeline).from_pretrained(folder, **beside)
        pipeline.scheduler = getattr(diffusers, fake.scheduler).from_config(json.loads(fake.scheduler_config))
        pipeline.set_progress_bar_config(disable=True)
        rows, place = range(fake.batch_size), fake.batch_position
        images = [Image.fromarray(region if row == place else region[::-1]) for row in rows]
        arguments: dict[str, Any] = {"image": images, "strength": fake.strength}
        if fake.method == "inpaint":
            anew = raster_of(fake.mask, fake.native_width, fake.native_height)
            arguments["mask_image"] = [Image.fromarray(anew if row == place else ~anew).convert("L") for row in rows]
            arguments |= {"width": fake.native_width, "height": fake.native_height}
        made = pipeline(
            [fake.prompt_used if row == place else "something else" for row in rows],
            num_inference_steps=fake.num_inference_steps,
            guidance_scale=fake.guidance_scale,
            generator=[torch.Generator().manual_seed(fake.seed if row == place else 100 + row) for row in rows],
            output_type="np",
            **arguments,
        ).images
    return bytes(np.rint(made[place] * 255).astype(np.uint8).tobytes())


@pytest.mark.parametrize("model", ["sd", "sdxl"])
def test_a_redrawn_image_is_what_diffusers_makes_of_its_record(models: Path, pictures: Pictures, model: str):
    made = fakes(opened(redrawn(models / model, strength=0.6)), requests(pictures))
    for one, picture in list(zip(made, pictures, strict=True))[1:4:2]:
        assert (one.fake.method, one.fake.strength, one.fake.mask) == ("image-to-image", 0.6, None)
        assert by_diffusers(models / model, one.fake, picture) == one.pixels.tobytes()


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("sd", {"scheduler": "EulerDiscreteScheduler"}),
        ("stable_diffusion_inpainting", {}),
        ("stable_diffusion_inpainting", {"mask": "none"}),
        ("sdxl", {"strength": 0.8, "mask": {"shapes": ["stroke"]}}),
    ],
)
def test_an_inpainted_image_is_what_diffusers_makes_of_its_record(
    models: Path, pipelines: Callable[[str], Path], pictures: Pictures, model: str, more: dict[str, object]
):
    folder = models / model if (models / model).exists() else pipelines(model)
    made = fakes(opened(inpainted(folder, **more)), requests(pictures))
    for one, picture in list(zip(made, pictures, strict=True))[1:4:2]:
        assert (one.fake.mask is None) == (more.get("mask") == "none")
        assert by_diffusers(folder, one.fake, picture) == one.pixels.tobytes()


def test_less_strength_leaves_more_of_the_real(models: Path, pictures: Pictures):
    def change(strength: float) -> float:
        made = fakes(opened(redrawn(models / "sd", strength=strength)), requests(pictures[:3]))
        # the autoencoder's own loss is in the first: a strength that adds next to no noise
        return float(np.mean([np.abs(one.pixels.astype(int) - least[one.fake.seed]).mean() for one in made]))

    nothing = fakes(opened(redrawn(models / "sd", num_inference_steps=100, strength=0.01)), requests(pictures[:3]))
    least = {one.fake.seed: one.pixels.astype(int) for one in nothing}
    assert change(0.25) < change(1.0)


def test_a_restored_background_is_the_reals_own(models: Path, pictures: Pictures):
    asked = requests(pictures)
    through = fakes(opened(inpainted(models / "sd")), asked)
    restored = fakes(opened(inpainted(models / "sd", restore_background=True)), asked)
    for whole, cut, picture in zip(through, restored, pictures, strict=True):
        assert whole.fake.mask == cut.fake.mask
        assert (whole.fake.restored_background, cut.fake.restored_background) == (False, True)
        anew = raster_of(cut.fake.mask, 32, 32)
        assert np.array_equal(cut.pixels[~anew], picture[~anew])
        assert np.array_equal(cut.pixels[anew], whole.pixels[anew])
        assert not np.array_equal(whole.pixels[~anew], picture[~anew])


def test_masks_are_the_pairs_own_and_within_the_margin(models: Path, pictures: Pictures):
    asked = [
        GenerationRequest(request.pair_id, request.prompt, request.region, 32, 32, margin=8)
        for request in requests(pictures)
    ]
    config = inpainted(models / "sd", mask={"shapes": ["rectangle", "ellipse"]})
    masks = [one.fake.mask for one in fakes(opened(config), asked)]
    assert len({str(mask) for mask in masks}) == 5
    assert all(mask is not None and all(8 <= place <= 24 for point in mask.points for place in point) for mask in masks)


def test_nothing_masked_needs_a_model_that_is_shown_the_image(models: Path):
    with pytest.raises(ModelError, match=r"mask = 'none', sd would generate nothing.*method = 'reconstruct'"):
        opened(inpainted(models / "sd", mask="none"))


def test_the_real_must_be_there(models: Path):
    for config in (redrawn(models / "sd"), inpainted(models / "sd")):
        with pytest.raises(ModelError, match="a-patch must bring a region of 32x32 pixels, but there is none"):
            fakes(opened(config), [GenerationRequest("a-patch", "a red cube", None, 32, 32)])


@pytest.mark.parametrize("config", [redrawn, inpainted])
def test_broken_images_are_rejected_after_their_reseeds(
    altered: Altered, pictures: Pictures, config: Callable[..., DiffusionConfig]
):
    folder = altered(
        "sd", "vae/diffusion_pytorch_model.safetensors", lambda tensors: tensors["decoder.conv_out.bias"].fill_(-9.0)
    )
    more = {"max_reseeds": 1} | ({"restore_background": True} if config is inpainted else {})
    (answers,) = opened(config(folder, **more)).generate(requests(pictures[:2]))
    for answer in answers:
        assert isinstance(answer, RejectedItem)
        assert (answer.reason, "the last of 2 seeds" in answer.detail) == (Reason.BLANK, True)


@pytest.mark.parametrize("config", [redrawn, inpainted])
def test_out_of_memory_goes_on_in_halves(models: Path, pictures: Pictures, config: Callable[..., DiffusionConfig]):
    made = fakes(_with_unet(config(models / "sd", batch_size=4), _full_at(2)), requests(pictures))
    assert [(one.fake.batch_size, one.fake.numerics) for one in made] == [(2, "degraded")] * 4 + [(1, "exact")]
    assert by_diffusers(models / "sd", made[3].fake, pictures[3]) == made[3].pixels.tobytes()


def test_faults_of_the_machine_are_no_rejects(models: Path, pictures: Pictures):
    import torch

    def lost(_: object, __: object) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nmore lines")

    with pytest.raises(
        InfrastructureError, match=r"redrawn: the device failed \(CUDA error: an illegal .* encountered\);"
    ):
        fakes(_with_unet(redrawn(models / "sd"), lost), requests(pictures))
    with pytest.raises(InfrastructureError, match="out of memory with a batch of one image"):
        fakes(_with_unet(redrawn(models / "sd"), _full_at(0)), requests(pictures))


def _with_unet(config: DiffusionConfig, hook: Callable[..., None]) -> Diffusion:
    """The generator, whose denoiser asks a hook first."""
    loaded = load_pipeline(config, "cpu")
    loaded.pipeline.unet.register_forward_pre_hook(hook)
    return Diffusion(loaded, config, "salt")


def _full_at(images: int) -> Callable[..., None]:
    """A device that has memory for so many images."""
    import torch

    def full(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if len(inputs[0]) > 2 * images:  # guidance doubles the rows
            raise torch.OutOfMemoryError("out of memory")

    return full
