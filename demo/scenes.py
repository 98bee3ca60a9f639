"""Scenes of one or two coloured objects on a floor: what they hold, how they are drawn at random and named in words.

Pictures of them are made by :mod:`demo.rendering`. World coordinates: x to the right, y away from the camera, z up;
the floor is the plane z = 0 and the camera looks at a point just above the origin.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

SHAPES = ("sphere", "cube", "cylinder", "cone")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "white")
FLOORS = ("grey", "wooden", "green", "checkered")

# an object that a reader of the picture could take for a piece of the floor
_CLASHES = {("green", "green"), ("white", "checkered"), ("orange", "wooden")}

_TWO_OBJECTS = 0.6
_SMALLEST_GAP = 0.12


@dataclass(frozen=True)
class SceneObject:
    """One object standing on the floor.

    ``x`` and ``y`` are the centre of its foot, ``size`` about half its width (world units), ``angle`` its turn round
    the vertical axis in radians.
    """

    shape: str
    colour: str
    x: float
    y: float
    size: float
    angle: float


@dataclass(frozen=True)
class Scene:
    """Objects from left to right, a floor, and the unit vector ``light`` that points at the light.

    ``seed`` settles all that has no name: texture, camera, exposure and noise.
    """

    objects: tuple[SceneObject, ...]
    floor: str
    light: tuple[float, float, float]
    seed: int


@dataclass(frozen=True)
class Attributes:
    """What a caption names: (colour, shape) of each object from left to right, and the floor."""

    objects: tuple[tuple[str, str], ...]
    floor: str


def random_scene(seed: int) -> Scene:
    """Draw the scene that belongs to ``seed``; no object has the colour of its floor."""
    rng = np.random.default_rng([seed, 1])
    floor = str(rng.choice(FLOORS))
    colours = [colour for colour in COLOURS if (colour, floor) not in _CLASHES]
    objects: tuple[SceneObject, ...]
    if rng.random() < _TWO_OBJECTS:
        objects = _two_objects(rng, colours)
    else:
        objects = (_object(rng, colours, x=rng.uniform(-0.45, 0.45), y=rng.uniform(-0.3, 0.3), size=(0.5, 0.68)),)
    return Scene(objects=objects, floor=floor, light=_random_light(rng), seed=seed)


def _two_objects(rng: np.random.Generator, colours: list[str]) -> tuple[SceneObject, SceneObject]:
    """Two objects side by side, with a gap as seen from the front so that neither hides much of the other."""
    left = _object(rng, colours, x=0.0, y=rng.uniform(-0.45, 0.45), size=(0.43, 0.55))
    right = _object(rng, colours, x=0.0, y=rng.uniform(-0.45, 0.45), size=(0.43, 0.55))
    distance = left.size + right.size + _SMALLEST_GAP + rng.uniform(0.0, 0.25)
    centre = rng.uniform(-0.15, 0.15)
    return (_moved(left, centre - distance / 2), _moved(right, centre + distance / 2))


def _object(rng: np.random.Generator, colours: list[str], x: float, y: float, size: tuple[float, float]) -> SceneObject:
    return SceneObject(
        shape=str(rng.choice(SHAPES)),
        colour=str(rng.choice(colours)),
        x=float(x),
        y=float(y),
        size=float(rng.uniform(*size)),
        angle=float(rng.uniform(math.pi / 12, 5 * math.pi / 12)),
    )


def _moved(thing: SceneObject, x: float) -> SceneObject:
    return SceneObject(thing.shape, thing.colour, float(x), thing.y, thing.size, thing.angle)


def _random_light(rng: np.random.Generator) -> tuple[float, float, float]:
    """A light above and on the camera's side, so that the faces that are seen are lit."""
    azimuth = rng.uniform(-math.pi, 0.0)
    elevation = rng.uniform(math.radians(35), math.radians(58))
    return (
        math.cos(elevation) * math.cos(azimuth),
        math.cos(elevation) * math.sin(azimuth),
        math.sin(elevation),
    )


def caption(scene: Scene) -> str:
    """Name the scene, such as ``a red sphere and a blue cube on a wooden floor`` (objects from left to right)."""
    return describe(Attributes(tuple((thing.colour, thing.shape) for thing in scene.objects), scene.floor))


def describe(attributes: Attributes) -> str:
    """Put attributes into the words of :func:`caption`; :func:`parse_caption` is the inverse."""
    things = " and ".join(f"{_article(colour)} {colour} {shape}" for colour, shape in attributes.objects)
    return f"{things} on {_article(attributes.floor)} {attributes.floor} floor"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


_THING = rf"an? ({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})"
_CAPTION = re.compile(rf"{_THING}(?: and {_THING})? on an? ({'|'.join(FLOORS)}) floor")


def parse_caption(text: str) -> Attributes | None:
    """Read a caption back; None where ``text`` is not of the form that :func:`caption` writes."""
    found = _CAPTION.fullmatch(text.strip().lower())
    if found is None:
        return None
    colour, shape, second_colour, second_shape, floor = found.groups()
    objects = ((colour, shape),) if second_colour is None else ((colour, shape), (second_colour, second_shape))
    return Attributes(objects, floor)
