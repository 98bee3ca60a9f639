"""What all tests share: where the photographs are, and one thread a worker."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# no example is too slow: how long one takes says more about what else runs on the machine
settings.register_profile("twinset", deadline=None)
settings.load_profile("twinset")

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # workers share the cores; more threads only get in each other's way
os.environ.setdefault("HF_HUB_OFFLINE", "1")

PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "photos" / "imagenet"


@pytest.fixture(scope="session")
def photographs() -> list[Path]:
    """240 real photographs, named `<wnid>_<class>.JPEG`, in the order of their names."""
    paths = sorted(PHOTOGRAPHS.glob("*.JPEG"))
    if not paths:
        pytest.skip(
            "the photographs are not here: put some JPEGs named <wnid>_<class>.JPEG into ../shared/photos/imagenet"
        )
    return paths
