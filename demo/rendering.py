"""Pictures of scenes, by ray casting with analytic intersections, whole images at a time."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.camera import Camera, image_points, scene_camera
from demo.scenes import Scene, SceneObject
from demo.shapes import Array, Triple, intersect, normal
from demo.surfaces import OBJECT_ALBEDO, Texture, floor_albedo

_AMBIENT = 0.34
_DIFFUSE = 0.8
_HAZE = np.array((0.62, 0.66, 0.7), np.float32)
_HAZE_FROM, _HAZE_TO = 8.0, 26.0
_SHININESS = 40
# how far above a surface a ray to the light starts, in world units
_LIFT = np.float32(5e-3)
# sub-pixel positions of the four rays of a pixel (a rotated grid); they also move the light, which softens shadows
_SAMPLES = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
_LIGHT_SPREAD = 0.18
_SILHOUETTE_CELLS = 96


def render(scene: Scene, width: int, height: int) -> NDArray[np.uint8]:
    """Picture of ``scene``, shape (height, width, 3), uint8 sRGB; the same bytes for the same arguments.

    The shorter side always shows the same part of the world; a longer one shows more at its two ends.
    """
    camera, texture = scene_camera(scene.seed), Texture(scene.seed)
    u, v = image_points(width, height)
    step = np.float32(2 / min(width, height))
    total = np.zeros((height, width, 3), np.float32)
    for across, down in _SAMPLES:
        shot = _Shot(scene, camera, texture, _moved_light(scene.light, across, down))
        total += shot.radiance(u + step * np.float32(across), v + step * np.float32(down))
    return _develop(total / np.float32(len(_SAMPLES)), scene.seed, u, v)


def visible_fractions(
    scene: Scene, width: int, height: int, window: tuple[int, int, int, int] | None = None
) -> tuple[float, ...]:
    """Share of each object's silhouette that is seen in the picture of this size, in the order of the objects.

    What the other object hides and what lies outside the image, or outside ``window`` (left, top, right, bottom in
    pixels) where one is given, does not count as seen.
    """
    left, top, right, bottom = window or (0, 0, width, height)
    half = min(width, height) / 2
    reach = max(width, height) / (2 * half) + 1
    line = np.linspace(-reach, reach, int(_SILHOUETTE_CELLS * reach), dtype=np.float32)
    u, v = np.meshgrid(line, line)
    camera = scene_camera(scene.seed)
    distances = _object_distances(scene, camera.position, camera.directions(u, v))
    first = np.min(distances, axis=0)
    x, y = u * half + width / 2, v * half + height / 2
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    return tuple(
        int(np.count_nonzero(inside & np.isfinite(distance) & (distance <= first)))
        / max(1, int(np.count_nonzero(np.isfinite(distance))))
        for distance in distances
    )


@dataclass(frozen=True)
class _Shot:
    """One exposure of a scene: one ray a pixel, the light a point."""

    scene: Scene
    camera: Camera
    texture: Texture
    light: NDArray[np.float32]

    def radiance(self, u: Array, v: Array) -> NDArray[np.float32]:
        """Linear light along the rays through image points, shape (height, width, 3)."""
        direction = self.camera.directions(u, v)
        distances = _object_distances(self.scene, self.camera.position, direction)
        nearest = np.argmin(distances, axis=0)
        image = self._floor(direction)
        for index, thing in enumerate(self.scene.objects):
            seen = (nearest == index) & np.isfinite(distances[index])
            rays = (direction[0][seen], direction[1][seen], direction[2][seen])
            image[seen] = self._surface(thing, rays, distances[index][seen])
        return image

    def _floor(self, direction: Triple) -> NDArray[np.float32]:
        downward = np.minimum(direction[2], np.float32(-1e-3))
        distance = -self.camera.position[2] / downward
        x = self.camera.position[0] + distance * direction[0]
        y = self.camera.position[1] + distance * direction[1]
        brightness = _AMBIENT + _DIFFUSE * self.light[2] * self._lit((x, y, np.zeros_like(x)))
        haze = np.clip((distance - _HAZE_FROM) / (_HAZE_TO - _HAZE_FROM), 0, 1)[..., None]
        ground = floor_albedo(self.scene.floor, self.texture, x, y) * brightness.astype(np.float32)[..., None]
        return np.asarray(ground * (1 - haze) + _HAZE * haze, np.float32)

    def _surface(self, thing: SceneObject, rays: Triple, distance: Array) -> NDArray[np.float32]:
        """Light from the points of one object at these distances along the rays, shape (points, 3)."""
        x, y, z = (self.camera.position[axis] + distance * rays[axis] for axis in range(3))
        own = _local(thing, (x, y, z), is_point=True)
        nx, ny, nz = _turned_back(thing, normal(thing.shape, own))
        facing = np.maximum(nx * self.light[0] + ny * self.light[1] + nz * self.light[2], 0)
        direct = facing * self._lit((x + _LIFT * nx, y + _LIFT * ny, z + _LIFT * nz))
        brightness = _AMBIENT * (np.float32(0.85) + np.float32(0.25) * nz) + _DIFFUSE * direct
        mottle = self.texture.mottle(own[0] + own[2], own[1] - own[2], 0.05)
        albedo = OBJECT_ALBEDO[thing.colour] * mottle[..., None]
        shine = self.texture.gloss * direct * self._highlight((nx, ny, nz), rays)
        return np.asarray(albedo * brightness[..., None] + shine[..., None], np.float32)

    def _highlight(self, facing: Triple, rays: Triple) -> Array:
        """The mirrored light's strength, 0 to 1 (Blinn, "Models of light reflection", 1977)."""
        length = np.sqrt(rays[0] ** 2 + rays[1] ** 2 + rays[2] ** 2)
        hx, hy, hz = (self.light[axis] - rays[axis] / length for axis in range(3))
        cosine = (facing[0] * hx + facing[1] * hy + facing[2] * hz) / np.sqrt(hx * hx + hy * hy + hz * hz)
        return np.asarray(np.maximum(cosine, 0) ** _SHININESS, np.float32)

    def _lit(self, point: Triple) -> Array:
        """1 where the light reaches a point, 0 where an object stands between."""
        toward = (self.light[0], self.light[1], self.light[2])
        shaded = np.zeros(point[0].shape, np.bool_)
        for thing in self.scene.objects:
            origin, direction = _local(thing, point, is_point=True), _local(thing, toward, is_point=False)
            shaded |= np.isfinite(intersect(thing.shape, origin, direction))
        return (~shaded).astype(np.float32)


def _moved_light(light: tuple[float, float, float], across: float, down: float) -> NDArray[np.float32]:
    moved = np.array(light) + np.array((across, down, 0.0)) * _LIGHT_SPREAD
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


def _object_distances(scene: Scene, position: NDArray[np.float32], direction: Triple) -> NDArray[np.float32]:
    """Distance along each ray to each object, shape (objects, height, width); infinity where it misses."""
    origin = (position[0], position[1], position[2])
    return np.stack(
        [
            intersect(thing.shape, _local(thing, origin, is_point=True), _local(thing, direction, is_point=False))
            for thing in scene.objects
        ]
    )


def _local(thing: SceneObject, vector: Triple, *, is_point: bool) -> Triple:
    """World coordinates as the object's own unit coordinates."""
    x, y, z = vector
    if is_point:
        x, y = x - np.float32(thing.x), y - np.float32(thing.y)
    scale = 1 / thing.size
    cosine, sine = np.float32(math.cos(thing.angle) * scale), np.float32(math.sin(thing.angle) * scale)
    return (cosine * x + sine * y, cosine * y - sine * x, z * np.float32(scale))


def _turned_back(thing: SceneObject, vector: Triple) -> Triple:
    """A direction in the object's coordinates as one in the world's; the length stays."""
    x, y, z = vector
    cosine, sine = np.float32(math.cos(thing.angle)), np.float32(math.sin(thing.angle))
    return (cosine * x - sine * y, cosine * y + sine * x, z)


def _develop(linear: NDArray[np.float32], seed: int, u: Array, v: Array) -> NDArray[np.uint8]:
    """Linear light to bytes as a camera would: exposure, vignette, gamma, sensor noise, rounding."""
    height, width, _ = linear.shape
    rng = np.random.default_rng([seed, 3, width, height])
    exposure = np.float32(rng.uniform(0.85, 1.1))
    balance = rng.uniform(0.97, 1.03, 3).astype(np.float32)
    vignette = 1 - np.float32(rng.uniform(0.02, 0.07)) * (u * u + v * v)
    bright = np.sqrt(np.clip(linear * (exposure * balance) * np.asarray(vignette)[..., None], 0, 1)) * np.float32(255)
    grain = np.float32(rng.uniform(0.6, 2.2))
    bright += grain * rng.standard_normal((height, width, 1), np.float32)
    bright += grain * np.float32(0.6) * rng.standard_normal((height, width, 3), np.float32)
    return np.rint(np.clip(bright, 0, 255)).astype(np.uint8)
