from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from generation.config import MakerConfig, ReconstructConfig, TextToImageConfig
from generation.open import open_generator
from generation.replay import ReplayRequest, open_replayer
from generation.requests import Generated, GenerationRequest
from manifests.errors import ModelError, RejectedItem
from manifests.records import Fake, Mask, Reason

Pictures = list[NDArray[np.uint8]]
Altered = Callable[[str, str, Callable[[dict[str, Any]], None]], Path]
FRAME = 32
GENERATOR: TypeAdapter[MakerConfig] = TypeAdapter(Annotated[MakerConfig, Field(discriminator="method")])


def painter(model: Path, **more: object) -> TextToImageConfig:
    settings = {"name": "tiny", "model": str(model), "num_inference_steps": 2, "batch_size": 3} | more
    return TextToImageConfig.model_validate(settings)


def autoencoder(model: Path, **more: object) -> ReconstructConfig:
    return ReconstructConfig.model_validate({"name": "vae", "model": str(model), "batch_size": 2} | more)


def made(config: MakerConfig, pictures: Pictures) -> list[ReplayRequest]:
    """Five fakes, as requests to make them again."""
    generator = open_generator(config, "cpu", salt="salt")
    asked = generator.arranged(
        [
            GenerationRequest(f"{number:016x}-scene", f"a red cube {number}", picture, FRAME, FRAME)
            for number, picture in enumerate(pictures)
        ]
    )
    answers = [answer for batch in generator.generate(asked) for answer in batch]
    looks = config.method != "text-to-image"
    requests = [
        ReplayRequest(request.pair_id, answer.fake, request.region if looks else None)
        for request, answer in zip(asked, answers, strict=True)
        if isinstance(answer, Generated)
    ]
    assert len(requests) == len(pictures)
    return requests


def replayed(config: MakerConfig, requests: Sequence[ReplayRequest]) -> list[Fake]:
    answers = [answer for batch in open_replayer(config, "cpu").replay(requests) for answer in batch]
    fakes = [answer.fake for answer in answers if isinstance(answer, Generated)]
    assert len(fakes) == len(requests)
    return fakes


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("sd", {}),
        ("sd", {"scheduler": "EulerAncestralDiscreteScheduler", "negative_prompt": "red", "guidance_scale": 3.0}),
        ("sdxl", {"num_inference_steps": 3}),
        ("sd", {"dtype": "bfloat16"}),
    ],
)
def test_fakes_from_text_are_made_again_with_all_settings_from_their_records(
    models: Path, pictures: Pictures, model: str, settings: dict[str, object]
):
    requests = made(painter(models / model, **settings), pictures)
    # batches of three rows, and a last one of two
    assert [(request.fake.batch_size, request.fake.batch_position) for request in requests][-2:] == [(2, 0), (2, 1)]
    elsewhere = painter(models / model, num_inference_steps=9, batch_size=7, negative_prompt="blue")
    recorded = [request.fake for request in requests]
    assert replayed(elsewhere, requests) == recorded
    # alone, and in an order of its own
    assert replayed(elsewhere, [requests[4], requests[1], requests[2]]) == [recorded[4], recorded[1], recorded[2]]


GRID = {"scheduler": ["DDIMScheduler", "EulerDiscreteScheduler"], "strength": [0.5, 0.9], "num_inference_steps": [3, 4]}


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("image-to-image", {"strength": 0.7, "scheduler": "EulerAncestralDiscreteScheduler"}),
        ("image-to-image", {"grid": GRID}),
        ("inpaint", {"mask": {"area": [0.2, 0.3]}}),
        ("inpaint", {"restore_background": True, "strength": 0.8}),
    ],
)
def test_fakes_of_a_shown_image_are_made_again_with_all_settings_from_their_records(
    models: Path, pictures: Pictures, method: str, settings: dict[str, object]
):
    named: dict[str, object] = {"name": "shown", "model": str(models / "sd"), "method": method}
    config = GENERATOR.validate_python(named | {"num_inference_steps": 4, "batch_size": 3} | settings)
    requests = made(config, pictures)
    recorded = {request.pair_id: request.fake for request in requests}
    elsewhere = open_replayer(GENERATOR.validate_python(named | {"batch_size": 7}), "cpu")
    # in the order of the pairs, as a rebuild asks
    arranged = elsewhere.arranged(sorted(requests, key=lambda request: request.pair_id))
    answers = [answer for batch in elsewhere.replay(arranged) for answer in batch]
    assert {
        request.pair_id: answer.fake
        for request, answer in zip(arranged, answers, strict=True)
        if isinstance(answer, Generated)
    } == recorded


def test_requests_are_arranged_by_what_a_batch_has_in_common(models: Path, pictures: Pictures):
    config = painter(models / "sd", grid={"num_inference_steps": [2, 3]})
    requests = sorted(made(config, pictures), key=lambda request: request.pair_id)
    steps = [request.fake.num_inference_steps for request in open_replayer(config, "cpu").arranged(requests)]
    assert set(steps) == {2, 3}
    assert steps in (sorted(steps), sorted(steps, reverse=True))


@pytest.mark.parametrize("model", ["vae", "vae-16", "vae-tiny", "sd"])
def test_reconstructions_are_made_again(models: Path, pictures: Pictures, model: str):
    requests = made(autoencoder(models / model), pictures)
    recorded = [request.fake for request in requests]
    elsewhere = autoencoder(models / model, batch_size=5)
    assert replayed(elsewhere, requests) == recorded
    assert replayed(elsewhere, requests[::-2]) == recorded[::-2]


def test_consecutive_requests_share_a_batch(models: Path, pictures: Pictures):
    requests = made(autoencoder(models / "vae"), pictures)
    batches = open_replayer(autoencoder(models / "vae"), "cpu").replay(requests)
    assert [len(batch) for batch in batches] == [2, 2, 1]


def test_other_weights_are_refused(models: Path, pictures: Pictures, altered: Altered):
    requests = made(autoencoder(models / "vae"), pictures)
    other = altered(
        "vae", "diffusion_pytorch_model.safetensors", lambda tensors: tensors["decoder.conv_out.bias"].add_(0.5)
    )
    with pytest.raises(ModelError, match=f"holds other weights .* expected {requests[0].fake.revision}"):
        replayed(autoencoder(other), requests)


def test_what_is_no_image_here_is_rejected(models: Path, pictures: Pictures, altered: Altered):
    requests = made(autoencoder(models / "vae"), pictures)
    other = altered(
        "vae",
        "diffusion_pytorch_model.safetensors",
        lambda tensors: tensors["decoder.conv_out.bias"].fill_(float("nan")),
    )
    anything = [
        ReplayRequest(request.pair_id, request.fake.model_copy(update={"revision": ""}), request.region)
        for request in requests
    ]
    (first, *_) = open_replayer(autoencoder(other), "cpu").replay(anything)
    assert [answer.reason for answer in first if isinstance(answer, RejectedItem)] == [Reason.NOT_A_NUMBER] * 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"batch_position": 3}, "names row 3 of a batch of 3"),
        ({"batch_size": 10**9}, "a batch of 1000000000"),
        ({"dtype": "int4"}, "names dtype 'int4'; expected one of float32"),
        ({"method": "inpaint"}, "says method inpaint, the recipe says text-to-image"),
        ({"scheduler": "Scheduler; import os"}, "name the scheduler 'Scheduler; import os', whose images cannot"),
        ({"scheduler_config": "["}, "the recorded settings of its PNDMScheduler cannot be used"),
        (
            {"mask": Mask(shape="rectangle", points=((0, 0), (40, 8)))},
            "names a mask that leads out of its 32x32 pixels",
        ),
        ({"native_width": 33}, "33x32 does not suit its model; expected multiples of 8"),
    ],
)
def test_a_record_that_cannot_be_followed_is_one_line(
    models: Path, pictures: Pictures, change: dict[str, object], complaint: str
):
    (request, *_) = made(painter(models / "sd"), pictures)
    broken = ReplayRequest(request.pair_id, request.fake.model_copy(update=change), None)
    with pytest.raises(ModelError, match=complaint) as caught:
        replayed(painter(models / "sd"), [broken])
    assert "\n" not in str(caught.value)


def test_a_reconstruction_needs_its_region(models: Path, pictures: Pictures):
    (request, *_) = made(autoencoder(models / "vae"), pictures)
    with pytest.raises(ModelError, match="must bring a region of 32x32 pixels, but there is none"):
        replayed(autoencoder(models / "vae"), [ReplayRequest(request.pair_id, request.fake, None)])
