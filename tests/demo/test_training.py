"""The training scripts run end to end on a handful of pictures, and what they write loads as published models do."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from demo.scenes import COLOURS, FLOORS, SHAPES, parse_caption
from demo.training.captioner import train_captioner
from demo.training.data import SIZE, TRAINING_SEED, Windows, load_windows, render_windows
from demo.training.diffusion import train_diffusion
from demo.training.evaluation import Captioner, agreement, draw
from demo.training.schedule import Budget, batches
from demo.training.tokenizers import caption_tokenizer, prompt_tokenizer
from demo.training.vae import load_vae, train_vae

CPU = torch.device("cpu")
MOMENT = 1e-6


@pytest.fixture(scope="module")
def windows() -> Windows:
    return render_windows(40, TRAINING_SEED, processes=1)


def test_windows_are_pictures_with_a_caption_that_can_be_read(windows: Windows):
    assert windows.images.shape == (len(windows.captions), SIZE, SIZE, 3)
    assert windows.images.dtype == np.uint8
    assert all(parse_caption(text) for text in windows.captions)
    assert len(windows.only_whole().captions) == windows.whole.sum()


def test_windows_are_rendered_once(tmp_path: Path):
    cache = tmp_path / "windows.npz"
    first = load_windows(cache, 3, TRAINING_SEED)
    written = cache.stat().st_mtime_ns
    second = load_windows(cache, 3, TRAINING_SEED)
    assert cache.stat().st_mtime_ns == written
    assert np.array_equal(first.images, second.images)
    assert first.captions == second.captions


def test_all_stages_write_models_that_load_without_a_warning(
    windows: Windows, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    pipeline, blip = tmp_path / "stable-diffusion", tmp_path / "blip"
    train_vae(windows, pipeline / "vae", MOMENT, CPU)
    train_diffusion(windows, pipeline, MOMENT, CPU)
    train_captioner(windows, pipeline / "vae", blip, MOMENT, CPU)
    with caplog.at_level(logging.WARNING):
        pictures = draw(pipeline, ["a red cube on a grey floor", ""], CPU, steps=2)
        captions = Captioner(blip, CPU).captions([*pictures, Image.new("RGB", (100, 80))])
    assert [picture.size for picture in pictures] == [(SIZE, SIZE)] * 2
    assert len(captions) == 3
    assert not caplog.records


def test_training_goes_on_from_saved_weights(windows: Windows, tmp_path: Path):
    train_vae(windows, tmp_path, MOMENT, CPU)
    before = load_vae(tmp_path).encoder.conv_in.weight
    train_vae(windows, tmp_path, MOMENT, CPU, resume=True)
    after = load_vae(tmp_path).encoder.conv_in.weight
    assert not torch.equal(before, after)
    assert torch.allclose(before, after, atol=1e-2)


@pytest.mark.parametrize("word", ["a", "an", "and", "on", "floor", *COLOURS, *SHAPES, *FLOORS])
def test_every_word_of_the_demo_is_one_token(word: str):
    assert prompt_tokenizer().tokenize(word) == [word + "</w>"]
    assert caption_tokenizer().tokenize(word) == [word]


def test_other_words_are_read_piece_by_piece():
    prompts = prompt_tokenizer()
    assert prompts.unk_token_id not in prompts("Zebra & crème, №5!").input_ids[1:-1]
    assert caption_tokenizer().tokenize("zebra!") == ["z", "##e", "##b", "##r", "##a", "!"]


def test_prompts_are_cut_at_77_tokens():
    tokenizer = prompt_tokenizer()
    assert tokenizer.model_max_length == 77
    assert len(tokenizer("red " * 100, truncation=True).input_ids) == 77


@pytest.mark.parametrize(
    ("found", "right", "of"),
    [
        ("a red cube and a blue cone on a grey floor", 5, 5),
        ("a blue cone and a red cube on a grey floor", 5, 5),
        ("a red cube and a blue cube on a grey floor", 4, 5),
        ("a blue cube and a red cone on a grey floor", 3, 5),
        ("a blue cone on a green floor", 2, 5),
        ("what is this", 0, 5),
    ],
)
def test_agreement_counts_the_attributes_that_are_named(found: str, right: int, of: int):
    result = agreement(["a red cube and a blue cone on a grey floor"], [found])
    assert result.attributes == right / of
    assert result.whole == (right == of)


def test_an_object_too_many_is_wrong():
    result = agreement(["a red cube on a grey floor"], ["a red cube and a red cube on a grey floor"])
    assert result.attributes == 3 / 5
    assert result.whole == 0


def test_batches_take_every_index_once_an_epoch():
    stream = batches(10, 3, torch.Generator().manual_seed(0))
    epoch = torch.cat([next(stream) for _ in range(3)])
    assert len(set(epoch.tolist())) == 9


def test_the_learning_rate_rises_and_falls():
    rates = []
    budget = Budget(1.0)
    for gone in (0.0, 0.01, 0.02, 0.5, 1.0):
        budget.progress = lambda gone=gone: gone  # type: ignore[method-assign]
        rates.append(budget.learning_rate(1.0))
    assert rates == pytest.approx([0.01, 0.5, 1.0, 0.52, 0.01], abs=0.02)
