"""ImageNet's 1000 classes: their WordNet ids."""

from functools import cache
from importlib.resources import files


@cache
def wnids() -> tuple[str, ...]:
    """The WordNet ids of ImageNet-1k in alphabetical order: class number 0 is the first one."""
    return tuple((files("sources") / "imagenet_wnids.txt").read_text(encoding="ascii").split())
