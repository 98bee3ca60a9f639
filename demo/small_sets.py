"""What the shipped recipes read, in small: sets of rendered scenes and of images of the demo's own generator.

Each set is in its publisher's layout, so that `--preset debug` changes a recipe's locations, sizes and models, and
nothing of how its sources are read.
"""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from demo import publishers
from demo.photographs import Photograph, take_photograph
from demo.scenes import caption, random_scene
from demo.server import demo_world
from manifests.errors import TwinsetError

Columns = dict[str, list[Any]]
"""Columns of a Parquet file by name."""

_MODELS = Path(__file__).parent / "models"
_WEB = "web"
_PORT = 8398  # not the demo's: both may run
_WEB_PHOTOGRAPHS = 100
_DONE = "world.done"
_COCO_LICENCES = {
    4: "Attribution License",
    5: "Attribution-ShareAlike License",
    7: "No known copyright restrictions",
    8: "United States Government Work",
}
_FIRST_SCENE = 50_000_000  # far from the scenes that the served photographs show
_STEPS = 4
_BATCH = 32


class Studio:
    """Gives scenes that no other call has given, as photographs and as fakes.

    Args:
        models: the folder of the demo's models.
        urls: addresses of served photographs, where any are served.
    """

    def __init__(self, models: Path, urls: list[str]) -> None:
        self.urls = urls
        self._models = models
        self._scenes = count(_FIRST_SCENE)

    def photographs(self, number: int) -> list[Photograph]:
        """So many photographs, each a JPEG."""
        return [take_photograph(next(self._scenes)) for _ in range(number)]

    def jpegs(self, number: int) -> list[bytes]:
        """The bytes of so many photographs."""
        return [photograph.data for photograph in self.photographs(number)]

    def prompts(self, number: int) -> list[str]:
        """Descriptions of so many scenes."""
        return [caption(random_scene(next(self._scenes))) for _ in range(number)]

    def fakes(self, prompts: list[str]) -> list[bytes]:
        """PNGs of 64 x 64 pixels: what the demo's generator makes of the prompts in a few steps."""
        import torch  # noqa: PLC0415 - takes seconds, and sets without fakes go without it

        images = []
        for first in range(0, len(prompts), _BATCH):
            batch = prompts[first : first + _BATCH]
            rngs = [torch.Generator("cpu").manual_seed(first + place) for place in range(len(batch))]
            images += self._pipeline(batch, num_inference_steps=_STEPS, guidance_scale=1.0, generator=rngs).images
        return [_png(image) for image in images]

    @cached_property
    def _pipeline(self) -> Any:
        import torch  # noqa: PLC0415 - as above
        from diffusers import StableDiffusionPipeline  # noqa: PLC0415 - as above

        load: Any = StableDiffusionPipeline.from_pretrained  # diffusers gives no types
        pipeline = load(self._models / "stable-diffusion", safety_checker=None, dtype=torch.float32)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


@contextmanager
def small_world(recipe: str, folder: Path) -> Iterator[None]:
    """Write what a recipe's preset `debug` reads into a folder, unless it is there; serve its web while the context lasts.

    Args:
        recipe: the recipe's name, such as `realfake`.
        folder: the folder; the recipe calls it `world`.

    Raises:
        TwinsetError: there is no such world, or the server's port is taken.
    """
    write = _WORLDS.get(recipe)
    if write is None:
        raise TwinsetError(f"{recipe}: no small world for this recipe; there are {', '.join(_WORLDS)}")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as served:
        urls = _serve(folder / _WEB, served) if recipe in _SERVED else []
        if not (folder / _DONE).exists():
            for name in ("blip", "stable-diffusion"):
                shutil.copytree(_MODELS / name, folder / "models" / name, dirs_exist_ok=True)
            write(folder, Studio(folder / "models", urls))
            (folder / _DONE).write_text(recipe)
        elif (folder / _DONE).read_text() != recipe:
            raise TwinsetError(f"{folder}: holds the world of another recipe; name another folder")
        yield


def _serve(folder: Path, served: ExitStack) -> list[str]:
    """Serve photographs until the stack is left; gives the addresses that work."""
    web = served.enter_context(demo_world(folder, _WEB_PHOTOGRAPHS, seed=1, port=_PORT))
    return [web.url + entry.path for entry in web.entries if entry.fault is None]


def _write_text_encoder(folder: Path) -> None:
    """The generator's text encoder as a CLIP text tower: its projection leaves vectors as they are."""
    import torch  # noqa: PLC0415 - takes seconds
    from transformers import CLIPTextModel, CLIPTextModelWithProjection  # noqa: PLC0415 - as above

    pipeline = folder.parent / "stable-diffusion"
    plain = CLIPTextModel.from_pretrained(pipeline / "text_encoder")
    plain.config.projection_dim = plain.config.hidden_size
    tower = CLIPTextModelWithProjection(plain.config)
    tower.load_state_dict(plain.state_dict(), strict=False)
    torch.nn.init.eye_(tower.text_projection.weight)
    tower.save_pretrained(folder)
    shutil.copytree(pipeline / "tokenizer", folder, dirs_exist_ok=True)


def _write_realfake(folder: Path, studio: Studio) -> None:
    classes = _write_imagenet(folder, studio, 60)
    publishers.write_laion(folder / "laion", studio.urls[:40], studio.prompts(40))
    wnids = [wnid for wnid in classes for _ in range(3)]
    fakes = zip(wnids, studio.fakes([f"a photo of a {classes[wnid]}" for wnid in wnids]), strict=True)
    publishers.write_files(folder / "twin", {f"{wnid}/{number}.png": data for number, (wnid, data) in enumerate(fakes)})
    prompts = studio.prompts(40)
    publishers.write_diffusiondb(folder / "diffusiondb", studio.fakes(prompts), prompts)


def _write_realfake_twin(folder: Path, studio: Studio) -> None:
    _write_imagenet(folder, studio, 60)


def _write_realfake_test(folder: Path, studio: Studio) -> None:
    photographs = studio.photographs(40)
    wnids = [_class_of(photograph) for photograph in photographs]
    publishers.write_imagenet_validation(folder / "ILSVRC2012_img_val.tar", [p.data for p in photographs])
    publishers.write_devkit(folder / "devkit.tar.gz", dict(sorted(set(wnids))), [w for w, _ in wnids])
    (folder / "prompts.txt").write_text("\n".join(studio.prompts(8)) + "\n")


def _write_sdxl(folder: Path, studio: Studio) -> None:
    for name, label in (
        ("food101", "label"),
        ("afhq", "label"),
        ("pets", "label"),
        ("cars", "label"),
        ("beans", "labels"),
    ):
        images = studio.jpegs(16)
        columns: Columns = {"image": images, label: [number % 2 for number in range(len(images))]}
        publishers.write_parquet(folder / name, columns, {label: ("one", "other")})
    publishers.write_parquet(folder / "sdxl", {"image": studio.fakes(studio.prompts(80))})


def _write_photographs(folder: Path, studio: Studio) -> None:
    publishers.write_files(folder / "photographs", {f"{n:03d}.jpg": data for n, data in enumerate(studio.jpegs(80))})


def _write_distilled(folder: Path, studio: Studio) -> None:
    _write_text_encoder(folder / "models" / "text-encoder")
    prompts = studio.prompts(80)
    images = {f"{number:03d}.png": data for number, data in enumerate(studio.fakes(prompts))}
    publishers.write_files(folder / "midjourney" / "images", images)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("file_name", "prompt"), *zip(images, prompts, strict=True)])
    publishers.write_files(folder / "midjourney", {"prompts.csv": table.getvalue().encode()})


def _write_convnext(folder: Path, studio: Studio) -> None:
    for name in ("real-vs-ai-200k", "human-faces"):
        _write_labelled(folder / name, studio, "label", None)
    _write_labelled(folder / "tiny-genimage", studio, "label", ("ai", "nature"), generator="generator")
    _write_folders(folder / "stylegan" / "train", studio, "real", "fake")
    _write_folders(folder / "deepfake" / "Train", studio, "Real", "Fake")
    _write_folders(folder / "artartai", studio, "RealArt/RealArt", "AiArtData/AiArtData")
    _write_folders(folder / "super-genai", studio, "Real", "Fake")
    _write_folders(folder / "dda", studio, "real", "fake")
    reals, prompts = studio.jpegs(8), studio.prompts(8)
    columns: Columns = {
        "Caption": [text for text in prompts for _ in range(2)],
        "Image": [image for pair in zip(reals, studio.fakes(prompts), strict=True) for image in pair],
        "Label_A": [0, 1] * 8,
        "Label_B": [label for number in range(8) for label in (0, 1 + number % 5)],
    }
    publishers.write_parquet(folder / "defactify", columns)


def _write_convnext_2(folder: Path, studio: Studio) -> None:
    prompts = studio.prompts(16)
    columns: Columns = {"caption": prompts, "coco_image": studio.jpegs(16)}
    for name in ("sd21", "sdxl", "sd3", "sd35", "dalle", "midjourney"):
        columns[f"{name}_image"] = studio.fakes([f"{prompt}, {name}" for prompt in prompts])
    publishers.write_parquet(folder / "coco-ai", columns)
    for name in ("midjourney-small", "nanobanana"):
        _write_labelled(folder / name, studio, "label", ("ai_gen", "human"))


def _write_aligned(folder: Path, studio: Studio) -> None:
    _write_photographs(folder, studio)
    photographs = studio.photographs(24)
    names = [f"{number:012d}.jpg" for number in range(1, len(photographs) + 1)]
    publishers.write_files(folder / "coco" / "train2017", {n: p.data for n, p in zip(names, photographs, strict=True)})
    images = [
        {
            "id": number,
            "file_name": name,
            "license": 4,
            "width": p.width,
            "height": p.height,
            "coco_url": "",
            "flickr_url": "",
        }
        for number, (name, p) in enumerate(zip(names, photographs, strict=True), start=1)
    ]
    told = {
        "licenses": [{"id": number, "name": name, "url": ""} for number, name in _COCO_LICENCES.items()],
        "images": images,
        "annotations": [
            {"id": number, "image_id": number, "caption": caption(photograph.scene)}
            for number, photograph in enumerate(photographs, start=1)
        ],
    }
    publishers.write_files(folder / "coco", {"captions_train2017.json": json.dumps(told).encode()})


def _write_imagenet(folder: Path, studio: Studio, number: int) -> dict[str, str]:
    """Training tar and devkit; gives the classes' words by WordNet id."""
    classes: dict[str, list[bytes]] = {}
    words = {}
    for photograph in studio.photographs(number):
        wnid, words[wnid] = _class_of(photograph)
        classes.setdefault(wnid, []).append(photograph.data)
    publishers.write_imagenet_train(folder / "ILSVRC2012_img_train.tar", dict(sorted(classes.items())))
    publishers.write_devkit(folder / "devkit.tar.gz", dict(sorted(words.items())))
    return dict(sorted(words.items()))


def _class_of(photograph: Photograph) -> tuple[str, str]:
    """A WordNet id's look-alike for the scene's first object, and the words for it."""
    first = photograph.scene.objects[0]
    word = f"{first.colour} {first.shape}"
    return f"n{sum(ord(letter) * place for place, letter in enumerate(word, start=1)):08d}", word


def _write_labelled(
    folder: Path, studio: Studio, label: str, names: tuple[str, str] | None, *, generator: str = ""
) -> None:
    """Twelve reals and twelve fakes in Parquet; without names, 0 is real, with names the first is of the fakes."""
    fake = 1 if names is None else 0
    columns: Columns = {
        "image": [*studio.jpegs(12), *studio.fakes(studio.prompts(12))],
        label: [1 - fake] * 12 + [fake] * 12,
    }
    if generator:
        columns[generator] = ["Real"] * 12 + ["SD15"] * 12
    publishers.write_parquet(folder, columns, {label: names} if names else None)


def _write_folders(folder: Path, studio: Studio, real: str, fake: str) -> None:
    publishers.write_files(folder, {f"{real}/{number}.jpg": data for number, data in enumerate(studio.jpegs(12))})
    fakes = studio.fakes(studio.prompts(12))
    publishers.write_files(folder, {f"{fake}/{number}.png": data for number, data in enumerate(fakes)})


def _png(image: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


_SERVED = ("realfake", "distilled")
"""The recipes that fetch from the web."""

_WORLDS: dict[str, Callable[[Path, Studio], None]] = {
    "realfake": _write_realfake,
    "realfake-twin": _write_realfake_twin,
    "realfake-test": _write_realfake_test,
    "sdxl-detector": _write_sdxl,
    "sdxl-detector-aligned": _write_photographs,
    "distilled": _write_distilled,
    "convnext-continual": _write_convnext,
    "convnext-continual-2": _write_convnext_2,
    "aligned": _write_aligned,
}
