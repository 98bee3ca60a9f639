"""Shards to detector: train, choose the threshold, measure, write."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from classifier.batches import PairStream, pairs_in_batches
from classifier.calibration import fit_temperature, logits_of
from classifier.config import ClassifierConfig
from classifier.contents import Contents, survey
from classifier.detector import Detector, described
from classifier.devices import resolved_device
from classifier.distillation import Teachers
from classifier.feeding import Feeding
from classifier.learning import learn
from classifier.metrics import best_threshold, metrics_by_generator, metrics_by_view, predictions_metrics
from classifier.model_card import model_card
from classifier.network import Network
from classifier.predictions import Predictions
from classifier.processes import Processes
from classifier.replay import Rehearsal
from classifier.report import CARD, CONFIG, METRICS, PREDICTIONS, DetectorConfig, DetectorReport, EpochReport
from classifier.run import run_digest
from classifier.shards import EncodedPair
from classifier.transforms import Preprocessing
from classifier.workspace import remove_remains, working_folder
from manifests.dataset import Dataset
from manifests.errors import DatasetError, GateError, TwinsetError
from manifests.records import Split
from manifests.storage import Folder

_LOG = logging.getLogger(__name__)


def train(
    dataset: Dataset | str | Path,
    config: ClassifierConfig,
    out: str | Path,
    *,
    device: str = "auto",
    progress: bool = False,
    force: bool = False,
    rehearsal: Rehearsal | None = None,
    teachers: Teachers | None = None,
) -> DetectorReport:
    """Train a detector on a dataset's shards and measure it.

    What was killed on the way goes on from its last checkpoint when it is started again with the same settings; what is
    done is not done again. Under torchrun the processes train together, and the first one measures and writes.

    Args:
        dataset: a finished dataset, or its path or URL.
        config: how to train.
        out: folder (local) for `model.safetensors`, `config.json`, `predictions.parquet`, `metrics.json` and
            `metrics.csv`, the curve. It appears when all is done; an earlier detector in it is replaced then.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.
        progress: show a progress bar.
        force: train even where the audit failed.
        rehearsal: pairs of earlier datasets that are mixed among the training pairs.
        teachers: detectors whose answers are learnt beside the labels.

    Returns:
        The report, as written to `metrics.json`.

    Raises:
        GateError: the dataset's audit failed.
        DatasetError: the dataset is damaged, a split is empty or holds one class only.
        RecipeError: the settings do not fit the dataset.
        ModelError: the backbone or its weights cannot be had.
        TwinsetError: `out` holds something else than a detector, cannot be replaced, or another training works there.
    """
    if not isinstance(dataset, Dataset):
        dataset = Dataset.open(str(dataset))
    if dataset.audit_verdict == "failed" and not force:
        raise GateError(
            f"{dataset.root}: its audit failed, so a detector would learn the leak. See reports/audit.json there; "
            "--force trains anyway."
        )
    # a link stays one: what it leads to is replaced
    out = Path(out).resolve()
    contents = survey(dataset, config)
    processes = Processes.of_environment()
    feeding = Feeding(dataset, contents, config, rehearsal, processes)
    run = run_digest(feeding, teachers)
    done = _finished(out, run)
    if done is not None:
        if processes.is_first:
            remove_remains(out)
        _LOG.warning("%s: trained already, on this dataset with these settings", out)
        processes.wait_for_all()
        return done
    with _one_line_errors(), working_folder(out, run, first=processes.is_first) as workspace:
        network, history = learn(
            feeding, workspace, device=resolved_device(device), progress=progress, teachers=teachers
        )
        if processes.is_first:
            detector = Detector(network.to(resolved_device(device)), _describe(feeding, network, run))
            _measure(detector, feeding, history, workspace.folder)
    processes.wait_for_all()
    return DetectorReport.model_validate_json((out / METRICS).read_bytes())


def _measure(detector: Detector, feeding: Feeding, history: tuple[EpochReport, ...], folder: Path) -> None:
    """Choose the threshold, fit the temperature, measure and write all of it."""
    dataset, contents, config = feeding.dataset, feeding.contents, feeding.config
    validation = predict_split(detector, dataset, "validation", contents, config)
    detector = detector.with_threshold(best_threshold(validation.labels, validation.scores))
    detector = detector.with_temperature(fit_temperature(logits_of(validation.scores), validation.labels))
    test = predict_split(detector, dataset, "test", contents, config)
    report = _report(validation, test, detector.config, history)
    detector.save(folder)
    Folder.at(str(folder)).write(PREDICTIONS, validation.followed_by(test).to_parquet())
    Folder.at(str(folder)).write(CARD, model_card(detector.config, report).encode())
    Folder.at(str(folder)).write(METRICS, report.model_dump_json(indent=2).encode())


def predict_split(
    detector: Detector, dataset: Dataset, split: Split, contents: Contents, config: ClassifierConfig
) -> Predictions:
    """The detector's scores of one split, in the order of its shards.

    Raises:
        DatasetError: the shards hold other pairs than the manifest says, or an image cannot be decoded.
    """
    stream = PairStream(dataset, split, contents.generators, Preprocessing.of(config, contents.image_size))
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
    # the stream has resized what is to be resized; a teacher may see the middle of what its student does
    middle = Preprocessing(detector.config.image_size)
    for pairs in pairs_in_batches(stream, config):
        windows = [middle.window(window) for pair in pairs for window in pair.windows.values()]
        scores = iter(detector.window_scores(windows).tolist())
        for pair in pairs:
            yield pair.pair, {member: next(scores) for member in pair.windows}


def _describe(feeding: Feeding, network: Network, run: str) -> DetectorConfig:
    dataset, contents, config, rehearsal = feeding.dataset, feeding.contents, feeding.config, feeding.rehearsal
    settings = described(
        network,
        config,
        contents.image_size,
        generators=tuple(sorted({*contents.generators, *(rehearsal.generators if rehearsal else ())})),
        sources=tuple(sorted({*contents.sources, *(rehearsal.sources if rehearsal else ())})),
        dataset_name=dataset.header.name,
        dataset_digest=dataset.digest,
        run=run,
    )
    learnt_from = {
        "dataset_audit": dataset.audit_verdict,
        "composition": contents.composition,
        "rehearsed": tuple(part.dataset.header.name for part in rehearsal.parts) if rehearsal else (),
    }
    return settings.model_copy(update=learnt_from)


def _finished(out: Path, run: str) -> DetectorReport | None:
    """The report of a detector that this very training has made already."""
    try:
        if DetectorConfig.model_validate_json((out / CONFIG).read_bytes()).run == run:
            return DetectorReport.model_validate_json((out / METRICS).read_bytes())
    except (OSError, ValidationError):
        _LOG.debug("%s: no finished detector", out)
    return None


def _report(
    validation: Predictions, test: Predictions, config: DetectorConfig, history: tuple[EpochReport, ...]
) -> DetectorReport:
    threshold, temperature = config.threshold, config.temperature
    return DetectorReport(
        threshold=threshold,
        temperature=temperature,
        validation=predictions_metrics(validation, threshold, temperature),
        test=predictions_metrics(test, threshold, temperature),
        by_generator=metrics_by_generator(test, threshold),
        by_view=metrics_by_view(test, threshold, temperature),
        history=history,
    )


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
