"""What all tests share: where the photographs are, one thread a worker, and no chance: a red test is red again."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# no example is too slow: how long one takes says more about what else runs on the machine; and each time the same ones
settings.register_profile("twinset", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("twinset")

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # workers share the cores; more threads only get in each other's way
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Weights that a test leaves to chance are the same ones, whatever else this process has tested before."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes name no test: a zip's or a profile's hold the time, and the workers must collect tests of equal names."""
    return "bytes" if isinstance(val, bytes) else None


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


@pytest.fixture(scope="session")
def safety_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ViT with random weights and the classes `safe`, `nude` and `gore`, in the published format."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    from generation.quiet import quiet

    folder = tmp_path_factory.mktemp("safety") / "vit-safety"
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=8,
        initializer_range=0.5,
        id2label={0: "safe", 1: "nude", 2: "gore"},
        label2id={"safe": 0, "nude": 1, "gore": 2},
    )
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(0)
        ViTForImageClassification(config).save_pretrained(folder)
        ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder
