"""One labelled image of somebody else's dataset, and what every reader of such a dataset gives."""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from manifests.errors import DatasetError

MAX_BYTES = 64 * 2**20
"""Larger images are named, and not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignItem:
    """One image, and what its dataset says about it; text that is not given is empty.

    Attributes:
        name: the same in every pass: a path inside the dataset, or a parquet file and a row (`train.parquet:17`).
        data: the bytes of the image file, not to be trusted. Empty where they could not be read.
        label: 0 real, 1 fake.
        generator: what made a fake; empty for every real.
        source: where the image, or the real that it belongs to, was taken from.
        split: `train`, `validation` or `test` where the dataset's word means one of these, else its own word.
        caption: the text that belongs to the image: a caption, or a fake's prompt.
        class_label: what the image shows, in the dataset's own words.
        problem: why `data` is empty.
    """

    name: str
    data: bytes
    label: int
    generator: str = ""
    source: str = ""
    split: str = ""
    caption: str = ""
    class_label: str = ""
    problem: str = ""


class ForeignDataset(Protocol):
    """A dataset that can be gone through more than once, each time in the same order, one image in memory at a time.

    Its labels were all read when it was opened: they are known words, and both classes occur.
    """

    @property
    def layout(self) -> str:
        """How it is laid out: one of `LAYOUTS`."""
        ...

    @property
    def count(self) -> int:
        """How many items a pass gives."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about how it was read, a line each."""
        ...

    def __iter__(self) -> Iterator[ForeignItem]: ...

    def pick(self, names: Collection[str]) -> Iterator[ForeignItem]:
        """The items of these names, in the order of a pass; the other items' bytes are not read."""
        ...


def read_image(path: Path) -> tuple[bytes, str]:
    """The bytes of a file and an empty text; or no bytes, and the reason in words."""
    try:
        if not path.is_file():
            return b"", "there is no such file any more"
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return (file.read(MAX_BYTES), "") if size <= MAX_BYTES else (b"", too_large(size))
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"


def too_large(size: int) -> str:
    """Why an image of `size` bytes is not read."""
    return f"{size} bytes, at most {MAX_BYTES} are read"


def check_both_classes(counts: Mapping[int, int], place: str) -> None:
    """Refuse what has nothing to compare.

    Args:
        counts: the number of items by label.
        place: the dataset, for the error.

    Raises:
        DatasetError: there are no reals, or no fakes.
    """
    for label, missing in enumerate(("reals", "fakes")):
        if not counts.get(label):
            raise DatasetError(
                f"{place}: holds no {missing} ({sum(counts.values())} images in all), and an audit compares "
                "both classes; give the folder or the file that holds both"
            )


def storable(text: str) -> str:
    """Text that can be stored: what is no UTF-8 in a file's name is shown as escapes."""
    return text.encode(errors="backslashreplace").decode()
