from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from classifier.config import ClassifierConfig
from classifier.training import train
from manifests.dataset import Dataset
from manifests.errors import RecipeError

MakeDataset = Callable[..., Dataset]
CONFIG = ClassifierConfig(backbone="test_resnet", epochs=3, batch_size=4, image_size=32, learning_rate=3e-3)


@pytest.fixture(scope="module")
def dataset(make_dataset: MakeDataset) -> Dataset:
    return make_dataset({"train": 24, "validation": 12, "test": 4})


@pytest.mark.parametrize(
    "settings",
    [{"keep": "best"}, {"keep": "best", "ema": 0.8}, {"keep": "last", "ema": 0.8, "precision": "bf16-mixed"}],
)
def test_the_weights_that_were_watched_are_those_that_are_kept(
    dataset: Dataset, tmp_path: Path, settings: dict[str, object]
):
    config = CONFIG.model_copy(update=settings)
    report = train(dataset, config, tmp_path / "detector", device="cpu")
    watched = [epoch.validation_auc for epoch in report.history]
    expected = max(watched) if config.keep == "best" else watched[-1]
    # validation is watched in the training's precision, and measured in 32 bits
    assert report.validation.auc == pytest.approx(expected, abs=0.03 if "precision" in settings else 1e-6)


def test_a_training_without_progress_stops_early(dataset: Dataset, tmp_path: Path):
    still = CONFIG.model_copy(update={"learning_rate": 1e-12, "ema": 0.999, "patience": 1, "epochs": 9})
    report = train(dataset, still, tmp_path / "detector", device="cpu")
    assert len(report.history) < 9
    assert not (tmp_path / ".detector.partial").exists()


def test_a_loss_beyond_all_bounds_is_told(dataset: Dataset, tmp_path: Path):
    with pytest.raises(RecipeError, match=r"no number any more in epoch 1: lower classifier\.learning_rate"):
        train(dataset, CONFIG.model_copy(update={"learning_rate": 1e30, "warmup": 0.0}), tmp_path / "out", device="cpu")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("strategy", "reason"), [("nonsense", "invalid strategy name"), ("fsdp", "requires a GPU accelerator")]
)
def test_a_strategy_that_lightning_refuses_is_told_by_its_key(
    dataset: Dataset, tmp_path: Path, strategy: str, reason: str
):
    with pytest.raises(RecipeError, match=rf"classifier\.strategy = '{strategy}': .*{reason}") as caught:
        train(dataset, CONFIG.model_copy(update={"strategy": strategy}), tmp_path / "detector", device="cpu")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_has_the_curve(dataset: Dataset, tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = tmp_path / "detector"
    report = train(dataset, CONFIG.model_copy(update={"tensorboard": True, "epochs": 2}), out, device="cpu")
    events = EventAccumulator(str(out / "tensorboard"))
    events.Reload()
    watched = [event.value for event in events.Scalars("validation_auc")]
    assert watched == pytest.approx([epoch.validation_auc for epoch in report.history])


@pytest.mark.skipif(find_spec("tensorboard") is not None, reason="tensorboard is installed here")
def test_a_missing_tensorboard_is_told(dataset: Dataset, tmp_path: Path):
    with pytest.raises(RecipeError, match="pip install tensorboard"):
        train(dataset, CONFIG.model_copy(update={"tensorboard": True}), tmp_path / "detector", device="cpu")
    assert list(tmp_path.iterdir()) == []
