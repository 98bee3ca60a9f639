import numpy as np
import pytest

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import to_bytes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_level_survives_the_way_through_floats(dtype: type):
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_bytes((levels / 255).astype(dtype)), levels)


def test_rounds_to_the_nearest_level_and_does_not_truncate():
    levels = np.array([0.4, 0.6, 99.4, 99.6, 254.6], dtype=np.float32)
    assert to_bytes(levels / 255).tolist() == [0, 1, 99, 100, 255]


def test_the_mean_is_kept():
    values = np.random.default_rng(0).uniform(0, 1, 100_000)
    assert abs(to_bytes(values).mean() - values.mean() * 255) < 0.01


def test_values_outside_are_clipped():
    assert to_bytes(np.array([-0.2, 1.3])).tolist() == [0, 255]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_rejected(value: float):
    with pytest.raises(RejectedItem) as rejected:
        to_bytes(np.array([0.5, value]))
    assert rejected.value.reason is Reason.NOT_A_NUMBER
