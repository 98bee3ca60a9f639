"""What decides the outcome of a training, as one digest: by it a training knows itself again."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from classifier.config import ClassifierConfig
from classifier.distillation import Teachers
from classifier.feeding import Feeding
from manifests.dataset import Dataset
from manifests.errors import ModelError


def run_digest(feeding: Feeding, teachers: Teachers | None) -> str:
    """The sha256 of the dataset, the settings, first weights, rehearsed pairs, teachers and the number of processes.

    Raises:
        ModelError: the file of first weights cannot be read.
    """
    rehearsal = feeding.rehearsal
    parts = [
        version("twinset"),
        str(feeding.processes.world),
        _identity(feeding.dataset),
        feeding.config.model_dump_json(),
        _first_weights(feeding.config),
        *(
            json.dumps([_identity(part.dataset), *sorted(part.chosen)])
            for part in (rehearsal.parts if rehearsal else ())
        ),
        *([_answers(teachers)] if teachers else []),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _identity(dataset: Dataset) -> str:
    return dataset.digest or dataset.root


def _first_weights(config: ClassifierConfig) -> str:
    if not config.weights:
        return ""
    try:
        with Path(config.weights).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{config.weights}: no such file of weights ({error.strerror}).") from error


def _answers(teachers: Teachers) -> str:
    digest = hashlib.sha256(teachers.config.model_dump_json().encode())
    for teacher in teachers.members:
        digest.update(str(teacher.temperature).encode())
        for tensor in teacher.network.state_dict().values():
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
