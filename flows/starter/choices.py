"""What has to be chosen for a first recipe, and what follows where nothing is chosen."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from generation.model_presets import PRESETS
from pixels.config import LARGEST_MCU, SMALLEST_SIDE

VAE, DEMO = "vae", "demo"
"""Generators beside the presets: a published autoencoder, and the tiny models of the demo."""

_VAE_SIDE, _DEMO_SIDE = 512, 64
_PATCH = 256  # pixels: what an autoencoder alone is shown
_REDUCTION = 2
"""Of a scene: at F itself, traces of the real's own compression are left (docs/alignment-steps.md)."""
_MULTIPLE = 8
_DEMO_SIZE = 40
"""As recipes/demo.toml has it: of so few pixels no more can be spared, and the demo's own null control holds there."""


class SourceKind(StrEnum):
    """Where the real images are."""

    FOLDER = "folder"
    OPEN_IMAGES = "open-images"
    URL_LIST = "url-list"
    WEBDATASET = "webdataset"
    HUB = "hub"


class Framing(StrEnum):
    """What of a photograph a pair shows."""

    SCENE = "scene"
    PATCH = "patch"


class Captions(StrEnum):
    """Where captions come from."""

    BLIP = "blip"
    SOURCE = "source"
    CLASS_TEMPLATE = "class-template"


def generator_names() -> list[str]:
    """The generators that a first recipe can have."""
    texts = [name for name, preset in PRESETS.items() if "text-to-image" in preset.methods]
    return [*texts, VAE, DEMO]


class Choices(BaseModel):
    """The answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: SourceKind
    path: str = Field(min_length=1, description="folder, list, shards or repository, as the recipe is to name it")
    license: str = ""
    limit: int | None = Field(default=None, gt=0)
    generators: tuple[str, ...] = Field(default=("sd14",), min_length=1)
    framing: Framing = Framing.SCENE
    frame: int | None = Field(default=None, gt=0, description="None: what the generators were trained on")
    size: int | None = Field(default=None, ge=SMALLEST_SIDE, description="None: follows from frame and framing")
    captions: Captions = Captions.BLIP
    has_classifier: bool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.generators:
            if name not in generator_names():
                raise ValueError(f"generator {name!r}: expected one of {', '.join(generator_names())}")
            preset = PRESETS.get(name)
            if self.framing is Framing.PATCH and preset is not None and "image-to-image" not in preset.methods:
                raise ValueError(f"generator {name} answers captions alone: choose the framing scene")
        return self

    @property
    def is_demo(self) -> bool:
        """Whether the demo's models are among the generators; captions are then by the demo's captioner."""
        return DEMO in self.generators

    @property
    def chosen_frame(self) -> int:
        """F, pixels."""
        if self.frame is not None:
            return self.frame
        if self.framing is Framing.SCENE:
            return max(_native_side(name) for name in self.generators)
        if set(self.generators) == {VAE}:
            return _PATCH
        # with its margin, a patch is as large as what the generator was trained on
        return max(LARGEST_MCU, max(_native_side(name) for name in self.generators) - 2 * LARGEST_MCU)

    @property
    def chosen_size(self) -> int:
        """S, pixels."""
        if self.size is not None:
            return self.size
        if self.framing is Framing.PATCH:
            return self.chosen_frame
        if self.chosen_frame == _DEMO_SIDE:
            return _DEMO_SIZE
        return max(SMALLEST_SIDE, self.chosen_frame // _REDUCTION // _MULTIPLE * _MULTIPLE)


def _native_side(generator: str) -> int:
    """Side of the images that a generator was trained on, pixels."""
    if generator in PRESETS:
        return PRESETS[generator].native_side
    return _DEMO_SIDE if generator == DEMO else _VAE_SIDE
