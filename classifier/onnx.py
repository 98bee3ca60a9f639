"""A detector as an ONNX file, which runs without PyTorch. It is checked against PyTorch before it is written."""

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from classifier.detector import Detector
from classifier.network import Network
from classifier.report import DetectorConfig
from manifests.errors import ModelError, first_line
from manifests.storage import Folder

INPUT = "images"
OUTPUTS = ("logit", "score", "probability")
TOLERANCE = 1e-4
"""Largest difference from PyTorch: of scores and probabilities, and of logits where these are above 1 relatively."""

_BATCHES = (1, 3)
_SEED = 0


def export_onnx(detector: Detector, path: str | Path) -> float:
    """Write a detector as an ONNX model.

    Its input `images` is uint8, (n, 3, S, S), RGB, any n: the normalisation is part of the model. Its outputs are (n,)
    float32: `logit` of "fake", `score` (its sigmoid, which the threshold is for) and `probability` (calibrated). The
    metadata say how an image becomes such an input.

    Args:
        detector: what to write.
        path: file, or fsspec URL.

    Returns:
        The largest difference from PyTorch that was found.

    Raises:
        ModelError: the packages for it are not installed, the network cannot be expressed, or the model's answers are
            further from PyTorch's than `TOLERANCE`; nothing is written then.
        DatasetError: the file cannot be written.
    """
    config = detector.config
    network = copy.deepcopy(detector.network).cpu().eval()
    model = serialised(_Answers(network, config.temperature), config.image_size, OUTPUTS, _metadata(config))
    difference = _largest_difference(model, detector, network)
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{path}: not written: the exported model's answers differ from PyTorch's by {difference:.2g}, and at most "
            f"{TOLERANCE:g} is allowed. Choose another backbone, or use the detector as it is."
        )
    folder, name = Folder.of_file(str(path))
    folder.write(name, model)
    return difference


def serialised(module: nn.Module, size: int, outputs: tuple[str, ...], metadata: dict[str, str] | None = None) -> bytes:
    """A module as the bytes of an ONNX model whose batch size is free.

    Args:
        module: on the CPU, in evaluation mode; takes uint8 images of (n, 3, size, size).
        size: side of the images, pixels.
        outputs: names of what it gives.
        metadata: what the model says of itself.

    Raises:
        ModelError: the packages for it are not installed, or the module cannot be expressed.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
        import onnxscript  # noqa: F401, PLC0415 - torch's exporter asks for it
    except ImportError as error:
        raise missing("ONNX", "onnx and onnxscript") from error
    # two images: a batch of one would be taken for a constant
    example = torch.zeros(2, 3, size, size, dtype=torch.uint8)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"the network cannot be written as ONNX ({first_line(error)}).") from error
    model = program.model_proto
    onnx.helper.set_model_props(model, metadata or {})
    data: bytes = model.SerializeToString()
    return data


def missing(what: str, packages: str) -> ModelError:
    """The error for packages that are not installed."""
    return ModelError(f"{what} needs the packages {packages}, which are not installed: pip install 'twinset[fast]'.")


class _Answers(nn.Module):
    """A network with all that a detector says of an image."""

    def __init__(self, network: Network, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logit = self.network(images)
        return logit, torch.sigmoid(logit), torch.sigmoid(logit / self.temperature)


def _metadata(config: DetectorConfig) -> dict[str, str]:
    size = config.image_size
    before = f"the shorter side is resized to {config.resize_to} pixels ({config.resize_kernel}, antialiased), then "
    return {
        "preprocessing": f"decode to RGB at full size; {before if config.fit == 'resize' else ''}"
        f"the central window of {size} x {size} pixels is cut; uint8, (n, 3, {size}, {size}); "
        "no normalisation: the model does that itself",
        "config": json.dumps(config.model_dump(mode="json", exclude={"training"})),
    }


def _largest_difference(model: bytes, detector: Detector, network: Network) -> float:
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise missing("Checking an ONNX model", "onnxruntime") from error
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answers = _Answers(network, detector.config.temperature)
    rng = np.random.default_rng(_SEED)
    found = 0.0
    for count in _BATCHES:
        images = pictures(rng, count, detector.config.image_size)
        given = session.run(list(OUTPUTS), {INPUT: images})
        with torch.inference_mode():
            expected = [output.numpy() for output in answers(torch.from_numpy(images))]
        scales = (np.maximum(np.abs(expected[0]), 1), 1.0, 1.0)
        for ours, theirs, scale in zip(given, expected, scales, strict=True):
            # not a number counts as a difference
            found = max(found, float(np.nan_to_num(np.abs(ours - theirs) / scale, nan=np.inf).max()))
    return found


def pictures(rng: np.random.Generator, count: int, size: int) -> NDArray[np.uint8]:
    """Images to try a network on, (count, 3, size, size) uint8: flat colours under noise of unlike strength."""
    colours = rng.uniform(0, 255, (count, 3, 1, 1))
    strengths = rng.uniform(0, 80, (count, 1, 1, 1))
    noisy = colours + strengths * rng.standard_normal((count, 3, size, size))
    pictures: NDArray[np.uint8] = np.rint(noisy.clip(0, 255)).astype(np.uint8)
    return pictures
