import numpy as np
import pytest
from scipy.fft import dct

from pixels.dct import dct_matrix


@pytest.mark.parametrize("length", [8, 32])
def test_is_the_orthonormal_dct_of_type_two(length: int):
    signal = np.random.default_rng(0).normal(size=length)
    assert np.allclose(dct_matrix(length) @ signal, dct(signal, norm="ortho"), atol=1e-5)
    assert np.allclose(dct_matrix(length) @ dct_matrix(length).T, np.eye(length), atol=1e-6)


def test_the_shared_matrix_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        dct_matrix(8)[0, 0] = 1
