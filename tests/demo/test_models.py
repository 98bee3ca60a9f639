"""The committed models do what the demo promises, measured on scenes that they have not seen."""

import logging
import warnings
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from transformers import BlipForConditionalGeneration, BlipProcessor

import demo
from demo.training.data import EVALUATION_SEED, Windows, render_windows
from demo.training.evaluation import Captioner, agreement, draw

MODELS = Path(demo.__file__).parent / "models"
PIPELINE, BLIP = MODELS / "stable-diffusion", MODELS / "blip"
CPU = torch.device("cpu")
CAPTIONED, DRAWN = 200, 40


@pytest.fixture(scope="module")
def unseen() -> Windows:
    return render_windows(CAPTIONED + 20, EVALUATION_SEED, processes=1).only_whole()


def test_the_weights_are_small():
    sizes = [path.stat().st_size for path in MODELS.rglob("*") if path.is_file()]
    assert sum(sizes) <= 24_000_000
    assert max(sizes) <= 10_000_000


def test_the_models_load_without_a_warning(caplog: pytest.LogCaptureFixture):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        pipeline = StableDiffusionPipeline.from_pretrained(PIPELINE, local_files_only=True)
        BlipForConditionalGeneration.from_pretrained(BLIP, local_files_only=True)
        BlipProcessor.from_pretrained(BLIP, local_files_only=True)
    assert not caplog.records
    assert pipeline.tokenizer.model_max_length == 77
    assert pipeline.unet.config.sample_size * pipeline.vae_scale_factor == 64


def test_unseen_scenes_are_named(unseen: Windows):
    images = [Image.fromarray(image) for image in unseen.images[:CAPTIONED]]
    found = Captioner(BLIP, CPU).captions(images)
    assert agreement(unseen.captions[:CAPTIONED], found).whole >= 0.95


def test_fakes_show_what_their_prompts_say(unseen: Windows):
    prompts = unseen.captions[:DRAWN]
    result = agreement(prompts, Captioner(BLIP, CPU).captions(draw(PIPELINE, prompts, CPU)))
    assert result.attributes >= 0.85
    assert result.whole >= 0.70
