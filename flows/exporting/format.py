"""What a format has to do: write the images of a shard, and at the end what speaks of all."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from flows.exporting.rows import ImageRow
from manifests.header import Header
from manifests.storage import Folder

AllRows: TypeAlias = Callable[[], Iterator[ImageRow]]
"""Gives the rows of all shards in order, each time that it is called."""


@dataclass(frozen=True)
class ExportFormat(ABC):
    """One format.

    Attributes:
        folder: where to.
        header: of the dataset's manifest.
        generators: what made its fakes, by name.
    """

    folder: Folder
    header: Header
    generators: tuple[str, ...]

    @abstractmethod
    def write_shard(self, shard: str, images: Iterable[tuple[ImageRow, bytes]]) -> Sequence[ImageRow]:
        """Write the images of one shard, each file whole or not at all; the rows say where they are."""

    @abstractmethod
    def finish(self, rows: AllRows) -> None:
        """Write what speaks of all images."""
