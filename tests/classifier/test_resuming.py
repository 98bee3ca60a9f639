"""A training that was killed goes on as if nothing had been."""

import csv
import errno
import json
import logging
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from lightning.pytorch import Trainer

from classifier.config import ClassifierConfig
from classifier.module import Learning
from classifier.training import train
from classifier.workspace import Workspace, working_folder
from manifests.dataset import Dataset
from manifests.errors import DatasetError

# dropout, averaged weights, clipping and the best epoch: all that a checkpoint must carry
CONFIG = ClassifierConfig(
    backbone="test_resnet", head="mlp", epochs=3, batch_size=4, image_size=32, ema=0.9, keep="best", gradient_clip=1.0,
    patience=5, checkpoint_steps=2,
)  # fmt: skip
STEPS = 4
MakeDataset = Callable[..., Dataset]


class PowerCut(Exception):  # noqa: N818 - not an error of the program
    pass


@pytest.fixture(scope="module")
def dataset(make_dataset: MakeDataset) -> Dataset:
    return make_dataset({"train": STEPS * 4, "validation": 6, "test": 6})


@pytest.fixture(scope="module")
def uninterrupted(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted") / "detector"
    train(dataset, CONFIG, out, device="cpu")
    return out


def cut_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    whole, steps = Learning.training_step, iter(range(step))

    def cut_short(self: Learning, *batch: object) -> torch.Tensor:
        if next(steps, None) is None:
            raise PowerCut
        return whole(self, *batch)

    monkeypatch.setattr(Learning, "training_step", cut_short)


@pytest.mark.parametrize("step", [3, STEPS + 1, 2 * STEPS + 3])
def test_the_same_comes_out_as_without_the_kill(
    dataset: Dataset, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
):
    out = tmp_path / "detector"
    with monkeypatch.context() as patch:
        cut_at(patch, step)
        with pytest.raises(PowerCut):
            train(dataset, CONFIG, out, device="cpu")
    assert not out.exists()
    with monkeypatch.context() as patch:
        # what is left: at most one checkpoint's worth is done again
        cut_at(patch, 3 * STEPS - step + 1)
        train(dataset, CONFIG, out, device="cpu")
    for name in ("metrics.json", "metrics.csv", "model.safetensors"):
        assert (out / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    scores = [pq.read_table(folder / "predictions.parquet")["score"].to_numpy() for folder in (out, uninterrupted)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["detector"]


def test_a_kill_after_the_training_costs_no_training(
    dataset: Dataset,
    uninterrupted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    out = tmp_path / "detector"
    with monkeypatch.context() as patch:

        def cut(*_: object) -> None:
            raise PowerCut

        patch.setattr("classifier.training.fit_temperature", cut)
        with pytest.raises(PowerCut):
            train(dataset, CONFIG, out, device="cpu")
    cut_at(monkeypatch, 0)
    with caplog.at_level(logging.WARNING):
        train(dataset, CONFIG, out, device="cpu")
    assert "goes on from its last checkpoint" in caplog.text
    assert (out / "metrics.json").read_bytes() == (uninterrupted / "metrics.json").read_bytes()


def test_what_is_trained_already_is_not_trained_again(
    dataset: Dataset, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    before = (uninterrupted / "metrics.json").stat().st_mtime_ns
    cut_at(monkeypatch, 0)
    with caplog.at_level(logging.WARNING):
        report = train(dataset, CONFIG, uninterrupted, device="cpu")
    assert report.model_dump(mode="json") == json.loads((uninterrupted / "metrics.json").read_bytes())
    assert (uninterrupted / "metrics.json").stat().st_mtime_ns == before
    assert "trained already" in caplog.text
    # what a kill leaves that comes after the detector has taken its place
    (uninterrupted / "training").mkdir()
    replaced = uninterrupted.with_name(".detector.replaced")
    replaced.mkdir()
    train(dataset, CONFIG, uninterrupted, device="cpu")
    assert not (uninterrupted / "training").exists()
    assert not replaced.exists()
    with pytest.raises(PowerCut):
        train(dataset, CONFIG.model_copy(update={"seed": 1}), uninterrupted, device="cpu")
    assert (uninterrupted / "metrics.json").stat().st_mtime_ns == before


def test_the_remains_of_another_training_are_not_gone_on_with(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "detector"
    with monkeypatch.context() as patch:
        cut_at(patch, 3)
        with pytest.raises(PowerCut):
            train(dataset, CONFIG, out, device="cpu")
        checkpoint = tmp_path / ".detector.partial" / "training" / "last.ckpt"
        assert torch.load(checkpoint, weights_only=True)["learning"]["batches_taken"] == 2
        with pytest.raises(PowerCut):
            train(dataset, CONFIG.model_copy(update={"seed": 1}), out, device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_one_line_and_costs_nothing_that_was_done(
    dataset: Dataset, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "detector"
    whole, checkpoints = Trainer.save_checkpoint, iter(range(2))

    def save(self: Trainer, *given: Any, **named: Any) -> None:
        if next(checkpoints, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save_checkpoint", save)
        with pytest.raises(DatasetError, match=r"the disk is full\. Free some space and run the same command again"):
            train(dataset, CONFIG, out, device="cpu")
    assert (tmp_path / ".detector.partial" / "training" / "last.ckpt").exists()
    train(dataset, CONFIG, out, device="cpu")
    assert (out / "metrics.json").read_bytes() == (uninterrupted / "metrics.json").read_bytes()


def damage(file: Path, how: str) -> None:
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    match how:
        case "cut short":
            del data[middle:]
        case "empty":
            data.clear()
        case "noise":
            data[:] = random.Random(0).randbytes(len(data))
        case "a bit":
            data[middle] ^= 1
    file.write_bytes(data)


@pytest.fixture(scope="module")
def interrupted(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was killed in its second epoch."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, STEPS + 1)
        with pytest.raises(PowerCut):
            train(dataset, CONFIG, folder / "detector", device="cpu")
    return folder


def test_a_damaged_checkpoint_is_said_and_the_training_begins_anew(
    dataset: Dataset, interrupted: Path, uninterrupted: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    # torch itself would read it, and go on with weights that never were
    damage(tmp_path / ".detector.partial" / "training" / "last.ckpt", "a bit")
    with caplog.at_level(logging.WARNING):
        train(dataset, CONFIG, tmp_path / "detector", device="cpu")
    [line] = [line for line in caplog.messages if "interrupted" in line]
    assert line.endswith("what an interrupted training left is damaged; it begins anew")
    assert (tmp_path / "detector" / "metrics.json").read_bytes() == (uninterrupted / "metrics.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *(("last.ckpt", how) for how in ("cut short", "empty", "noise", "a bit")),
        *(("best.safetensors", how) for how in ("cut short", "empty", "noise")),
        ("run", "noise"),
    ],
)
def test_nothing_damaged_is_gone_on_with(interrupted: Path, tmp_path: Path, name: str, how: str):
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    state = tmp_path / ".detector.partial" / "training"
    run = (state / "run").read_text()
    with working_folder(tmp_path / "detector", run, first=False) as workspace:
        assert workspace.begun == state / "last.ckpt"
    damage(state / name, how)
    with working_folder(tmp_path / "detector", run) as workspace:
        assert workspace.begun is None
        assert sorted(path.name for path in state.iterdir()) == ["run"]


def test_a_damaged_outcome_costs_no_more_than_what_came_after_the_last_checkpoint(interrupted: Path, tmp_path: Path):
    shutil.copytree(interrupted, tmp_path, dirs_exist_ok=True)
    state = tmp_path / ".detector.partial" / "training"
    workspace = Workspace(state.parent, (state / "run").read_text())
    for name in ("trained.safetensors", "history.json"):
        workspace.finish({"weight": torch.ones(2)}, ())
        assert workspace.finished() is not None
        damage(state / name, "cut short")
        assert workspace.finished() is None
        assert workspace.begun == state / "last.ckpt"


def test_the_curve_has_a_line_for_each_epoch(uninterrupted: Path):
    history = json.loads((uninterrupted / "metrics.json").read_bytes())["history"]
    rows = list(csv.DictReader((uninterrupted / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows] == [epoch["loss"] for epoch in history]
    assert [epoch["steps"] for epoch in history] == [STEPS, 2 * STEPS, 3 * STEPS]
