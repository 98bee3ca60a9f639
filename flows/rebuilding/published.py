"""A published manifest, read and checked whole before anything rests on it: it may come from anywhere."""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from pydantic import ValidationError

from flows.rebuilding.checks import complaints, header_complaints
from flows.recipe import Recipe, parse_recipe
from manifests.dataset import parse_header
from manifests.errors import DatasetError, first_complaint
from manifests.header import Header
from manifests.records import Pair, Record
from manifests.storage import Folder


class PublishedPair(Record):
    """A pair as the manifest gives it, and the number of its line."""

    line: int
    pair: Pair


@dataclass(frozen=True)
class Checked:
    """What a manifest that was read through says of itself.

    Attributes:
        sha256: of its bytes.
        generators: names of those that made its fakes; a part of a dataset need not have fakes of all.
    """

    sha256: str
    generators: frozenset[str]


@dataclass(frozen=True)
class Published:
    """A manifest.

    Attributes:
        folder: where it lies.
        name: its file there.
    """

    folder: Folder
    name: str

    @classmethod
    def at(cls, url: str) -> "Published":
        """The manifest at a path or fsspec URL."""
        whole = Folder.at(url)
        parent, name = posixpath.split(whole.root)
        return cls(Folder(whole.fs, parent), name)

    @property
    def place(self) -> str:
        """The manifest's path, for a person."""
        return f"{self.folder}/{self.name}"

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The manifest's bytes.

        Raises:
            DatasetError: there is no such file.
        """
        try:
            with self.folder.open(self.name) as stream:
                yield stream
        except FileNotFoundError:
            if self.folder.child(self.name).files():
                raise DatasetError(f"{self.place}: a folder. Give the path of the manifest.jsonl in it.") from None
            raise DatasetError(f"{self.place}: no such manifest. Give the path of a manifest.jsonl.") from None

    def header(self) -> Header:
        """The first line.

        Raises:
            DatasetError: it is no header, or of a newer schema version.
        """
        with self.open() as stream:
            return parse_header(stream.readline(), self.place)

    def recipe(self, header: Header) -> Recipe:
        """The recipe that the header holds.

        Raises:
            DatasetError: the dataset was merged from several recipes.
            RecipeError: it is none that this version reads.
        """
        if "merged" in header.recipe:
            raise DatasetError(
                f"{self.place}: merged from datasets of several recipes. Rebuild each from its own manifest, then merge."
            )
        return parse_recipe(header.recipe, f"{self.place}, line 1, recipe")

    def pairs(self) -> Iterator[PublishedPair]:
        """The pairs in the order of the lines.

        Raises:
            DatasetError: a line is no pair; the message names line and field.
        """
        with self.open() as stream:
            stream.readline()
            for number, line in enumerate(stream, start=2):
                try:
                    yield PublishedPair(line=number, pair=Pair.model_validate_json(line.rstrip()))
                except ValidationError as error:
                    raise DatasetError(f"{self.place}, line {number}: {first_complaint(error)}.") from error

    def check(self) -> Checked:
        """Read the manifest through, each line against its schema, the header, and what can be made at all.

        Raises:
            DatasetError: the first complaint, with line and field.
            RecipeError: the header holds no recipe that this version reads.
        """
        header = self.header()
        recipe = self.recipe(header)
        self._refuse(1, header_complaints(header))
        seen: set[str] = set()
        by_shard: Counter[str] = Counter()
        models: dict[str, tuple[str, str]] = {}
        for published in self.pairs():
            pair = published.pair
            self._refuse(published.line, complaints(pair, header, recipe, models))
            if pair.pair_id in seen:
                raise DatasetError(f"{self.place}, line {published.line}: pair_id: {pair.pair_id} stands twice.")
            seen.add(pair.pair_id)
            by_shard[pair.shard] += 1
        self._check_counts(header, by_shard)
        return Checked(self._digest(), frozenset(models))

    def _check_counts(self, header: Header, by_shard: Counter[str]) -> None:
        for shard in header.shards:
            if by_shard[shard.name] != shard.pairs:
                raise DatasetError(
                    f"{self.place}: {by_shard[shard.name]} pairs of {shard.name}, its header says {shard.pairs}. "
                    "Fetch the manifest again."
                )
        if not by_shard:
            raise DatasetError(f"{self.place}: no pairs. There is nothing to rebuild.")

    def _refuse(self, line: int, found: Iterator[str]) -> None:
        for complaint in found:
            raise DatasetError(f"{self.place}, line {line}: {complaint}.")

    def _digest(self) -> str:
        digest = hashlib.sha256()
        with self.open() as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()
