"""The one size that all requests of a chunk have."""

from collections.abc import Sequence

from generation.requests import GenerationRequest
from manifests.errors import ModelError


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
