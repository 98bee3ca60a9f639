"""The pictures of docs/alignment.md: `python benchmarks/alignment_pictures.py [FOLDER]`.

Two rendered photographs of the demo, one for each framing, with fakes by the demo's models, taken through the code that
builds take; and the probes of the two audits in docs/examples.
"""

import json
import sys
from io import BytesIO
from pathlib import Path

import diffusers
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from demo.photographs import take_photograph
from manifests.records import Encoding, Frame, ImageFacts
from pixels.align import History, align_pair
from pixels.arrays import Pixels
from pixels.config import ViewRules
from pixels.frame import Framed, cut, plan_frame
from pixels.jpeg import jpeg_coding
from pixels.resize import resize

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "pictures"
MODEL = ROOT / "demo" / "models" / "stable-diffusion"
SIDE = 192  # pixels of a picture in a row
GAP, LABEL = 12, 34
TRACE = 16  # how much a difference is magnified
PROBES = ("headers", "size", "borders", "quantisation", "grid", "spectral")
SEED = 7


def main(folder: Path = DOCS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    scene = ViewRules(name="scene", framing="scene", frame=64, size=40, generators=("sd",))
    patch = ViewRules(name="patch", framing="patch", frame=64, size=64, generators=("vae",))
    row(scene, text_to_image).save(folder / "alignment-scene.png", optimize=True)
    row(patch, reconstruction).save(folder / "alignment-patch.png", optimize=True)
    chart(folder / "alignment-audit.png")


def row(view: ViewRules, make: "Maker") -> Image.Image:
    """Photograph with its window, framed real, fake as made, what alignment adds to it, and both final members."""
    photograph = take_photograph(SEED)
    stored = np.asarray(Image.open(BytesIO(photograph.data)).convert("RGB"))
    facts = ImageFacts(format="JPEG", width=stored.shape[1], height=stored.shape[0], orientation=photograph.orientation)
    own = jpeg_coding(photograph.data)
    frame = plan_frame(facts, own, view, "picture", "docs")
    framed = cut(stored, facts, frame)
    fake = make(framed)
    encoding = Encoding(quality=95)
    final = align_pair(framed, {"fake": fake}, facts, frame, History(own=own), encoding)
    members = {name: np.asarray(Image.open(BytesIO(data)).convert("RGB")) for name, data in final.items()}
    pictures = {
        "photograph, and its window": windowed(stored, frame),
        "framed real": Image.fromarray(framed.shown),
        "fake, as it was made": Image.fromarray(fake),
        f"what alignment changes, x {TRACE}": trace(members["fake"], fake, framed, frame),
        "real, in the dataset": Image.fromarray(members["real"]),
        "fake, in the dataset": Image.fromarray(members["fake"]),
    }
    return beside_one_another(pictures)


def text_to_image(framed: Framed) -> Pixels:
    """A fake by the demo's Stable Diffusion."""
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(MODEL, safety_checker=None, dtype=torch.float32)
    made = pipeline(
        "an orange cone and a yellow sphere on a checkered floor",
        height=framed.shown.shape[0],
        width=framed.shown.shape[1],
        num_inference_steps=20,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(SEED),
        output_type="np",
    )
    return np.rint(made.images[0] * 255).astype(np.uint8)


def reconstruction(framed: Framed) -> Pixels:
    """The region through the demo's autoencoder and back."""
    autoencoder = diffusers.AutoencoderKL.from_pretrained(MODEL / "vae", dtype=torch.float32)
    images = torch.from_numpy(framed.region.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.inference_mode():
        decoded = autoencoder.decode(autoencoder.encode(images).latent_dist.mean).sample
    return np.rint((decoded[0].permute(1, 2, 0).numpy().clip(-1, 1) + 1) * 127.5).astype(np.uint8)


Maker = type(reconstruction)


def windowed(stored: Pixels, frame: Frame) -> Image.Image:
    """The photograph with the window drawn in, and the margin round it where there is one."""
    picture = Image.fromarray(stored)
    draw = ImageDraw.Draw(picture)
    if frame.margin:
        draw.rectangle(box(frame, frame.margin), outline=(255, 255, 255))
    draw.rectangle(box(frame, 0), outline=(255, 220, 0), width=2)
    return picture


def box(frame: Frame, margin: int) -> tuple[int, int, int, int]:
    left, top = frame.x - margin, frame.y - margin
    extent = frame.side + 2 * margin - 1
    return left, top, left + extent, top + extent


def trace(final: Pixels, fake: Pixels, framed: Framed, frame: Frame) -> Image.Image:
    """The fake of the dataset, less the fake that was only cut and resized: grey where nothing was changed."""
    margin = (framed.region.shape[0] - framed.shown.shape[0]) // 2
    inner = fake[margin : fake.shape[0] - margin, margin : fake.shape[1] - margin] if margin else fake
    plain = resize(np.ascontiguousarray(inner), frame.size, frame.kernel)
    difference = final.astype(np.int16) - plain
    return Image.fromarray((128 + TRACE * difference).clip(0, 255).astype(np.uint8))


def beside_one_another(pictures: dict[str, Image.Image]) -> Image.Image:
    width = len(pictures) * (SIDE + GAP) - GAP
    canvas = Image.new("RGB", (width, SIDE + LABEL), "white")
    draw = ImageDraw.Draw(canvas)
    for position, (label, picture) in enumerate(pictures.items()):
        factor = SIDE / max(picture.size)
        size = (round(picture.width * factor), round(picture.height * factor))
        left = position * (SIDE + GAP)
        canvas.paste(picture.resize(size, Image.Resampling.NEAREST), (left, LABEL))
        draw.text((left, 8), label, fill="black", font_size=13)
    return canvas


def chart(path: Path) -> None:
    """What a classifier tells apart, probe by probe, in the two audits of docs/examples."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    for offset, (name, colour) in enumerate((("naive", "#c0504d"), ("aligned", "#4f81bd"))):
        values = audit_values(ROOT / "docs" / "examples" / f"audit-{name}.json")
        axes.barh([row + 0.4 * offset - 0.2 for row in range(len(PROBES))], values, 0.36, color=colour, label=name)
    axes.set_yticks(range(len(PROBES)), PROBES)
    axes.invert_yaxis()
    axes.axvline(0.5, color="black", linewidth=0.8)
    axes.set_xlim(0.4, 1.0)
    axes.set_xlabel("AUC of telling reals from fakes; 0.5 is chance")
    figure.legend(loc="outside upper right", ncols=2)
    figure.savefig(path, dpi=120)


def audit_values(path: Path) -> list[float]:
    """The largest AUC of each probe; of the headers, 1 where they differ in all pairs, 0.5 where in none."""
    probes = json.loads(path.read_text())["probes"]
    found = []
    for name in PROBES:
        values = [probe["value"] for probe in probes if probe["name"] == name and probe["value"] is not None]
        is_share = name == "headers"
        found.append(0.5 + max(values) / 2 if is_share else max(values))
    return found


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
