import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    recall_score,
    roc_auc_score,
)

from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.report import DetectorReport
from classifier.training import train
from manifests.dataset import Dataset
from manifests.errors import DatasetError, GateError, RecipeError, TwinsetError
from manifests.records import Split
from manifests.shards import write_shard
from pixels.decode import decode

CONFIG = ClassifierConfig(backbone="test_resnet", epochs=2, batch_size=4, image_size=40, learning_rate=3e-3)
QUICK = CONFIG.model_copy(update={"epochs": 1})
FILES = ["README.md", "config.json", "metrics.csv", "metrics.json", "model.safetensors", "predictions.parquet"]
MakeDataset = Callable[..., Dataset]


@dataclass(frozen=True)
class Trained:
    dataset: Dataset
    out: Path
    report: DetectorReport


@pytest.fixture(scope="module")
def trained(make_dataset: MakeDataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    dataset = make_dataset(generators=("sharp", "soft"))
    out = tmp_path_factory.mktemp("trained") / "detector"
    return Trained(dataset, out, train(dataset, CONFIG, out, device="cpu"))


def rows(out: Path) -> list[dict[str, object]]:
    return pq.read_table(out / "predictions.parquet").to_pylist()


def test_it_learns_what_tells_the_fakes(trained: Trained):
    assert trained.report.test.auc > 0.9
    assert trained.report.history[-1].loss < trained.report.history[0].loss
    assert len(trained.report.history) == CONFIG.epochs


def test_the_folder_holds_the_six_files_and_nothing_else(trained: Trained):
    assert sorted(path.name for path in trained.out.iterdir()) == FILES
    assert sorted(path.name for path in trained.out.parent.iterdir()) == ["detector"]
    assert DetectorReport.model_validate_json((trained.out / "metrics.json").read_bytes()) == trained.report


def test_every_image_of_validation_and_test_has_one_row(trained: Trained):
    expected = {
        (sample.key, member, split)
        for split in ("validation", "test")
        for sample in trained.dataset.samples(split)
        for member in sample.members
    }
    found = rows(trained.out)
    assert {(row["pair_id"], row["member"], row["split"]) for row in found} == expected
    assert len(found) == len(expected)
    assert {(row["view"], row["source"], row["class_label"]) for row in found} == {("scene", "noise", "cloud")}
    assert all(row["label"] == (row["member"] != "real") for row in found)
    types = {field.name: str(field.type) for field in pq.read_schema(trained.out / "predictions.parquet")}
    assert (types["label"], types["score"]) == ("int8", "float")


@pytest.mark.parametrize("split", ["validation", "test"])
def test_every_figure_follows_from_the_predictions_and_the_threshold(trained: Trained, split: str):
    metrics = json.loads((trained.out / "metrics.json").read_bytes())
    chosen = [row for row in rows(trained.out) if row["split"] == split]
    label = np.array([row["label"] for row in chosen])
    score = np.array([row["score"] for row in chosen])
    called = score > metrics["threshold"]
    expected = {
        "n_real": (label == 0).sum(),
        "n_fake": (label == 1).sum(),
        "accuracy": pytest.approx(accuracy_score(label, called)),
        "balanced_accuracy": pytest.approx(balanced_accuracy_score(label, called)),
        "f1": pytest.approx(f1_score(label, called)),
        "auc": pytest.approx(roc_auc_score(label, score), abs=1e-6),
        "ap": pytest.approx(average_precision_score(label, score), abs=1e-6),
        "confusion": confusion_matrix(label, called).tolist(),
    }
    assert {name: metrics[split][name] for name in expected} == expected


def test_the_figures_by_generator_and_view_follow_too(trained: Trained):
    report = trained.report
    test = [row for row in rows(trained.out) if row["split"] == "test"]
    assert sorted(report.by_generator) == ["sharp", "soft"]
    for generator, figures in report.by_generator.items():
        chosen = [row for row in test if row["member"] in ("real", generator)]
        label = [row["label"] for row in chosen]
        score = np.array([row["score"] for row in chosen])
        assert figures.n == len(chosen) / 2
        assert figures.auc == pytest.approx(roc_auc_score(label, score), abs=1e-6)
        assert figures.ap == pytest.approx(average_precision_score(label, score), abs=1e-6)
        assert figures.recall == pytest.approx(recall_score(label, score > report.threshold))
        assert figures.balanced_accuracy == pytest.approx(balanced_accuracy_score(label, score > report.threshold))
    assert report.by_view == {"scene": report.test}


def test_a_reloaded_detector_gives_the_same_scores(trained: Trained):
    detector = Detector.load(trained.out)
    assert detector.config.threshold == trained.report.threshold
    assert detector.config.labels == {"real": 0, "fake": 1}
    assert detector.config.dataset_digest == "feed"
    stored = {(row["pair_id"], row["member"]): row["score"] for row in rows(trained.out)}
    samples = list(trained.dataset.samples("test"))
    images = [(sample.key, member, decode(data)) for sample in samples for member, data in sample.members.items()]
    scores = detector.predict([pixels for _, _, pixels in images])
    expected = [stored[key, member] for key, member, _ in images]
    assert scores == pytest.approx(np.array(expected, np.float32), abs=1e-5)


def test_a_second_training_gives_the_same_bytes_and_leaves_the_global_state_alone(trained: Trained, tmp_path: Path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(trained.dataset.root, CONFIG, tmp_path / "again", device="cpu")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (trained.out / name).read_bytes(), name
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_subset_of_the_generators_and_a_reader_of_its_own(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 12, "validation": 8, "test": 8}, generators=("sharp", "soft"), shards=1)
    config = QUICK.model_copy(update={"generators": ("soft",), "num_workers": 1})
    report = train(dataset, config, tmp_path / "out", device="cpu")
    assert list(report.by_generator) == ["soft"]
    assert (report.test.n_real, report.test.n_fake) == (8, 8)
    assert Detector.load(tmp_path / "out").config.generators == ("soft",)


def test_an_earlier_detector_is_replaced_and_anything_else_is_not(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 6, "validation": 4, "test": 4})
    out = tmp_path / "detector"
    out.mkdir()
    (out / "metrics.json").write_text("{}")
    (out / "old").touch()
    train(dataset, QUICK, out, device="cpu")
    assert sorted(path.name for path in out.iterdir()) == FILES

    holiday = tmp_path / "holiday"
    holiday.mkdir()
    (holiday / "picture.jpg").touch()
    with pytest.raises(TwinsetError, match="holds something else than a detector"):
        train(dataset, QUICK, holiday / "picture.jpg", device="cpu")
    with pytest.raises(TwinsetError, match="holds something else than a detector"):
        train(dataset, QUICK, holiday, device="cpu")
    assert [path.name for path in holiday.iterdir()] == ["picture.jpg"]


def test_a_link_stays_a_link(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 6, "validation": 4, "test": 4})
    out, disk = tmp_path / "detector", tmp_path / "disk"
    disk.mkdir()
    out.symlink_to("disk/detector")
    for seed in (0, 1, 2):
        train(dataset, QUICK.model_copy(update={"seed": seed}), out, device="cpu")
        assert sorted(path.name for path in out.iterdir()) == FILES
    assert out.is_symlink()
    assert [path.name for path in disk.iterdir()] == ["detector"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["detector", "disk"]


@pytest.mark.parametrize(("split", "workers"), [("train", 0), ("train", 1), ("validation", 0)])
def test_a_training_that_fails_says_so_in_one_line_and_leaves_nothing(
    make_dataset: MakeDataset, tmp_path: Path, split: Split, workers: int
):
    dataset = make_dataset({"train": 4, "validation": 4, "test": 4}, shards=1)
    name = dataset.shards(split)[0]
    dataset.folder.write(name, dataset.folder.read(name)[:700])
    with pytest.raises(DatasetError) as raised:
        train(dataset, QUICK.model_copy(update={"num_workers": workers}), tmp_path / "out", device="cpu")
    assert str(raised.value).startswith(f"{dataset.root}/{name}: damaged shard")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_shards_that_lack_pairs_of_the_manifest_are_found_out(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 4, "validation": 4, "test": 4}, shards=1)
    other = make_dataset({"train": 4, "validation": 4, "test": 3}, shards=1)
    name = dataset.shards("test")[0]
    dataset.folder.write(name, other.folder.read(name))
    with pytest.raises(DatasetError, match="split test hold 3 pairs, the manifest 4"):
        train(dataset, QUICK, tmp_path / "out", device="cpu")


def test_what_is_resized_is_measured_as_it_is_predicted(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 8, "validation": 4, "test": 4})
    config = QUICK.model_copy(update={"fit": "resize", "image_size": 32, "resize_to": 44})
    train(dataset, config, tmp_path / "detector", device="cpu")
    measured = {(row["pair_id"], row["member"]): row["score"] for row in rows(tmp_path / "detector")}
    detector = Detector.load(tmp_path / "detector")
    for sample in dataset.samples("test"):
        found = detector.predict([decode(data) for data in sample.members.values()])
        expected = [measured[sample.key, member] for member in sample.members]
        assert found == pytest.approx(expected, abs=1e-5)


def test_a_dataset_that_failed_its_audit_is_refused_unless_forced(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 6, "validation": 4, "test": 4}, audit="failed")
    with pytest.raises(GateError, match="its audit failed"):
        train(dataset, QUICK, tmp_path / "out", device="cpu")
    train(dataset, QUICK, tmp_path / "out", device="cpu", force=True)
    assert (tmp_path / "out" / "metrics.json").exists()
    assert "did not pass its audit" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_an_empty_split_is_named(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 4, "test": 4})
    with pytest.raises(DatasetError, match="split validation is empty"):
        train(dataset, QUICK, tmp_path / "out", device="cpu")


def test_settings_that_do_not_fit_the_dataset_are_named(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 2, "validation": 2, "test": 2})
    for update, told in (
        ({"image_size": 64}, "set it to 48 or less"),
        ({"generators": ("sdxl",)}, "sdxl is not in .*; it has blur"),
    ):
        with pytest.raises(RecipeError, match=told):
            train(dataset, QUICK.model_copy(update=update), tmp_path / "out", device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_images_of_one_group_count_as_one_where_intervals_are_drawn(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 8, "validation": 12, "test": 12}, shards=1, fakes_alone=1)
    [name] = dataset.shards("test")
    samples = [
        replace(sample, metadata={**sample.metadata, "group_id": f"prompt {number // 3}"})
        for number, sample in enumerate(dataset.samples("test"))
    ]
    with dataset.folder.create(name) as stream:
        write_shard(stream, samples)
    report = train(dataset, QUICK, tmp_path / "detector", device="cpu")
    # twelve groups of one image each have intervals, four of three images are too few for any
    assert "auc" in report.validation.intervals
    assert report.test.intervals == {}
    assert len({row["group"] for row in rows(tmp_path / "detector") if row["split"] == "test"}) == 4


def test_images_that_stand_alone_are_enough(make_dataset: MakeDataset, tmp_path: Path):
    dataset = make_dataset({"train": 12, "validation": 6, "test": 6}, shards=1, fakes_alone=2)
    report = train(dataset, QUICK, tmp_path / "detector", device="cpu")
    assert (report.test.n_real, report.test.n_fake) == (2, 4)
    assert report.by_generator["blur"].n == 4
    assert {(row["member"], row["label"]) for row in rows(tmp_path / "detector")} == {("real", 0), ("blur", 1)}
    assert Detector.load(tmp_path / "detector").config.composition == "singles"
