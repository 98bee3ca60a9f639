"""What the machine can do at most, and how the benchmarks of models take their times: in turns, in one run.

python benchmarks/peak.py [--device cuda]

prints the rate of large matrix products, which is what a model's FLOP are held against.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

_TERA = 1e12
_SIDE = {"cuda": 8192, "cpu": 1024}
_TURNS = 6
_PRODUCTS = {"cuda": 20, "cpu": 1}
"""Products a turn: on a GPU one takes two milliseconds, of which the call and the wait would be a part."""


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
    products = _PRODUCTS[device.type]

    def turn() -> None:
        for _ in range(products):
            torch.matmul(left, right)

    best = min(seconds(turn, device) for _ in range(_TURNS))
    return products * 2 * side**3 / best / _TERA


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


def in_turns(
    turns: Mapping[str, Callable[[], object]], device: torch.device, rounds: int, until: float = math.inf
) -> dict[str, Taken]:
    """Take the time of several ways, one after the other, again and again: what else the machine does meets all alike.

    Args:
        turns: the ways.
        device: where they run.
        rounds: turns of each at most.
        until: when `time.perf_counter` says this, no further round begins that would not end by then; one is always taken.
    """
    taken = {name: Taken() for name in turns}
    longest = 0.0
    for number in range(rounds):
        start = time.perf_counter()
        if number and start + longest > until:
            break
        for name, turn in turns.items():
            began = time.process_time()
            taken[name].seconds.append(seconds(turn, device))
            taken[name].processor.append(time.process_time() - began)
        longest = max(longest, time.perf_counter() - start)
    return taken


def shares(minutes: float, parts: int) -> list[float]:
    """When each of some parts, one after the other, must have ended, as `time.perf_counter` will say it."""
    began = time.perf_counter()
    return [began + 60 * minutes * (part + 1) / parts for part in range(parts)]


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
