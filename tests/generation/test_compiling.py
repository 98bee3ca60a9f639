import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from generation.compiling import compile_pipeline, decided
from generation.config import BlipCaptions, Compiling, TextToImageConfig

INDUCTOR = bool(os.environ.get("TWINSET_TEST_COMPILE"))
"""Machine code takes minutes on a CPU; otherwise it is asked only that each model is one graph, and of one shape."""

SD_PIXELS = 512 * 512


def sd(compiling: Compiling = "auto", steps: int = 50, guidance: float = 7.5) -> TextToImageConfig:
    return TextToImageConfig(
        name="sd", model="sd", num_inference_steps=steps, guidance_scale=guidance, compile=compiling
    )


def compiles(
    config: TextToImageConfig | BlipCaptions, images: int, device: str = "cuda", pixels: int = SD_PIXELS
) -> Compiling:
    return decided(config, images=images, pixels=pixels, device=device).compile


def shortest(config: TextToImageConfig, pixels: int = SD_PIXELS) -> int:
    """The fewest images that a run must ask for."""
    return next(images for images in range(1, 10**6) if compiles(config, images, pixels=pixels))


def test_long_runs_on_a_gpu_are_compiled_and_short_ones_are_not():
    assert compiles(sd(), 100) is False
    assert compiles(sd(), 100_000) is True
    assert compiles(sd(), 100_000, device="cuda:1") is True
    assert compiles(sd(), 10**9, device="cpu") is False


def test_what_a_person_says_holds():
    for said in (True, False):
        for images in (1, 10**9):
            for device in ("cpu", "cuda"):
                assert compiles(sd(said), images, device) is said


def test_more_work_an_image_pays_earlier():
    once = shortest(sd())
    assert shortest(sd(steps=100)) == pytest.approx(once / 2, rel=0.02)
    assert shortest(sd(guidance=1.0)) == pytest.approx(once * 2, rel=0.01)
    assert shortest(sd(), pixels=4 * SD_PIXELS) == pytest.approx(once / 4, rel=0.01)
    assert 500 < once < 5000


def test_a_captioner_of_large_batches_has_less_to_win():
    small, large = (BlipCaptions(model="blip", batch_size=size) for size in (16, 256))
    assert compiles(small, 1000) is False
    assert compiles(small, 100_000) is True
    assert compiles(large, 100_000) is False
    assert compiles(large, 10**6) is True


@pytest.fixture
def compiler() -> Iterator[None]:
    """Inductor where that is asked for; else graphs are captured and run as they are."""
    import torch

    before = torch.compiler.get_default_backend()
    torch.compiler.set_default_backend("inductor" if INDUCTOR else "eager")
    yield
    torch.compiler.set_default_backend(before)
    torch.compiler.reset()


@pytest.mark.usefixtures("compiler")
def test_a_compiled_pipeline_gives_the_same_images_and_says_that_it_is_compiled(models: Path):
    from generation.open import open_generator
    from generation.requests import Generated, GenerationRequest

    requests = [
        GenerationRequest(f"{number:016x}-scene", "a red cube", None, width=32, height=32) for number in range(3)
    ]

    def made(compiling: bool) -> list[Generated]:
        config = TextToImageConfig(
            name="tiny", model=str(models / "sd"), num_inference_steps=2, batch_size=2, compile=compiling
        )
        batches = open_generator(config, "cpu", salt="salt").generate(requests)
        return [answer for batch in batches for answer in batch if isinstance(answer, Generated)]

    eager, compiled = made(False), made(True)
    assert len(eager) == len(compiled) == 3
    for one, other in zip(eager, compiled, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1
        assert other.fake.versions["compiled"] == "inductor"
        assert "compiled" not in one.fake.versions
    # the last batch is filled up: a compiled model knows one shape
    assert [one.fake.batch_size for one in compiled] == [2, 2, 2]
    assert [one.fake.batch_size for one in eager] == [2, 2, 1]


@pytest.mark.usefixtures("compiler")
def test_one_process_compiles_many_models_of_one_class_for_many_shapes():
    import torch

    class Net(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(width, width)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return self.layer(rows)

    def pipeline(width: int) -> SimpleNamespace:
        made = SimpleNamespace(unet=Net(width), vae=SimpleNamespace(decoder=Net(width)))
        compile_pipeline(made)
        return made

    for width in range(4, 9):
        one = pipeline(width)
        with torch.no_grad():
            one.vae.decoder(one.unet(torch.ones(2, width)))
    for rows in range(1, 11):
        with torch.no_grad():
            assert one.unet(torch.ones(rows, width)).shape == (rows, width)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("prefix", ["", "a photo of"] if INDUCTOR else ["a photo of"])
def test_a_compiled_captioner_says_the_same(models: Path, pictures: list[np.ndarray], prefix: str):
    from generation.captioning import open_captioner
    from generation.requests import CaptionRequest
    from manifests.records import Caption

    requests = [CaptionRequest(f"{number:016x}-scene", pixels) for number, pixels in enumerate(pictures)]

    def captions(compiling: bool) -> list[Caption]:
        config = BlipCaptions(
            model=str(models / "blip"), max_new_tokens=8, batch_size=2, prefix=prefix, compile=compiling
        )
        answers = open_captioner(config, "cpu").caption(requests)
        return [answer for answer in answers if isinstance(answer, Caption)]

    eager, compiled = captions(False), captions(True)
    assert len(eager) == len(pictures)
    assert [one.text for one in compiled] == [one.text for one in eager]
    assert {one.decoding["compiled"] for one in compiled} == {"inductor"}
    assert {one.decoding["batch_size"] for one in compiled} == {2}
    assert all("compiled" not in one.decoding for one in eager)


@pytest.mark.usefixtures("compiler")
def test_a_compiled_captioner_meets_batches_of_more_sizes_than_torch_allows_a_class(
    models: Path, pictures: list[np.ndarray]
):
    import torch._dynamo
    from transformers import BlipForConditionalGeneration, BlipProcessor

    from generation.blip import Reader
    from generation.requests import CaptionRequest

    model, processor = (part.from_pretrained(models / "blip") for part in (BlipForConditionalGeneration, BlipProcessor))
    reader = Reader(model, processor, BlipCaptions(model="blip", max_new_tokens=2, compile=True))
    prepared = reader.prepare([CaptionRequest("0" * 16 + "-scene", pictures[0])])
    with torch._dynamo.config.patch(recompile_limit=1):  # of its 8, so that two sizes are enough
        for rows in (2, 1):
            assert len(reader.read(prepared * rows)) == rows
