"""Sizes that SDXL was trained on: no image may be asked for below them.

The table is that of the model's report (Podell et al., "SDXL", arXiv 2307.01952, appendix I): about a megapixel each, in
steps of 64 pixels. Its square is 1024; a model of another native size has the same shapes in proportion.
"""

from manifests.errors import ModelError

_SQUARE = 1024

_WIDTHS: dict[int, tuple[int, ...]] = {
    512: (1856, 1920, 1984, 2048),
    576: (1664, 1728, 1792),
    640: (1536, 1600),
    704: (1344, 1408, 1472),
    768: (1280, 1344),
    832: (1152, 1216),
    896: (1088, 1152),
    960: (1024, 1088),
    1024: (960, 1024),
    1088: (896, 960),
    1152: (832, 896),
    1216: (832,),
    1280: (768,),
    1344: (704, 768),
    1408: (704,),
    1472: (704,),
    1536: (640,),
    1600: (640,),
    1664: (576,),
    1728: (576,),
    1792: (576,),
    1856: (512,),
    1920: (512,),
    1984: (512,),
    2048: (512,),
}
BUCKETS: tuple[tuple[int, int], ...] = tuple((width, height) for height, widths in _WIDTHS.items() for width in widths)
"""Width and height, pixels."""


def nearest_bucket(width: int, height: int, native_side: int = _SQUARE) -> tuple[int, int]:
    """Width and height of the bucket whose aspect is nearest to that of a window, by their ratio.

    Args:
        width: of the window, pixels.
        height: the same.
        native_side: side of the model's square bucket, pixels.
    """

    def distance(bucket: tuple[int, int]) -> tuple[float, int]:
        ratio = bucket[0] * height / (bucket[1] * width)
        # of two as near, the wider
        return max(ratio, 1 / ratio), -bucket[0]

    wide, high = min(BUCKETS, key=distance)
    return wide * native_side // _SQUARE, high * native_side // _SQUARE


def check_native_size(generator: str, native_side: int, width: int, height: int) -> None:
    """Whether SDXL is asked for at least its bucket.

    Args:
        generator: its name.
        native_side: side of the model's square bucket, pixels.
        width: of what it is asked for, pixels.
        height: the same.

    Raises:
        ModelError: it is asked for less.
    """
    bucket = nearest_bucket(width, height, native_side)
    if width < bucket[0] or height < bucket[1]:
        raise ModelError(
            f"generator {generator}: {width}x{height} is below the native size of its SDXL model, {bucket[0]}x{bucket[1]}; "
            "raise the view's frame"
        )
