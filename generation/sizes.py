"""The one size that all requests of a chunk have, and the images that requests bring."""

from collections.abc import Sequence

from generation.requests import GenerationRequest
from manifests.errors import ModelError
from pixels.arrays import Pixels


def common_size(generator: str, requests: Sequence[GenerationRequest], multiple: int) -> tuple[int, int]:
    """Width and height of the requests, pixels.

    Raises:
        ModelError: they differ, or are no multiple of what the model needs.
    """
    sizes = sorted({(request.width, request.height) for request in requests})
    if len(sizes) > 1:
        listed = ", ".join(f"{width}x{height}" for width, height in sizes)
        raise ModelError(f"generator {generator}: a chunk must have one size, not {listed}")
    width, height = sizes[0]
    if width % multiple or height % multiple:
        raise ModelError(
            f"generator {generator}: {width}x{height} does not suit its model; "
            f"choose a frame (with its margin) that is a multiple of {multiple} pixels"
        )
    return width, height


def region_of(generator: str, pair_id: str, region: Pixels | None, size: tuple[int, int]) -> Pixels:
    """The image that a request brings.

    Args:
        generator: its name.
        pair_id: the pair that asks.
        region: what it brings.
        size: the width and height that it must have, pixels.

    Raises:
        ModelError: there is none, or one of another size.
    """
    width, height = size
    if region is None or region.shape != (height, width, 3):
        found = "none" if region is None else f"one of shape {region.shape}"
        raise ModelError(
            f"generator {generator}: pair {pair_id} must bring a region of {width}x{height} pixels, but there is {found}"
        )
    return region
