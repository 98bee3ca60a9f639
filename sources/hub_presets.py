"""Image sets on the Hub that are known by name: where they are, and what their own files do not say."""

from dataclasses import dataclass
from typing import Literal

PresetName = Literal["afhq", "beans", "food101", "imagenet-1k", "oxford-iiit-pet", "stanford-cars"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A published set; all of them hold their images in the column `image`.

    Attributes:
        repo: its id on the Hub.
        label: its column of classes.
        license: as its publisher names it; empty where nobody does.
        labels: names of its classes, where its files may give numbers alone.
        wnids: whether its class numbers are those of ImageNet's 1000 WordNet ids in their order.
    """

    repo: str
    label: str = "label"
    license: str = ""
    labels: tuple[str, ...] = ()
    wnids: bool = False


PRESETS: dict[PresetName, Preset] = {
    "afhq": Preset("huggan/AFHQ", license="CC BY-NC 4.0", labels=("cat", "dog", "wild")),
    "beans": Preset("AI-Lab-Makerere/beans", "labels", "MIT", ("angular_leaf_spot", "bean_rust", "healthy")),
    "food101": Preset("ethz/food101"),
    "imagenet-1k": Preset("ILSVRC/imagenet-1k", license="ImageNet terms of access: research only", wnids=True),
    "oxford-iiit-pet": Preset("timm/oxford-iiit-pet", license="CC BY-SA 4.0"),
    "stanford-cars": Preset("tanganke/stanford_cars"),
}
"""Their splits, sizes and licences: `docs/sources.md`."""
