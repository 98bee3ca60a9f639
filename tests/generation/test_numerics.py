import pytest

from manifests.errors import TwinsetError


def test_a_device_that_is_not_there_is_an_error_for_a_person():
    from generation.numerics import device_kind, find_device

    assert device_kind(find_device("cpu")) == "cpu"
    for name in ("cuda:77", "abacus"):
        with pytest.raises(TwinsetError, match=f"device '{name}' cannot be used here"):
            find_device(name)


def test_the_noise_of_an_image_depends_on_its_seed_alone():
    import torch

    from generation.numerics import seeded_rng

    torch.manual_seed(1)
    first = torch.randn(4, generator=seeded_rng(2**63 - 1))
    torch.manual_seed(2)
    again = torch.randn(4, generator=seeded_rng(2**63 - 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, torch.randn(4, generator=seeded_rng(2**63 - 2)))
