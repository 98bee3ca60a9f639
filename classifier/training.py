"""Shards to detector: train, choose the threshold, measure, write."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import torch

from classifier.batches import PairStream, pairs_in_batches
from classifier.config import ClassifierConfig
from classifier.contents import Contents, survey
from classifier.detector import Detector
from classifier.learning import learn
from classifier.metrics import best_threshold, metrics_by_generator, metrics_by_view, split_metrics
from classifier.network import Network
from classifier.predictions import Predictions
from classifier.report import METRICS, PREDICTIONS, DetectorConfig, DetectorReport, EpochReport
from classifier.shards import EncodedPair
from manifests.dataset import Dataset
from manifests.errors import DatasetError, GateError, TwinsetError
from manifests.records import Split
from manifests.storage import Folder


def train(
    dataset: Dataset | str | Path,
    config: ClassifierConfig,
    out: str | Path,
    *,
    device: str = "auto",
    progress: bool = False,
    force: bool = False,
) -> DetectorReport:
    """Train a detector on a dataset's shards and measure it.

    Args:
        dataset: a finished dataset, or its path or URL.
        config: how to train.
        out: folder (local) for `model.safetensors`, `config.json`, `predictions.parquet` and `metrics.json`. It appears
            when all is done; an earlier detector in it is replaced then.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.
        progress: show a progress bar.
        force: train even where the audit failed.

    Returns:
        The report, as written to `metrics.json`.

    Raises:
        GateError: the dataset's audit failed.
        DatasetError: the dataset is damaged, a split is empty or holds one class only.
        RecipeError: the settings do not fit the dataset.
        ModelError: the backbone or its weights cannot be had.
        TwinsetError: `out` holds something else than a detector.
    """
    if not isinstance(dataset, Dataset):
        dataset = Dataset.open(str(dataset))
    if dataset.audit_verdict == "failed" and not force:
        raise GateError(
            f"{dataset.root}: its audit failed, so a detector would learn the leak. See reports/audit.json there; "
            "--force trains anyway."
        )
    contents = survey(dataset, config)
    device = _resolved(device)
    with _appearing(Path(out)) as folder, _one_line_errors():
        network, history = learn(dataset, contents, config, device=device, progress=progress, scratch=folder)
        detector = Detector(network.to(device), _describe(dataset, contents, config, network))
        validation = predict_split(detector, dataset, "validation", contents, config)
        detector = detector.with_threshold(best_threshold(validation.labels, validation.scores))
        test = predict_split(detector, dataset, "test", contents, config)
        report = _report(validation, test, detector.config.threshold, history)
        detector.save(folder)
        Folder.at(str(folder)).write(PREDICTIONS, validation.followed_by(test).to_parquet())
        Folder.at(str(folder)).write(METRICS, report.model_dump_json(indent=2).encode())
    return report


def predict_split(
    detector: Detector, dataset: Dataset, split: Split, contents: Contents, config: ClassifierConfig
) -> Predictions:
    """The detector's scores of one split, in the order of its shards.

    Raises:
        DatasetError: the shards hold other pairs than the manifest says, or an image cannot be decoded.
    """
    stream = PairStream(dataset, split, contents.generators, contents.image_size)
    predictions = Predictions.of_pairs(split, _scored(detector, stream, config))
    if predictions.pairs != contents.pairs[split]:
        raise DatasetError(
            f"{dataset.root}: the shards of split {split} hold {predictions.pairs} pairs, the manifest {contents.pairs[split]}. "
            "Run twinset verify on it."
        )
    return predictions


def _scored(
    detector: Detector, stream: PairStream, config: ClassifierConfig
) -> Iterator[tuple[EncodedPair, dict[str, float]]]:
    for pairs in pairs_in_batches(stream, config):
        scores = iter(detector.predict([window for pair in pairs for window in pair.windows.values()]).tolist())
        for pair in pairs:
            yield pair.pair, {member: next(scores) for member in pair.windows}


def _describe(dataset: Dataset, contents: Contents, config: ClassifierConfig, network: Network) -> DetectorConfig:
    mean, std = ([round(value, 6) for value in constant.flatten().tolist()] for constant in (network.mean, network.std))
    return DetectorConfig(
        twinset=version("twinset"),
        backbone=config.backbone,
        backbone_options=config.backbone_options,
        image_size=contents.image_size,
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        threshold=0.5,
        generators=contents.generators,
        dataset_name=dataset.header.name,
        dataset_digest=dataset.digest,
        training=config,
    )


def _report(
    validation: Predictions, test: Predictions, threshold: float, history: tuple[EpochReport, ...]
) -> DetectorReport:
    return DetectorReport(
        threshold=threshold,
        validation=split_metrics(validation.labels, validation.scores, threshold),
        test=split_metrics(test.labels, test.scores, threshold),
        by_generator=metrics_by_generator(test, threshold),
        by_view=metrics_by_view(test, threshold),
        history=history,
    )


def _resolved(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Undo what torch does to an error of a reading process: it puts the whole traceback into the message."""
    try:
        yield
    except TwinsetError as error:
        *traceback, last = str(error).strip().splitlines()
        if not traceback:
            raise
        raise type(error)(last.partition(": ")[2]) from error


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `out` when the block ends without an error, and vanishes otherwise."""
    if out.exists() and not (out / METRICS).exists() and any(out.iterdir()):
        raise TwinsetError(f"{out}: holds something else than a detector, which would be lost. Choose another --out.")
    partial = out.with_name(f".{out.name}.partial")
    replaced = out.with_name(f".{out.name}.replaced")
    try:
        # what a killed run left
        for left in (partial, replaced):
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir(parents=True)
    except OSError as error:
        raise TwinsetError(f"{out}: cannot be written ({error.strerror}). Choose another --out.") from error
    try:
        yield partial
        if out.exists():
            out.rename(replaced)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)
