"""How fast pairs come out of the shards, beside webdataset + Pillow + torchvision.

python benchmarks/loader.py [--pairs 300] [--side 512] [--repetitions 5] [--resize] [--processors 2]

All loaders give the same batches: windows of 224 pixels, flipped or not, normalised; that the tensors are equal is asserted
before anything is timed. The draws are made beforehand for the peer and on the way for us. Three ways of the peer are timed:
at its defaults; tuned (as many workers as there are processors, kept from epoch to epoch, batches made by the workers); and
tuned further in a way that its documentation does not speak of (uint8 from the workers, normalised at the end).
The loaders take turns; printed are the median of each, and the median of the ratios with the least and the greatest: by the
clock, and by the time of all processors together, which says more on a machine that has other work.
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
import webdataset
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional

from classifier.augmentation import Draw, draw
from classifier.batches import PairStream, PairWindows, collate
from classifier.config import ClassifierConfig
from classifier.normalising import normalised
from classifier.transforms import Preprocessing
from manifests import canonical
from manifests.dataset import Dataset
from manifests.header import Header, ShardInfo
from manifests.shards import Sample, write_shard
from manifests.storage import Folder

_WINDOW = 224
_BATCH = 16
_SHARDS = 4
_MEMBERS = ("real", "sd")
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_FIELDS = {"view": "scene", "source": "leaves", "class_label": "", "split": "train"}

Epoch = Callable[[], Iterator[tuple[list[str], Tensor]]]
"""One epoch's batches: ids of the pairs, and (2 n, 3, 224, 224) float32."""


def make(folder: Path, pairs: int, side: int) -> Dataset:
    """Write pairs of windows of one large picture, each image with a grain of its own."""
    target = Folder.at(str(folder))
    clouds = _clouds(2 * side)
    shards = []
    for index, numbers in enumerate(np.array_split(np.arange(pairs), _SHARDS)):
        name = f"train-{index:06d}.tar"
        with target.create(f"shards/{name}") as stream:
            write_shard(stream, (_sample(clouds, int(number), side) for number in numbers))
        shards.append(ShardInfo(name=name, split="train", view="scene", pairs=len(numbers)))
    header = Header(
        twinset="0", name="speed", salt="", recipe={}, generators=["sd"], views=["scene"], pairs_per_shard=pairs,
        shards=shards, encoders={}, jpeg_tables={},
    )  # fmt: skip
    target.write("manifest.jsonl", canonical.dumps(header) + b"\n")
    return Dataset.open(str(folder))


def _clouds(side: int) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side)))


def _sample(clouds: np.ndarray, number: int, side: int) -> Sample:
    """Clouds under a grain are as hard to decode as photographs: 5.1 bits a pixel, where ImageNet's come to 5.0 at this quality."""
    rng = np.random.default_rng(number)
    top, left = rng.integers(0, side + 1, 2)
    window = clouds[top : top + side, left : left + side]
    grained = (np.clip(window + rng.normal(0, 4, window.shape), 0, 255).astype(np.uint8) for _ in _MEMBERS)
    members = {name: _jpeg(pixels) for name, pixels in zip(_MEMBERS, grained, strict=True)}
    return Sample(f"{number:016x}-scene", members, _FIELDS)


def _jpeg(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, subsampling="4:4:4")
    return stream.getvalue()


@dataclass(frozen=True)
class Peer:
    """What the peer does to a sample; a class, because workers are handed it.

    Attributes:
        draws: by pair.
        is_whole: normalise here; otherwise hand over bytes.
    """

    draws: dict[str, Draw]
    is_whole: bool

    def __call__(self, sample: dict[str, Any]) -> tuple[str, Tensor]:
        """The pair's id, and (2, 3, 224, 224)."""
        drawn = self.draws[sample["__key__"]]
        return sample["__key__"], torch.stack([self._window(sample[f"{member}.jpg"], drawn) for member in _MEMBERS])

    def _window(self, image: Image.Image, drawn: Draw) -> Tensor:
        box, place = _box(image, drawn), drawn.place
        if place.area is None:
            window = functional.crop(image, *box)
        else:
            window = functional.resized_crop(image, *box, [_WINDOW, _WINDOW])
        window = functional.hflip(window) if drawn.flip else window
        if not self.is_whole:
            return functional.pil_to_tensor(window)
        return functional.normalize(functional.to_tensor(window), list(_MEAN), list(_STD))


def _box(image: Image.Image, drawn: Draw) -> tuple[int, int, int, int]:
    """Top, left, height and width of the window."""
    place = drawn.place
    width = height = _WINDOW
    if place.area is not None:
        area = place.area * image.width * image.height
        width = max(min(round((area * place.ratio) ** 0.5), image.width), 1)
        height = max(min(round((area / place.ratio) ** 0.5), image.height), 1)
    return int(place.down * (image.height - height + 1)), int(place.across * (image.width - width + 1)), height, width


def peer_default(shards: list[str], draws: dict[str, Draw]) -> Epoch:
    """As its first page shows it: a pipeline, and a loader of batches."""
    samples = webdataset.WebDataset(shards, shardshuffle=False).decode("pil").map(Peer(draws, is_whole=True))
    loader: Any = torch.utils.data.DataLoader(samples, batch_size=_BATCH)
    return lambda: ((list(keys), images.flatten(0, 1)) for keys, images in loader)


def peer_tuned(shards: list[str], draws: dict[str, Draw], workers: int, *, is_whole: bool) -> Epoch:
    """Workers that stay, batches made by them."""
    samples = webdataset.WebDataset(shards, shardshuffle=False).decode("pil").map(Peer(draws, is_whole=is_whole))
    loader = webdataset.WebLoader(
        samples.batched(_BATCH), batch_size=None, num_workers=workers, persistent_workers=True, prefetch_factor=4
    )

    def epoch() -> Iterator[tuple[list[str], Tensor]]:
        for keys, images in loader:
            flat = images.flatten(0, 1)
            yield list(keys), flat if is_whole else _normalised(flat)

    return epoch


def ours(dataset: Dataset, config: ClassifierConfig) -> Epoch:
    """This project's stream; the normalisation is the network's, done here as it does it."""

    def gathered(pairs: list[PairWindows]) -> tuple[list[str], Tensor]:
        return [pair.pair.pair_id for pair in pairs], _normalised(collate(pairs).images)

    stream = PairStream(dataset, "train", ("sd",), Preprocessing.of(config, _WINDOW), training=config)
    loader: Any = torch.utils.data.DataLoader(stream, batch_size=_BATCH, collate_fn=gathered)
    return lambda: iter(loader)


def _normalised(images: Tensor) -> Tensor:
    return normalised(images, torch.tensor(_MEAN), torch.tensor(_STD))


def by_pair(epoch: Epoch) -> dict[str, Tensor]:
    """(2, 3, 224, 224) of each pair."""
    return {key: pair for keys, images in epoch() for key, pair in zip(keys, images.unflatten(0, (-1, 2)), strict=True)}


def seconds(epoch: Epoch) -> tuple[float, float]:
    """How long an epoch takes: by the clock, and of all processors together, workers included."""
    began, spent = time.perf_counter(), processor_seconds()
    for _ in epoch():
        pass
    return time.perf_counter() - began, processor_seconds() - spent


def processor_seconds() -> float:
    """Of this process and of those that it has started and that still run."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def compare(epochs: dict[str, Epoch], images: int, repetitions: int) -> None:
    """Assert that all give the same, time them in turns, and print a table."""
    ours_by_pair = by_pair(epochs["twinset"])
    for name, epoch in epochs.items():
        given = by_pair(epoch)
        if set(given) != set(ours_by_pair) or not all(torch.equal(given[key], ours_by_pair[key]) for key in given):
            raise SystemExit(f"{name}: its tensors are not equal to ours")
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in epochs}
    for _ in range(repetitions):
        for name, epoch in epochs.items():
            taken[name].append(seconds(epoch))
    print(f"{'':32} images/s  faster by (median, least, greatest)   ms of processors an image, likewise")
    for name, times in taken.items():
        clock, spent = zip(*times, strict=True)
        columns = [zip(*pairs, strict=True) for pairs in zip(times, taken["twinset"], strict=True)]
        by_clock, by_processor = zip(*([theirs / own for theirs, own in column] for column in columns), strict=True)
        print(
            f"{name:32} {images / statistics.median(clock):8.0f}  {spread(by_clock):32} "
            f"{1000 * statistics.median(spent) / images:10.2f}  {spread(by_processor)}"
        )


def spread(ratios: Sequence[float]) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(ratios):6.2f} {min(ratios):6.2f} {max(ratios):6.2f}"


def main() -> None:
    """Compare the loaders, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--resize", action="store_true", help="random resized crops instead of random crops")
    parser.add_argument("--processors", type=int, default=2, help="threads of ours, workers of the peer")
    arguments = parser.parse_args()
    # more would wait for one another actively, and take the time from those that decode
    torch.set_num_threads(1)
    settings: dict[str, Any] = {"batch_size": _BATCH, "decoding_threads": arguments.processors, "shuffle_buffer": 1}
    if arguments.resize:
        settings |= {"fit": "resize", "augmentation": {"crop_scale": (0.5, 1.0)}}
    config = ClassifierConfig.model_validate(settings)
    with tempfile.TemporaryDirectory() as folder:
        dataset = make(Path(folder), arguments.pairs, arguments.side)
        shards = [str(Path(folder) / shard) for shard in dataset.shards("train")]
        keys = [sample.key for sample in dataset.samples("train")]
        draws = {key: draw(config.augmentation, config.seed, 0, key) for key in keys}
        workers = arguments.processors
        epochs = {
            "twinset": ours(dataset, config),
            "webdataset, default": peer_default(shards, draws),
            f"webdataset, {workers} workers": peer_tuned(shards, draws, workers, is_whole=True),
            f"webdataset, {workers} workers, uint8": peer_tuned(shards, draws, workers, is_whole=False),
        }
        compare(epochs, 2 * arguments.pairs, arguments.repetitions)


if __name__ == "__main__":
    main()
