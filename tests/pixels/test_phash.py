from collections.abc import Callable

import numpy as np

from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.phash import phash


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_a_recompressed_smaller_copy_is_near_and_another_picture_is_far(
    draw: Callable[..., Pixels], save: Callable[..., bytes]
):
    hashes = [phash(draw(320, 288, seed=seed)) for seed in range(12)]
    copies = [phash(decode(save(draw(320, 288, seed=seed), quality=40))[::2, ::2]) for seed in range(12)]
    near = [distance(one, copy) for one, copy in zip(hashes, copies, strict=True)]
    far = [distance(hashes[i], hashes[j]) for i in range(12) for j in range(i)]
    assert max(near) <= 6
    assert min(far) >= 12


def test_photographs_are_far_from_each_other_and_near_to_their_copies(
    reduced_photographs: list[Pixels], save: Callable[..., bytes]
):
    hashes = [phash(picture) for picture in reduced_photographs]
    copies = [phash(decode(save(picture, quality=50))) for picture in reduced_photographs]
    assert max(distance(one, copy) for one, copy in zip(hashes, copies, strict=True)) <= 4
    assert min(distance(hashes[i], hashes[j]) for i in range(len(hashes)) for j in range(i)) >= 14


def test_is_a_number_of_64_bits_with_about_half_of_them_set(draw: Callable[..., Pixels]):
    value = phash(draw())
    assert 0 <= value < 2**64
    assert 28 <= value.bit_count() <= 36
    assert value == phash(np.array(draw()))
