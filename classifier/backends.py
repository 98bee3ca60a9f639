"""Ways to run a network for prediction, and the choice among them by a short probe.

Which is fastest changes with the network and the processor, so they are tried on the very images that are to be judged.
One whose probabilities are not those of PyTorch in 32 bits is out, however fast it is.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from classifier.detector import Detector
from classifier.network import Network
from classifier.onnx import INPUT, missing, pictures, serialised
from manifests.errors import ModelError, first_line
from pixels.arrays import Pixels

BackendName = Literal["eager", "bf16", "compile", "onnxruntime", "openvino"]
TOLERANCE = 0.01
"""Largest difference of a probability from that of PyTorch in 32 bits."""

WORTH_A_PROBE = 1000
"""Images below which a probe takes longer than it saves."""
WORTH_COMPILING = 20_000
"""Images below which compiling (a minute on a processor) takes longer than it saves."""

_BATCH = 16
_LOGIT = "logit"
_OTHERWISE = "Choose another --backend, or leave it out."


class Runner(Protocol):
    """What a `Network` does: images of (n, 3, S, S) uint8 to logits of (n,) float32."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """Logits of "fake"."""


@dataclass(frozen=True)
class Trial:
    """What the probe found of one backend.

    Attributes:
        name: which.
        images_per_second: its speed; 0 where it did not run.
        difference: largest difference of a probability from PyTorch's in 32 bits.
        refused: why it cannot be used; empty where it can.
    """

    name: BackendName
    images_per_second: float = 0.0
    difference: float = 0.0
    refused: str = ""


@dataclass(frozen=True)
class Choice:
    """The outcome of a probe.

    Attributes:
        name: the fastest backend that answers as PyTorch does.
        run: runs the network.
        trials: all that were tried.
        runners: of those that can be used.
    """

    name: BackendName
    run: Runner
    trials: tuple[Trial, ...]
    runners: Mapping[BackendName, Runner]


def candidates(device: str, images: int) -> tuple[BackendName, ...]:
    """The backends that are worth trying beside the network as it is.

    Args:
        device: where the network is.
        images: how many are to be judged.
    """
    if images < WORTH_A_PROBE:
        return ()
    compiled: tuple[BackendName, ...] = ("compile",) if images >= WORTH_COMPILING or device != "cpu" else ()
    if device != "cpu":
        return ("bf16", *compiled)
    return ("bf16", "onnxruntime", "openvino", *compiled)


def choose(network: Network, images: Tensor, names: Sequence[BackendName], *, seconds: float = 1.0) -> Choice:
    """Try some backends on some images and take the fastest that gives the right probabilities.

    Args:
        network: in evaluation mode, on the device that it is to run on.
        images: (n, 3, S, S) uint8, at least one: images of the kind that is to be judged.
        names: what to try. The network as it is is always among them.
        seconds: how long each is timed, after it was built and has run once.
    """
    batch = images.repeat(-(-_BATCH // len(images)), 1, 1, 1)[:_BATCH].contiguous().to(network.mean.device)
    with torch.inference_mode():
        expected = torch.sigmoid(network(batch).double())
    subject = _Subject(network, batch.shape[-1])
    tried = [_tried(name, subject, batch, expected, seconds) for name in dict.fromkeys(("eager", *names))]
    usable = [(trial, run) for trial, run in tried if run is not None and not trial.refused]
    winner, run = max(usable, key=lambda pair: pair[0].images_per_second)
    runners = {trial.name: each for trial, each in usable}
    return Choice(winner.name, run, tuple(trial for trial, _ in tried), runners)


def backend(name: BackendName, network: Network, size: int) -> Runner:
    """One backend, whatever its speed.

    Args:
        name: which.
        network: in evaluation mode, on the device that it is to run on.
        size: side of the images, pixels.

    Raises:
        ModelError: its package is not installed, or it cannot run this network.
    """
    return _BUILDERS[name](_Subject(network, size))


def backend_named(name: str) -> BackendName:
    """A backend's name out of what a person wrote.

    Raises:
        ModelError: there is none of that name.
    """
    for known in _BUILDERS:
        if name == known:
            return known
    raise ModelError(f"no backend is called {name!r}: choose auto, {', '.join(_BUILDERS)}.")


def accelerated(detector: Detector, windows: Sequence[Pixels], names: Sequence[BackendName]) -> Detector:
    """The same detector, run by the backend that `choose` takes.

    Args:
        detector: any.
        windows: (S, S, 3) each, at least one: some of the images that are to be judged, as the network sees them.
        names: what to try.
    """
    return replace(detector, runner=choose(detector.network, _images(windows), names).run)


def run_by(detector: Detector, name: BackendName) -> Detector:
    """The same detector, run by one backend, whatever its speed; `checked` says whether its answers are right.

    Raises:
        ModelError: its package is not installed, or it cannot run this network.
    """
    return replace(detector, runner=backend(name, detector.network, detector.config.image_size))


def checked(detector: Detector, windows: Sequence[Pixels] = ()) -> Detector:
    """The same detector, if what runs it gives the probabilities that a probe would ask for.

    Args:
        detector: any; one that no backend runs is not asked.
        windows: as for `accelerated`; where there are none, colours under noise.

    Raises:
        ModelError: it cannot run on such images, or a probability is further from PyTorch's in 32 bits than `TOLERANCE`.
    """
    run = detector.runner
    if run is None or run is detector.network:
        return detector
    size = detector.config.image_size
    images = _images(windows) if windows else torch.from_numpy(pictures(np.random.default_rng(0), _BATCH, size))
    batch = images.contiguous().to(detector.network.mean.device)
    with torch.inference_mode():
        expected = torch.sigmoid(detector.network(batch).double())
        try:
            found = torch.sigmoid(run(batch).double())
        except Exception as error:  # compilers and runtimes raise what they like
            raise ModelError(f"this backend cannot run the network ({first_line(error)}). {_OTHERWISE}") from error
    difference = _difference(found, expected)
    if difference > TOLERANCE:
        raise ModelError(
            f"this backend's probabilities differ by up to {difference:.3f} from those of 32-bit PyTorch, and at most "
            f"{TOLERANCE:g} is allowed. {_OTHERWISE}"
        )
    return detector


def _images(windows: Sequence[Pixels]) -> Tensor:
    """Some of them as (n, 3, S, S)."""
    return torch.from_numpy(np.stack(windows[:_BATCH])).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class _Subject:
    """What is to be run.

    Attributes:
        network: in evaluation mode.
        size: side of its images, pixels.
    """

    network: Network
    size: int

    @property
    def device(self) -> str:
        """The kind of device that the network is on."""
        return self.network.mean.device.type

    @functools.cached_property
    def onnx(self) -> bytes:
        """The network as an ONNX model, made once for all who want it."""
        if self.device != "cpu":
            raise ModelError("it runs on processors only, and the network is elsewhere.")
        return serialised(self.network, self.size, (_LOGIT,))


def _tried(
    name: BackendName, subject: _Subject, batch: Tensor, expected: Tensor, seconds: float
) -> tuple[Trial, Runner | None]:
    try:
        run = _BUILDERS[name](subject)
        return _timed(name, run, batch, expected, seconds), run
    except Exception as error:  # noqa: BLE001 - compilers and runtimes raise what they like; the others go on
        return Trial(name, refused=first_line(error)), None


def _difference(probabilities: Tensor, expected: Tensor) -> float:
    """The largest one; what is no number counts as one."""
    return float((probabilities - expected).abs().nan_to_num(nan=1.0).max())


def _timed(name: BackendName, run: Runner, batch: Tensor, expected: Tensor, seconds: float) -> Trial:
    with torch.inference_mode():
        probabilities = torch.sigmoid(run(batch).double())
        best, until = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < until or best == float("inf"):
            began = time.perf_counter()
            run(batch).cpu()
            best = min(best, time.perf_counter() - began)
    difference = _difference(probabilities, expected)
    refused = f"its probabilities differ by up to {difference:.3f}" if difference > TOLERANCE else ""
    return Trial(name, len(batch) / best, difference, refused)


def _eager(subject: _Subject) -> Runner:
    return subject.network


def _bf16(subject: _Subject) -> Runner:

    def run(images: Tensor, /) -> Tensor:
        with torch.autocast(subject.device, torch.bfloat16):
            logits: Tensor = subject.network(images)
        return logits.float()

    return run


def _compile(subject: _Subject) -> Runner:
    compiled: Any = torch.compile(subject.network, dynamic=False)

    def run(images: Tensor, /) -> Tensor:
        # batches of one size only: each new size would be compiled anew
        padding = -len(images) % _BATCH
        padded = torch.cat([images, images[-1:].expand(padding, -1, -1, -1)]) if padding else images
        with torch.autocast(subject.device, torch.bfloat16):
            logits = torch.cat([compiled(part.contiguous()) for part in torch.split(padded, _BATCH)])
        return logits[: len(images)].float()

    return run


def _onnxruntime(subject: _Subject) -> Runner:
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise missing("this backend", "onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(subject.onnx, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor, /) -> Tensor:
        return torch.from_numpy(session.run([_LOGIT], {INPUT: _contiguous(images)})[0])

    return run


def _openvino(subject: _Subject) -> Runner:
    try:
        import openvino  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise missing("this backend", "openvino") from error
    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        # where the processor has it; it knows itself
        "INFERENCE_PRECISION_HINT": "bf16"
        if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        else "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(core.read_model(subject.onnx), "CPU", settings)

    def run(images: Tensor, /) -> Tensor:
        return torch.from_numpy(np.array(compiled([_contiguous(images)])[0], dtype=np.float32))

    return run


def _contiguous(images: Tensor) -> Any:
    return images.contiguous().numpy()


_BUILDERS: Final[dict[BackendName, Callable[[_Subject], Runner]]] = {
    "eager": _eager,
    "bf16": _bf16,
    "compile": _compile,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}
