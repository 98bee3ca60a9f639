import numpy as np
import pytest
from huggingface_hub import ModelCard

from classifier.config import ClassifierConfig
from classifier.metrics import split_metrics
from classifier.model_card import model_card
from classifier.report import DetectorConfig, DetectorReport, GeneratorMetrics

CONFIG = DetectorConfig(
    twinset="0", backbone="resnet18", backbone_options={}, image_size=64, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2),
    threshold=0.4321, temperature=1.5, generators=("sd_demo", "vae_demo"), sources=("coco\x1b[31m",), dataset_name="demo",
    dataset_digest="feed", training=ClassifierConfig(),
)  # fmt: skip


def report() -> DetectorReport:
    labels = np.tile([0, 1], 20).astype(np.int8)
    scores = np.where(labels == 1, 0.8, 0.2)
    scores[0], scores[1], scores[3] = 0.9, 0.1, 0.15
    test = split_metrics(labels, scores, 0.4321, clusters=np.repeat(np.arange(20), 2))
    generators = {"sd_demo": GeneratorMetrics(n=20, auc=0.9, ap=0.9, balanced_accuracy=0.9, recall=0.87654)}
    return DetectorReport(
        threshold=0.4321, temperature=1.5, validation=test, test=test, by_generator=generators, by_view={}, history=()
    )


def test_the_card_is_one_of_the_hubs_with_what_was_measured():
    card = ModelCard(model_card(CONFIG, report()))
    results = {result.metric_type: result for result in card.data.eval_results}
    test = report().test
    assert results["roc_auc"].metric_value == pytest.approx(test.auc, abs=1e-6)
    assert results["false_positive_rate"].metric_value == pytest.approx(0.05)
    assert results["false_negative_rate"].metric_value == pytest.approx(0.1)
    assert {(result.dataset_name, result.dataset_split, result.dataset_revision) for result in results.values()} == {
        ("demo", "test", "feed")
    }
    assert card.data.pipeline_tag == "image-classification"
    assert card.data.library_name == "timm"
    # the Hub would tell readers to load it by timm, which cannot build this head
    of_ours = ModelCard(model_card(CONFIG.model_copy(update={"head": "mlp"}), report()))
    assert (of_ours.data.library_name, "timm" in of_ours.data.tags) == ("twinset", False)


def test_it_says_how_often_the_detector_errs_what_it_learnt_from_and_what_it_is_not_for():
    card = model_card(CONFIG, report())
    assert "called 5.0 of 100 real images fake (95 % interval" in card
    assert "10.0 of 100 fakes real" in card
    assert "0.8765" in card
    for heading in ("Training data", "Limits", "Intended uses", "Prohibited uses"):
        assert f"## {heading}\n" in card
    assert "`sd_demo`, `vae_demo`" in card
    assert "\x1b" not in card
    assert card == model_card(CONFIG, report())


def test_it_says_what_the_training_data_were_and_that_their_audit_failed():
    paired = model_card(CONFIG.model_copy(update={"dataset_audit": "passed"}), report())
    assert "made to match it" in paired
    assert "- Audit: passed\n" in paired
    assert "did not pass its audit" not in paired
    update = {"dataset_audit": "failed", "composition": "singles", "rehearsed": ("first",)}
    gathered = model_card(CONFIG.model_copy(update=update), report())
    assert "made to match it" not in gathered
    assert "were not made to match one another" in gathered
    assert "**Its dataset did not pass its audit.**" in gathered
    assert "- Rehearsed from earlier datasets: `first`\n" in gathered
