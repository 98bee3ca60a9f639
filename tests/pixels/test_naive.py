from collections.abc import Callable

import numpy as np
import pytest

from manifests.records import ImageFacts
from pixels.arrays import Pixels
from pixels.config import NaiveRules
from pixels.decode import decode
from pixels.jpeg import jpeg_coding
from pixels.naive import naive_pair
from pixels.sniff import sniff


def test_reals_stay_as_they_came_and_fakes_become_pngs(
    draw: Callable[..., Pixels], save: Callable[..., bytes], facts_of: Callable[..., ImageFacts]
):
    real, fake = save(draw(), quality=61), draw(64, 64, seed=3)
    members = naive_pair(real, {"sd": fake}, NaiveRules(), facts_of(draw()))
    assert members["real"] == real
    assert sniff(members["sd"]) == "PNG"
    assert np.array_equal(decode(members["sd"]), fake)


@pytest.mark.parametrize("file_format", ["BMP", "TIFF"])
def test_what_a_shard_cannot_hold_becomes_an_upright_png(
    draw: Callable[..., Pixels], save: Callable[..., bytes], facts_of: Callable[..., ImageFacts], file_format: str
):
    picture = draw(64, 48)
    members = naive_pair(save(picture, file_format), {}, NaiveRules(), facts_of(picture, orientation=6))
    assert sniff(members["real"]) == "PNG"
    assert np.array_equal(decode(members["real"]), np.rot90(picture, -1))


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_what_a_shard_can_hold_stays_as_it_came(
    draw: Callable[..., Pixels], save: Callable[..., bytes], facts_of: Callable[..., ImageFacts], file_format: str
):
    real = save(draw(), file_format)
    assert naive_pair(real, {}, NaiveRules(), facts_of(draw()))["real"] == real


def test_resized_reals_are_upright_squares_coded_again(
    draw: Callable[..., Pixels], save: Callable[..., bytes], facts_of: Callable[..., ImageFacts]
):
    picture = draw(200, 144)
    rules = NaiveRules(resize=96, quality=70)
    members = naive_pair(save(picture, quality=90), {}, rules, facts_of(picture, orientation=6))
    assert decode(members["real"]).shape == (96, 96, 3)
    assert jpeg_coding(members["real"]) == jpeg_coding(save(picture, quality=70, subsampling="4:2:0"))
    upright = np.rot90(picture, -1)[28:172].astype(int)
    assert np.abs(decode(members["real"]).astype(int).mean(axis=(0, 1)) - upright.mean(axis=(0, 1))).max() < 3
