"""How fast fakes are generated and saved, beside diffusers' own way: `pipe(prompt)` and `save("x.png")`, one by one.

python benchmarks/generation.py                                  on a GPU: SD 1.4 and SDXL at their true shapes
python benchmarks/generation.py --device cpu --shapes tiny       the demo's small model, through the same code

    [--shapes sd14 sdxl tiny] [--rounds 3] [--minutes 8] [--batch N] [--side N] [--steps N] [--compile auto|yes|no]

Weights of the true shapes are random: they cost what published ones cost. Four ways take turns: the peer as its documentation
begins (one prompt a call), the peer tuned (our batches and our compiled models, saved after each batch), ours, and ours
without saving. Before anything is timed, ours and the peer's batch must give the same bytes in 32 bits without compiling.

The times of a GPU are those of a process that has compiled already. No round begins that would not end within the minutes
given, so what is printed may rest on one round; where compiling fails the line says so, and nothing is compiled.

Printed: images a second; the share of what matrix products alone would allow, at the rate that they were just measured at;
and the share of ours without saving, which is the price of saving.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# run as a file, the benchmark stands in the place of the package that has its name
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.generation_shapes import write_sd14, write_sdxl
from benchmarks.peak import device_name, in_turns, matmul_tflops, ratio, shares
from flows.stages.generate import encoded
from generation.config import TextToImageConfig
from generation.diffusion import Diffusion
from generation.numerics import DTYPES, reproducible, seeded_rng
from generation.pipelines import LoadedPipeline, load_pipeline
from generation.quiet import quiet
from generation.requests import Generated, GenerationRequest
from manifests.errors import ModelError, RejectedItem
from manifests.seeds import seed
from pixels.arrays import Pixels, to_bytes

_TINY = Path(__file__).resolve().parents[1] / "demo" / "models" / "stable-diffusion"
_SALT = "benchmark"
_PEER, _TUNED, _OURS, _MADE = "diffusers, one by one", "diffusers, tuned", "twinset", "twinset, nothing saved"


@dataclass(frozen=True)
class Shape:
    """A model, and what is asked of it.

    Attributes:
        write: writes its folder; None where the repository has one.
        side: of the images, pixels.
        steps: of denoising.
        guidance: of classifier-free guidance.
        batch: rows a call of ours and of the tuned peer.
        peer_images: images a turn of the peer that makes them one by one.
    """

    write: Callable[[Path, torch.device, torch.dtype, int], None] | None
    side: int
    steps: int
    guidance: float
    batch: int
    peer_images: int


SHAPES = {
    "sd14": Shape(write_sd14, side=512, steps=50, guidance=7.5, batch=16, peer_images=4),
    "sdxl": Shape(write_sdxl, side=1024, steps=30, guidance=5.0, batch=8, peer_images=2),
    "tiny": Shape(None, side=64, steps=20, guidance=4.0, batch=16, peer_images=8),
}


class Contest:
    """One model, opened by us and by the peer.

    Args:
        folder: the model's.
        shape: what is asked of it.
        device: where all run.
        compiling: whether our model and the tuned peer's are compiled.
    """

    def __init__(self, folder: Path, shape: Shape, device: torch.device, *, compiling: bool) -> None:
        self.shape = shape
        self.device = device
        self.dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.config = self._config(folder, compiling=compiling)
        self.loaded: LoadedPipeline = load_pipeline(self.config, str(device))
        self.ours = Diffusion(self.loaded, self.config, _SALT)
        with quiet():
            self.peer = diffusers.DiffusionPipeline.from_pretrained(folder, torch_dtype=self.dtype).to(device)
        self.peer.set_progress_bar_config(disable=True)
        self.asked = [
            GenerationRequest(f"{number:016x}-scene", f"a red cube, number {number}", None, shape.side, shape.side)
            for number in range(2 * shape.batch)
        ]

    def check(self) -> tuple[float, float]:
        """How far ours is from the peer's batch in the mean, and the peer's first image from the same one alone at most.

        Of 255 levels; not a number where random weights gave no images. After this all is compiled, and has run once.

        Raises:
            SystemExit: in 32 bits, uncompiled, ours is not the peer's, byte for byte.
        """
        batch = self.asked[: self.shape.batch]
        answers = next(self.ours.generate(batch))
        ours = [answer.pixels for answer in answers if isinstance(answer, Generated)]
        peers, lone = self.call(self.peer, batch, "np"), self.call(self.peer, batch[:1], "np")
        refused = [answer for answer in answers if isinstance(answer, RejectedItem)]
        if refused:
            print(
                f"{len(refused)} of {len(answers)} are no images ({refused[0].detail}): what saving costs says nothing"
            )
            return math.nan, math.nan
        theirs, alone = [to_bytes(image) for image in peers], to_bytes(lone[0])
        exact = self.dtype is torch.float32 and self.config.compile is not True
        if exact and not all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True)):
            raise SystemExit("ours differs from the peer's")
        return float(_difference(ours, theirs).mean()), float(_difference([theirs[0]], [alone]).max())

    def one_by_one(self, folder: Path) -> None:
        """The peer as its documentation begins."""
        for number, request in enumerate(self.asked[: self.shape.peer_images]):
            self.call(self.peer, [request], "pil")[0].save(folder / f"{number}.png")

    def tuned(self, folder: Path) -> None:
        """The peer in batches, with our compiled modules, which are what its documentation recommends."""
        for number, image in enumerate(self.call(self.loaded.pipeline, self.asked[: self.shape.batch], "pil")):
            image.save(folder / f"{number}.png")

    def saved(self, folder: Path) -> None:
        """Ours: two batches, so that the first is written while the second is made, as a build's chunk is."""
        for number, outcome in enumerate(encoded(self.ours.generate(self.asked))):
            if not isinstance(outcome, RejectedItem):
                (folder / f"{number}.png").write_bytes(outcome[1])

    def made(self) -> None:
        """Ours without saving, as many images."""
        for _ in self.ours.generate(self.asked):
            pass

    def call(self, pipeline: Any, requests: Sequence[GenerationRequest], output: str) -> Any:
        """A plain call of a pipeline, with the seeds that ours draws."""
        seeds = [seed(_SALT, request.pair_id, self.config.name, 0) for request in requests]
        size = {"width": self.shape.side, "height": self.shape.side}
        with quiet(), reproducible():
            return pipeline(
                [request.prompt for request in requests],
                num_inference_steps=self.shape.steps,
                guidance_scale=self.shape.guidance,
                generator=[seeded_rng(number) for number in seeds],
                output_type=output,
                **size,
            ).images

    def limit(self, tflops: float) -> float:
        """Images a second, if matrix products were all that there is."""
        return tflops / self._tflop()

    def _tflop(self) -> float:
        """TFLOP an image: the denoiser's calls, twice each where there is guidance, and the decoder's one."""
        self.peer.scheduler.set_timesteps(self.shape.steps)
        calls = len(self.peer.scheduler.timesteps) * (2 if self.shape.guidance > 1 else 1)
        pixels = self.shape.side // self.peer.vae_scale_factor
        with torch.device("meta"):
            unet = type(self.peer.unet).from_config(self.peer.unet.config).eval()
            vae = type(self.peer.vae).from_config(self.peer.vae.config).eval()
            latents = torch.empty(1, unet.config.in_channels, pixels, pixels)
            words = torch.empty(1, 77, unet.config.cross_attention_dim)
            added = {"text_embeds": torch.empty(1, 1280), "time_ids": torch.empty(1, 6)}
            denoised = _flop(lambda: unet(latents, torch.empty(1), words, added_cond_kwargs=added))
            decoded = _flop(lambda: vae.decode(latents))
        return (calls * denoised + decoded) / 1e12

    def _config(self, folder: Path, *, compiling: bool) -> TextToImageConfig:
        precision = next(name for name, dtype in DTYPES.items() if dtype is self.dtype)
        return TextToImageConfig(
            name="benchmark",
            model=str(folder),
            num_inference_steps=self.shape.steps,
            guidance_scale=self.shape.guidance,
            batch_size=self.shape.batch,
            dtype=precision,
            max_reseeds=0,  # what random weights make need not be an image
            compile=compiling,
        )


def compare(name: str, shape: Shape, device: torch.device, rounds: int, until: float, *, compiling: bool) -> None:
    """Check and time the ways for one model, and print its table."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = _TINY
        if shape.write is not None:
            folder = Path(scratch) / name
            shape.write(folder, device, torch.bfloat16 if device.type == "cuda" else torch.float32, shape.side)
        contest, differences = _checked(folder, shape, device, compiling=compiling)
        compiling = contest.config.compile is True
        print(f"\n{name}: loaded and checked, and compiled where it is, in {time.perf_counter() - began:.0f} s")
        images = Path(scratch)
        ways: dict[str, tuple[int, Callable[[], None]]] = {
            _PEER: (shape.peer_images, lambda: contest.one_by_one(images)),
            _TUNED: (shape.batch, lambda: contest.tuned(images)),
            _OURS: (len(contest.asked), lambda: contest.saved(images)),
            _MADE: (len(contest.asked), contest.made),
        }
        tflops = matmul_tflops(device, contest.dtype)
        taken = in_turns({way: turn for way, (_, turn) in ways.items()}, device, rounds, until)
    rates = {way: tuple(count / second for second in taken[way].seconds) for way, (count, _) in ways.items()}
    busy = {way: tuple(count / second for second in taken[way].processor) for way, (count, _) in ways.items()}
    limit = contest.limit(tflops)
    print(
        f"\n{name}, {shape.side}x{shape.side}, {shape.steps} steps, batches of {shape.batch}, "
        f"{str(contest.dtype).removeprefix('torch.')}, {'compiled' if compiling else 'not compiled'}; {device_name(device)}"
    )
    print(f"matrix products {tflops:.2f} TFLOP/s, so at most {limit:.2f} images/s; {len(taken[_OURS].seconds)} rounds")
    print(f"{'':26} {'images/s':>9} {'of the limit':>13}   ours to it, by the clock and by the processors' time")
    for way, found in rates.items():
        rate = statistics.median(found)
        ratios = "" if way == _OURS else f"{ratio(rates, _OURS, way)}; {ratio(busy, _OURS, way)}"
        print(f"{way:26} {rate:9.2f} {rate / limit:13.1%}   {ratios}")
    share = statistics.median(own / made for own, made in zip(rates[_OURS], rates[_MADE], strict=True))
    print(f"end to end, ours is at {share:.1%} of what it generates")
    print(f"ours and the peer's batch differ by {differences[0]:.2f} of 255 in the mean")
    print(f"one image in a batch and alone differ by {differences[1]:.0f} of 255 at most")


def _checked(
    folder: Path, shape: Shape, device: torch.device, *, compiling: bool
) -> tuple[Contest, tuple[float, float]]:
    """A contest that has been checked; uncompiled where the compiler of this machine fails."""
    contest = Contest(folder, shape, device, compiling=compiling)
    try:
        return contest, contest.check()
    except ModelError as error:
        if not compiling:
            raise
        print(error)
    torch.compiler.reset()
    contest = Contest(folder, shape, device, compiling=False)
    return contest, contest.check()


def _difference(ours: Sequence[Pixels], theirs: Sequence[Pixels]) -> NDArray[np.int64]:
    return np.abs(np.stack(ours).astype(np.int64) - np.stack(theirs))


def _flop(call: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        call()
    return int(counter.get_total_flops())


def main() -> None:
    """Compare, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=8.0, help="of all shapes together")
    parser.add_argument("--batch", type=int, help="rows a call")
    parser.add_argument("--side", type=int, help="pixels, for a try of large shapes on a small machine")
    parser.add_argument("--steps", type=int, help="denoising steps, for the same")
    parser.add_argument("--compile", choices=("auto", "yes", "no"), default="auto", help="auto: on a GPU")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # a table stays where the run is cut off, whatever it is piped into
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # never replaced here
    device = torch.device(arguments.device)
    on_gpu = device.type == "cuda"
    compiling = on_gpu if arguments.compile == "auto" else arguments.compile == "yes"
    changes = {key: value for key in ("batch", "side", "steps") if (value := getattr(arguments, key)) is not None}
    names = arguments.shapes or (("sd14", "sdxl") if on_gpu else ("tiny",))
    for name, until in zip(names, shares(arguments.minutes, len(names)), strict=True):
        shape = Shape(**(vars(SHAPES[name]) | changes))
        compare(name, shape, device, arguments.rounds, until, compiling=compiling)


if __name__ == "__main__":
    main()
