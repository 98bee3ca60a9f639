"""What the machine can do at most, and how the benchmarks of models take their times: in turns, in one run.

python benchmarks/peak.py [--device cuda]

prints the rate of large matrix products, which is what a model's FLOP are held against.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

_TERA = 1e12
_SIDE = {"cuda": 8192, "cpu": 1024}
_PRODUCTS = 5


@dataclass
class Taken:
    """What one way took, a turn each: seconds by the clock, and of all processors together.

    The second says more on a machine that has other work; of what a GPU does it knows nothing.
    """

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def matmul_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """TFLOP/s of square matrix products: the best of a few, after a warm-up."""
    side = _SIDE[device.type]
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = min(seconds(lambda: left @ right, device) for _ in range(_PRODUCTS + 1))
    return 2 * side**3 / best / _TERA


def seconds(turn: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call, until the device has finished."""
    finish(device)
    began = time.perf_counter()
    turn()
    finish(device)
    return time.perf_counter() - began


def finish(device: torch.device) -> None:
    """Wait until a device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_turns(turns: Mapping[str, Callable[[], object]], device: torch.device, rounds: int) -> dict[str, Taken]:
    """Take the time of several ways, one after the other, again and again: what else the machine does meets all alike."""
    taken = {name: Taken() for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            began = time.process_time()
            taken[name].seconds.append(seconds(turn, device))
            taken[name].processor.append(time.process_time() - began)
    return taken


def ratio(rates: Mapping[str, tuple[float, ...]], ours: str, peer: str) -> str:
    """The ratio of two rates taken in turns: median, least and greatest."""
    found = sorted(own / other for own, other in zip(rates[ours], rates[peer], strict=True))
    return f"{statistics.median(found):.2f}x (least {found[0]:.2f}, greatest {found[-1]:.2f})"


def device_name(device: torch.device) -> str:
    """What a table says of the machine."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} thread(s)"


def main() -> None:
    """Print the rate of matrix products by precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(parser.parse_args().device)
    for dtype in (torch.float32, torch.bfloat16):
        print(f"{device_name(device)}, {dtype}: {matmul_tflops(device, dtype):.2f} TFLOP/s")


if __name__ == "__main__":
    main()
