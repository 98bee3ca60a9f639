"""What is remembered of one image: its headers, digests and statistics, never its pixels."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import joblib
import numpy as np
from numpy.typing import NDArray

from audit.borders import has_constant_border
from audit.features import SMALLEST_SIDE, Features, pixel_features, thumbnail
from audit.headers import Headers, read_headers
from audit.levels import level_statistics
from manifests.errors import DatasetError, RejectedItem
from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.phash import phash

WINDOW = 256
"""Side of the central window whose statistics are taken, pixels; smaller images are looked at whole."""

SMALL_SIDE = 8
THUMBNAIL_SIDES = (16, 32)

_BATCH = 32
# batches below which starting further processes takes longer than the work
_ALONE = 16


@dataclass(frozen=True)
class Tag:
    """Which image it is.

    `name` is `<pair id>/<member>` in a dataset of pairs; `pair` is what keeps the members of a pair together, and the
    name itself where there are no pairs. `generator` is empty for a real.
    """

    name: str
    pair: str
    label: int
    generator: str = ""
    view: str = ""
    source: str = ""
    split: str = ""
    caption: str = ""
    class_label: str = ""


@dataclass(frozen=True)
class Job:
    """An image to be looked at; statistics only where they are wanted. `problem` says why there are no bytes."""

    tag: Tag
    data: bytes
    with_statistics: bool
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is remembered of one image.

    Attributes:
        small: a picture of 8 x 8, RGB, uint8.
        bordered: whether it has a constant border.
        statistics: of the central window; None where they were not wanted.
        thumbnails: 16 x 16 and 32 x 32 one after the other, values in [0, 1], shape (3840,).
    """

    tag: Tag
    size: int
    sha256: bytes
    phash: int
    headers: Headers
    small: NDArray[np.uint8]
    bordered: bool
    statistics: Features | None
    thumbnails: NDArray[np.float32] | None


@dataclass(frozen=True)
class Unreadable:
    """An image that could not be looked at, and why."""

    tag: Tag
    reason: str


def look_at_all(jobs: Iterable[Job], *, workers: int = -1) -> Iterator[Seen | Unreadable]:
    """Look at images in their order: in this process where there are few, else in one process a core."""
    batches = _batches(jobs)
    first = list(itertools.islice(batches, _ALONE))
    if len(first) < _ALONE or workers == 1:
        for batch in itertools.chain(first, batches):
            yield from _look_at(batch)
        return
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator", batch_size=1, pre_dispatch="3*n_jobs")
    for found in parallel(joblib.delayed(_look_at)(batch) for batch in itertools.chain(first, batches)):
        yield from found


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    waiting = iter(jobs)
    while batch := list(itertools.islice(waiting, _BATCH)):
        yield batch


def _look_at(batch: list[Job]) -> list[Seen | Unreadable]:
    return [look_at(job) for job in batch]


def look_at(job: Job) -> Seen | Unreadable:
    """Look at one image; bytes that are no image, too large or too small are `Unreadable`."""
    if job.problem:
        return Unreadable(job.tag, job.problem)
    try:
        headers = read_headers(job.data)
        pixels = decode(job.data)
    except (DatasetError, RejectedItem) as error:
        return Unreadable(job.tag, str(error))
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        return Unreadable(job.tag, f"{size} pixels, at least {SMALLEST_SIDE} a side are looked at")
    window = _central_window(pixels)
    return Seen(
        tag=job.tag,
        size=len(job.data),
        sha256=hashlib.sha256(job.data).digest(),
        phash=phash(pixels),
        headers=headers,
        small=np.rint(thumbnail(pixels, SMALL_SIDE) * 255).astype(np.uint8),
        bordered=has_constant_border(pixels),
        statistics=pixel_features(window) | level_statistics(window) if job.with_statistics else None,
        thumbnails=_thumbnails(pixels) if job.with_statistics else None,
    )


def _thumbnails(pixels: Pixels) -> NDArray[np.float32]:
    return np.concatenate([thumbnail(pixels, side) for side in THUMBNAIL_SIDES])


def _central_window(pixels: Pixels) -> Pixels:
    """At most `WINDOW` pixels a side, from the middle, on the JPEG grid of the upper left corner."""
    top, left = ((max(side - WINDOW, 0) // 2) // 8 * 8 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + WINDOW, left : left + WINDOW])
