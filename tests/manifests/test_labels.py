"""Which words mean real and which mean fake."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.labels import FAKE, REAL, generator_name, is_generator, label_of_class, label_of_name, split_of


@pytest.mark.parametrize("name", ["real", "0_real", "REAL", "nature", "Human", "RealArt", "real images", "not-AI"])
def test_words_for_reals(name: str):
    assert label_of_class(name) == label_of_name(name) == REAL


@pytest.mark.parametrize("name", ["fake", "1_fake", "0_fake", "AI", "ai_gen", "AiArtData", "AI-generated", "synthetic"])
def test_words_for_fakes(name: str):
    assert label_of_class(name) == label_of_name(name) == FAKE


@pytest.mark.parametrize(
    "name", ["sdxl", "Midjourney v6", "BigGAN", "stable_diffusion_v_1_4", "nano-banana", "StyleGAN2"]
)
def test_a_generator_makes_fakes_but_is_no_class(name: str):
    assert label_of_class(name) is None
    assert is_generator(name)
    assert label_of_name(name) == FAKE


@pytest.mark.parametrize("name", ["cat", "n01440764", "train", "0", "1", "true", "", "images"])
def test_other_words_mean_neither(name: str):
    assert label_of_name(name) is None


@given(st.text(max_size=30))
def test_a_generators_name_is_as_records_have_it(name: str):
    found = generator_name(name)
    assert re.fullmatch(r"[a-z0-9_]*", found)
    assert generator_name(found) == found


def test_publishers_words_for_splits():
    assert [split_of(word) for word in ("train", "val", "Valid", "dev", "testing", "nature")] == [
        "train",
        "validation",
        "validation",
        "validation",
        "test",
        "",
    ]


@pytest.mark.parametrize("name", ["sdxl_real", "midjourney originals", "dalle photos", "not_fake", "unreal"])
def test_words_that_may_mean_either_mean_neither(name: str):
    assert label_of_name(name) is None
