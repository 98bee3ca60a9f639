"""How fast detectors judge images: the backends of `twinset predict` beside timm in PyTorch, eager, in 32 bits.

python benchmarks/inference.py [--models resnet50 convnext_tiny efficientnet_b0] [--repetitions 5] [--compile]

The weights are random, the images noise; batches of 16. The peer is given normalised floats; ours start from bytes. Peer and
backends take turns; printed are the best-of-turn median images a second, the median ratio to the peer with the least and the
greatest, and the largest difference of a probability from the peer's. Where a GPU is there, a second table follows for it.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

# run as a file, the benchmark's folder stands where the packages do
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import timm
import torch
from torch import Tensor

from classifier.backends import TOLERANCE, Runner, Trial, backend_named, choose
from classifier.network import Network

_BATCH = 16
_SIDE = 224
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MODELS = ("resnet50", "convnext_tiny", "efficientnet_b0")
_RUNS = 3
"""Batches a turn."""


def compare(model: str, device: str, repetitions: int, *, compile_too: bool) -> None:
    """Probe a model's backends, then time the peer and each of them in turns, and print a table."""
    torch.manual_seed(0)
    peer = timm.create_model(model, num_classes=1).eval().to(device)
    twin = timm.create_model(model, num_classes=1)
    twin.load_state_dict(peer.state_dict())
    network = Network(twin, _MEAN, _STD).eval().to(device, memory_format=torch.channels_last)
    images = torch.randint(0, 256, (_BATCH, 3, _SIDE, _SIDE), dtype=torch.uint8, device=device)
    floats = (images / 255 - network.mean) / network.std
    names = ["bf16", *(["onnxruntime", "openvino"] if device == "cpu" else []), *(["compile"] if compile_too else [])]
    choice = choose(network, images, [backend_named(name) for name in names])
    expected = torch.sigmoid(run(lambda: peer(floats)).double().flatten())
    turns: dict[str, Callable[[], Tensor]] = {"timm, eager fp32": lambda: peer(floats)}
    for trial in choice.trials:
        if not trial.refused:
            turns[trial.name] = once(choice.runners[trial.name], images)
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(repetitions):
        for name, turn in turns.items():
            taken[name].append(min(seconds(turn) for _ in range(_RUNS)))
    first = next(iter(turns))
    print(f"\n{model} on {device}{'':20} images/s   ratio (median, least, greatest)   difference")
    for name, turn in turns.items():
        ratios = [theirs / own for theirs, own in zip(taken[first], taken[name], strict=True)]
        difference = float((torch.sigmoid(run(turn).double().flatten()) - expected).abs().max())
        mark = "  <- chosen" if name == choice.name else ""
        speed = _BATCH / statistics.median(taken[name])
        print(
            f"  {name:34} {speed:8.1f}   {statistics.median(ratios):5.2f} {min(ratios):5.2f} {max(ratios):5.2f}"
            f"{'':16}{difference:.5f}{mark}"
        )
        if difference > TOLERANCE:
            raise SystemExit(f"{model}: {name} differs by {difference:.3f}")
    for trial in choice.trials:
        report_refusal(trial)


def report_refusal(trial: Trial) -> None:
    if trial.refused:
        print(f"  {trial.name:34} not used: {trial.refused}")


def once(runner: Runner, images: Tensor) -> Callable[[], Tensor]:
    return lambda: runner(images)


def run(turn: Callable[[], Tensor]) -> Tensor:
    with torch.inference_mode():
        return turn().cpu()


def seconds(turn: Callable[[], Tensor]) -> float:
    began = time.perf_counter()
    run(turn)
    return time.perf_counter() - began


def main() -> None:
    """Compare the backends, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(_MODELS))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile too, on the processor (takes a minute a model)"
    )
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for model in arguments.models:
        compare(model, "cpu", arguments.repetitions, compile_too=arguments.compile)
    if torch.cuda.is_available():
        for model in arguments.models:
            compare(model, "cuda", arguments.repetitions, compile_too=True)


if __name__ == "__main__":
    main()
