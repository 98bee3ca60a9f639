import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.config import ReconstructConfig
from generation.open import open_generator
from generation.requests import Generated, GenerationRequest, ImageGenerator
from manifests.errors import ModelError, RejectedItem
from manifests.records import Reason

Pictures = list[NDArray[np.uint8]]
Altered = Callable[[str, str, Callable[[dict[str, Any]], None]], Path]


def requests(pictures: Pictures) -> list[GenerationRequest]:
    return [
        GenerationRequest(f"{number:016x}-patch", "", picture, width=picture.shape[1], height=picture.shape[0])
        for number, picture in enumerate(pictures)
    ]


def opened(model: Path, **more: object) -> ImageGenerator:
    settings = {"name": "vae", "model": str(model), "batch_size": 2, "license": "mit"} | more
    return open_generator(ReconstructConfig.model_validate(settings), "cpu", salt="salt")


def fakes(generator: ImageGenerator, asked: list[GenerationRequest]) -> list[Generated]:
    answers = [answer for batch in generator.generate(asked) for answer in batch]
    return [answer for answer in answers if isinstance(answer, Generated)]


def test_the_latent_of_an_autoencoder_kl_is_its_mode(models: Path, pictures: Pictures):
    import diffusers
    import torch

    vae = diffusers.AutoencoderKL.from_pretrained(models / "vae")
    batch = torch.from_numpy(np.stack(pictures[:2])).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        decoded = vae.decode(vae.encode(batch).latent_dist.mode()).sample
    levels = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255
    for made, expected in zip(fakes(opened(models / "vae"), requests(pictures[:2])), levels, strict=True):
        # half a level and a little: rounded, not cut
        assert np.abs(made.pixels - expected).max() < 0.501
        assert made.pixels.dtype == np.uint8


def test_sixteen_channels_without_quantising_convolutions_go_through(models: Path, pictures: Pictures):
    import diffusers
    import torch

    vae = diffusers.AutoencoderKL.from_pretrained(models / "vae-16")
    assert (vae.config.latent_channels, vae.config.shift_factor, vae.quant_conv) == (16, 0.0609, None)
    batch = torch.from_numpy(np.stack(pictures[:2])).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        decoded = vae.decode(vae.encode(batch).latent_dist.mode()).sample
    levels = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255
    for made, expected in zip(fakes(opened(models / "vae-16"), requests(pictures[:2])), levels, strict=True):
        assert np.abs(made.pixels - expected).max() < 0.501


def test_the_latent_of_an_autoencoder_tiny_is_not_rounded(models: Path, pictures: Pictures):
    import diffusers
    import torch

    vae = diffusers.AutoencoderTiny.from_pretrained(models / "vae-tiny")
    batch = torch.from_numpy(np.stack(pictures[:2])).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        decoded = vae.decode(vae.encode(batch).latents).sample
    levels = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255
    for made, expected in zip(fakes(opened(models / "vae-tiny"), requests(pictures[:2])), levels, strict=True):
        assert np.abs(made.pixels - expected).max() < 0.501
        assert made.fake.pipeline == "AutoencoderTiny"


def test_an_autoencoder_without_a_distribution_goes_through(pipelines: Callable[[str], Path], pictures: Pictures):
    made = fakes(opened(pipelines("sana")), requests(pictures[:2]))
    assert {one.fake.pipeline for one in made} == {"AutoencoderDC"}
    assert made[0].pixels.tobytes() != made[1].pixels.tobytes()


def test_records_say_how_to_make_it_again(models: Path, pictures: Pictures):
    from hashlib import sha256

    made = fakes(opened(models / "vae"), requests(pictures))
    assert [(one.fake.batch_size, one.fake.batch_position) for one in made] == [(2, 0), (2, 1), (2, 0), (2, 1), (1, 0)]
    fake = made[0].fake
    assert (fake.generator, fake.method, fake.model, fake.license) == ("vae", "reconstruct", "vae", "mit")
    assert (fake.pipeline, fake.native_width, fake.native_height) == ("AutoencoderKL", 32, 32)
    assert (fake.seed, fake.reseeds, fake.numerics, fake.device) == (0, 0, "exact", "cpu")
    assert set(fake.versions) == {"diffusers", "torch", "transformers"}
    assert len(fake.revision) == 16
    assert fake.native_sha256 == sha256(made[0].pixels.tobytes()).hexdigest()


def test_equal_requests_give_equal_bytes_in_any_chunk(models: Path, pictures: Pictures):
    generator = opened(models / "vae")
    once = [(one.pixels.tobytes(), one.fake) for one in fakes(generator, requests(pictures))]
    fakes(generator, requests(pictures[3:]))
    assert [(one.pixels.tobytes(), one.fake) for one in fakes(generator, requests(pictures))] == once
    again = fakes(opened(models / "vae"), requests(pictures))
    assert [(one.pixels.tobytes(), one.fake) for one in again] == once


def test_what_the_other_rows_hold_changes_nothing(models: Path, pictures: Pictures):
    generator = opened(models / "vae")
    kept = fakes(generator, requests([pictures[0], pictures[1]]))[1]
    beside_another = fakes(generator, requests([pictures[3], pictures[1]]))[1]
    assert kept.pixels.tobytes() == beside_another.pixels.tobytes()


def test_the_autoencoder_of_a_pipeline_serves_as_well(models: Path, pictures: Pictures, tmp_path: Path):
    shutil.copytree(models / "sd" / "vae", tmp_path / "alone")
    inside = fakes(opened(models / "sd"), requests(pictures))
    alone = fakes(opened(tmp_path / "alone"), requests(pictures))
    assert [one.pixels.tobytes() for one in inside] == [one.pixels.tobytes() for one in alone]
    assert inside[0].fake.model == "sd"


@pytest.mark.parametrize("name", ["vae", "vae-tiny"])
def test_sizes_that_would_be_padded_are_refused(models: Path, name: str):
    generator = opened(models / name)
    assert generator.size_multiple == 4
    with pytest.raises(ModelError, match=r"30x30 does not suit its model.*multiple of 4"):
        fakes(generator, requests([np.zeros((30, 30, 3), np.uint8)]))


def test_a_chunk_has_one_size(models: Path, pictures: Pictures):
    with pytest.raises(ModelError, match="a chunk must have one size, not 16x16, 32x32"):
        fakes(opened(models / "vae"), requests([pictures[0], pictures[1][:16, :16]]))


def test_a_region_must_be_there_and_have_the_size_asked_for(models: Path, pictures: Pictures):
    generator = opened(models / "vae")
    with pytest.raises(ModelError, match="a-patch must bring a region of 32x32 pixels, but there is none"):
        fakes(generator, [GenerationRequest("a-patch", "", None, 32, 32)])
    with pytest.raises(ModelError, match=r"one of shape \(32, 32, 3\)"):
        fakes(generator, [GenerationRequest("a-patch", "", pictures[0], 64, 64)])


@pytest.mark.parametrize(
    ("bias", "reason"), [(float("nan"), Reason.NOT_A_NUMBER), (float("inf"), Reason.BLANK), (-9.0, Reason.BLANK)]
)
def test_broken_reconstructions_are_rejected(altered: Altered, pictures: Pictures, bias: float, reason: Reason):
    copy = altered(
        "vae", "diffusion_pytorch_model.safetensors", lambda tensors: tensors["decoder.conv_out.bias"].fill_(bias)
    )
    (answers,) = opened(copy).generate(requests(pictures[:2]))
    for answer in answers:
        assert isinstance(answer, RejectedItem)
        assert answer.reason is reason


def test_no_requests_give_no_batches(models: Path):
    assert list(opened(models / "vae").generate([])) == []


def test_half_precision_is_refused_by_an_autoencoder_that_overflows_in_it(models: Path, pictures: Pictures):
    # AutoencoderKL's default is to be kept in float32
    made = fakes(opened(models / "vae", dtype="float16"), requests(pictures))
    assert made[0].fake.dtype == "float32"
    assert made[0].pixels.tobytes() == fakes(opened(models / "vae"), requests(pictures))[0].pixels.tobytes()
    assert fakes(opened(models / "vae", dtype="bfloat16"), requests(pictures))[0].fake.dtype == "bfloat16"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "has no config.json; is it the right folder"),
        (
            '{"_class_name": "VQModel"}',
            "holds a VQModel; expected one of AutoencoderDC, AutoencoderKL, AutoencoderTiny",
        ),
        ('{"_class_name": "AutoencoderKL"}', r"has no weights: expected diffusion_pytorch_model\.safetensors"),
        ("[]", "holds no JSON object"),
        ("{", "cannot be read"),
    ],
)
def test_a_wrong_folder_is_an_error_of_one_line(tmp_path: Path, content: str | None, complaint: str):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=complaint) as caught:
        opened(tmp_path)
    assert "\n" not in str(caught.value)
