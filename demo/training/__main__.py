"""Train or evaluate the demo models: ``python -m demo.training --stage all --out DIR``.

The stages build on one another: vae, then captioner and diffusion (both use the autoencoder), then evaluate. What is
already in ``DIR`` is used.
"""

import argparse
import logging
from pathlib import Path

import torch

from demo.training.captioner import train_captioner
from demo.training.data import EVALUATION_SEED, TRAINING_SEED, load_windows
from demo.training.diffusion import train_diffusion
from demo.training.evaluation import evaluate
from demo.training.vae import train_vae

STAGES = ("vae", "captioner", "diffusion", "evaluate")
# about as long as the committed weights took on two busy CPU cores
_MINUTES = {"vae": 23.0, "captioner": 25.0, "diffusion": 41.0}
_TRAINING_PHOTOGRAPHS = 20_000
_EVALUATED = 200


def main() -> None:
    """Run the stages that the command line asks for."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    device = _device(arguments.device)
    stages = STAGES if arguments.stage == "all" else (arguments.stage,)
    for stage in stages:
        _run(
            stage,
            arguments.out,
            arguments.cache,
            device,
            arguments.minutes or _MINUTES.get(stage, 0.0),
            resume=arguments.resume,
        )


def _run(stage: str, out: Path, cache: Path, device: torch.device, minutes: float, *, resume: bool) -> None:
    pipeline, blip = out / "stable-diffusion", out / "blip"
    cache.mkdir(parents=True, exist_ok=True)
    if stage == "evaluate":
        unseen = load_windows(cache / "evaluation.npz", _EVALUATED + 50, EVALUATION_SEED).only_whole()
        print(evaluate(pipeline, blip, unseen, _EVALUATED, device))
        return
    windows = load_windows(cache / "training.npz", _TRAINING_PHOTOGRAPHS, TRAINING_SEED)
    if stage == "vae":
        train_vae(windows, pipeline / "vae", minutes, device, resume=resume)
    elif stage == "captioner":
        train_captioner(windows, pipeline / "vae", blip, minutes, device, resume=resume)
    else:
        train_diffusion(windows.only_whole(), pipeline, minutes, device, resume=resume)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.training", description=__doc__)
    parser.add_argument("--stage", choices=(*STAGES, "all"), default="all")
    parser.add_argument("--out", type=Path, required=True, help="folder of the models, as demo/models")
    parser.add_argument(
        "--cache", type=Path, default=Path("runs/demo-training"), help="folder of the rendered pictures"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda …")
    parser.add_argument("--minutes", type=float, help="length of each stage; default: as the committed weights")
    parser.add_argument("--resume", action="store_true", help="train the weights found in DIR further")
    return parser


if __name__ == "__main__":
    main()
