"""How fast BLIP captions images, beside transformers' own way: its processor and `generate`.

python benchmarks/captioning.py                                  on a GPU: BLIP-base and BLIP-large at their true shapes
python benchmarks/captioning.py --device cpu --shapes tiny       the demo's small model, through the same code
python benchmarks/captioning.py --steps                          what a step of a decoder of 12 layers costs the interpreter

    [--shapes blip-base blip-large tiny] [--rounds 5] [--minutes 8] [--batch N] [--images N] [--compile auto|yes|no]

Transformers has no pipeline for captions any more, so the peer is what its documentation shows: the processor and
`generate`, one image a call; and tuned, in our batches and precision. From arrays of bytes to texts, resizing included.
Weights of the true shapes are random: such a model never ends a caption, so all are of 12 tokens, as long as real ones are.
Before anything is timed, the demo's model must say the same as the peer's.

Printed: images a second, and the share of what matrix products alone would allow, at the rate that they were just measured
at.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# run as a file, the benchmark's folder would give `generation` another meaning
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BlipConfig, BlipForConditionalGeneration, BlipProcessor

from benchmarks.captioning_shapes import write_blip
from benchmarks.peak import device_name, in_turns, matmul_tflops, ratio, shares
from generation.blip_model import CompiledDecoding
from generation.captioning import open_captioner
from generation.config import BlipCaptions
from generation.numerics import DTYPES
from generation.quiet import quiet
from generation.requests import CaptionRequest
from manifests.errors import ModelError
from manifests.records import Caption

_TINY = Path(__file__).resolve().parents[1] / "demo" / "models" / "blip"
_TOKENS = 12
_PEER, _TUNED, _OURS = "transformers, one by one", "transformers, tuned", "twinset"


@dataclass(frozen=True)
class Shape:
    """What is asked of a model.

    Attributes:
        side: of the images that come in, pixels.
        batch: rows a call of ours and of the tuned peer.
        images: a turn of ours and of the tuned peer.
        peer_images: a turn of the peer that takes them one by one.
    """

    side: int
    batch: int
    images: int
    peer_images: int


SHAPES = {
    "blip-base": Shape(side=512, batch=256, images=1024, peer_images=16),
    "blip-large": Shape(side=512, batch=256, images=1024, peer_images=16),
    "tiny": Shape(side=64, batch=32, images=64, peer_images=8),
}


class Contest:
    """One model, opened by us and by the peer.

    Args:
        folder: the model's.
        shape: what is asked of it.
        device: where both run.
        compiling: whether ours is compiled.
    """

    def __init__(self, folder: Path, shape: Shape, device: torch.device, *, compiling: bool) -> None:
        self.shape = shape
        self.device = device
        self.dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        precision = next(name for name, dtype in DTYPES.items() if dtype is self.dtype)
        config = BlipCaptions(
            model=str(folder),
            max_new_tokens=_TOKENS,
            batch_size=shape.batch,
            dtype=precision,
            compile=compiling,
        )
        self.captioner = open_captioner(config, str(device))
        with quiet():
            self.peer: Any = BlipForConditionalGeneration.from_pretrained(folder, dtype=self.dtype).to(device).eval()
            self.processor: Any = BlipProcessor.from_pretrained(folder)
        rng = np.random.default_rng(0)
        # smooth noise, in which a captioner trained on coloured objects sees now one and now another
        small = rng.integers(0, 256, (shape.images, 8, 8, 3), dtype=np.uint8)
        self.images = list(small.repeat(shape.side // 8, axis=1).repeat(shape.side // 8, axis=2))

    def ours(self) -> list[str]:
        """All images, by ours."""
        requests = [CaptionRequest(f"{number:016x}-scene", image) for number, image in enumerate(self.images)]
        answers = self.captioner.caption(requests)
        return [answer.text if isinstance(answer, Caption) else "" for answer in answers]

    def tuned(self) -> list[str]:
        """All images, by the peer in batches."""
        starts = range(0, len(self.images), self.shape.batch)
        return [text for start in starts for text in self._asked(self.images[start : start + self.shape.batch])]

    def one_by_one(self) -> list[str]:
        """Some images, by the peer as its documentation begins."""
        return [text for image in self.images[: self.shape.peer_images] for text in self._asked([image])]

    def limit(self, tflops: float) -> float:
        """Images a second, if matrix products were all that there is: the vision tower and the decoder's steps."""
        config = self.peer.config
        with torch.device("meta"):
            model: Any = BlipForConditionalGeneration(config)
            side = config.vision_config.image_size
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                # the decoder over all tokens at once costs what its steps cost together
                model(pixel_values=torch.empty(1, 3, side, side), input_ids=torch.zeros(1, _TOKENS, dtype=torch.long))
        return tflops * 1e12 / counter.get_total_flops()

    def _asked(self, images: list[Any]) -> list[str]:
        with quiet(), torch.no_grad():
            inputs = self.processor(images=images, return_tensors="pt").to(self.device, self.dtype)
            tokens = self.peer.generate(**inputs, max_new_tokens=_TOKENS, do_sample=False)
        texts: list[str] = self.processor.batch_decode(tokens[:, 1:], skip_special_tokens=True)
        return texts


def compare(name: str, shape: Shape, device: torch.device, rounds: int, until: float, *, compiling: bool) -> None:
    """Check and time the ways for one model, and print its table."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = _TINY
        if name != "tiny":
            folder = Path(scratch)
            write_blip(folder, name, device, torch.bfloat16 if device.type == "cuda" else torch.float32)
        contest = Contest(folder, shape, device, compiling=compiling)
        try:
            said = contest.ours()
        except ModelError as error:
            if not compiling:
                raise
            print(error)
            compiling = False
            contest = Contest(folder, shape, device, compiling=False)
            said = contest.ours()
    print(f"\n{name}: loaded and asked once, and compiled where it is, in {time.perf_counter() - began:.0f} s")
    equal = sum(own == theirs for own, theirs in zip(said, contest.tuned(), strict=True))
    if name == "tiny" and equal < shape.images:
        raise SystemExit(f"of {shape.images} captions, {shape.images - equal} are not the peer's")
    contest.one_by_one()
    ways: dict[str, tuple[int, Callable[[], list[str]]]] = {
        _PEER: (shape.peer_images, contest.one_by_one),
        _TUNED: (shape.images, contest.tuned),
        _OURS: (shape.images, contest.ours),
    }
    tflops = matmul_tflops(device, contest.dtype)
    taken = in_turns({way: turn for way, (_, turn) in ways.items()}, device, rounds, until)
    rates = {way: tuple(count / second for second in taken[way].seconds) for way, (count, _) in ways.items()}
    busy = {way: tuple(count / second for second in taken[way].processor) for way, (count, _) in ways.items()}
    limit = contest.limit(tflops)
    print(
        f"\n{name}, images of {shape.side}x{shape.side}, {_TOKENS} tokens, batches of {shape.batch}, "
        f"{str(contest.dtype).removeprefix('torch.')}, {'compiled' if compiling else 'not compiled'}; {device_name(device)}"
    )
    print(f"matrix products {tflops:.2f} TFLOP/s, so at most {limit:.1f} images/s; {len(taken[_OURS].seconds)} rounds")
    print(f"{'':26} {'images/s':>9} {'of the limit':>13}   ours to it, by the clock and by the processors' time")
    for way, found in rates.items():
        rate = statistics.median(found)
        ratios = "" if way == _OURS else f"{ratio(rates, _OURS, way)}; {ratio(busy, _OURS, way)}"
        print(f"{way:26} {rate:9.1f} {rate / limit:13.1%}   {ratios}")
    print(f"captions equal to the tuned peer's: {equal} of {shape.images}")


def decoder_steps() -> None:
    """Print what a step costs that has next to nothing to compute: 12 layers of 12 numbers, by the processor's time."""
    sizes = {"hidden_size": 12, "intermediate_size": 12, "num_hidden_layers": 12, "num_attention_heads": 12}
    text = sizes | {"vocab_size": 16, "encoder_hidden_size": 12, "max_position_embeddings": 64}
    text |= {"bos_token_id": 1, "eos_token_id": 2, "sep_token_id": 2, "pad_token_id": 0}
    config = BlipConfig(text_config=text, vision_config=sizes | {"image_size": 16, "patch_size": 16})
    model: Any = BlipForConditionalGeneration(config).eval()
    pixels = torch.zeros(1, 3, 16, 16)

    def spent(arguments: Callable[[], dict[str, Any]]) -> float:
        def run(tokens: int) -> float:
            began = time.process_time()
            model.generate(pixels, min_new_tokens=tokens, max_new_tokens=tokens, do_sample=False, **arguments())
            return time.process_time() - began

        run(4)
        return (min(run(42) for _ in range(3)) - min(run(2) for _ in range(3))) / 40

    with quiet(), torch.no_grad():
        eager = spent(lambda: {"disable_compile": True})
        compiled = CompiledDecoding(model, 64)
        fast = spent(lambda: compiled.arguments(1))
    print(
        f"a step of 12 layers: {eager * 1e3:.1f} ms as it is, {fast * 1e3:.1f} ms compiled; one processor of this machine"
    )


def main() -> None:
    """Compare, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=8.0, help="of all shapes together")
    parser.add_argument("--batch", type=int, help="rows a call")
    parser.add_argument("--images", type=int, help="images a turn")
    parser.add_argument("--compile", choices=("auto", "yes", "no"), default="auto", help="auto: on a GPU")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", action="store_true", help="time the decoder's steps instead")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # a table stays where the run is cut off, whatever it is piped into
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # never replaced here
    if arguments.steps:
        decoder_steps()
        return
    device = torch.device(arguments.device)
    on_gpu = device.type == "cuda"
    compiling = on_gpu if arguments.compile == "auto" else arguments.compile == "yes"
    changes = {key: value for key in ("batch", "images") if (value := getattr(arguments, key)) is not None}
    names = arguments.shapes or (("blip-base", "blip-large") if on_gpu else ("tiny",))
    for name, until in zip(names, shares(arguments.minutes, len(names)), strict=True):
        compare(name, Shape(**(vars(SHAPES[name]) | changes)), device, arguments.rounds, until, compiling=compiling)


if __name__ == "__main__":
    main()
