"""Reading pairs from the shards, as streams, shared out among reading processes."""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.decoding import decode
from classifier.transforms import CENTRE, Place, Preprocessing
from manifests.errors import DatasetError, RejectedItem
from manifests.records import IMAGE, LABELS, REAL
from manifests.shards import Sample, Scalar, read_shard
from manifests.storage import Folder


@dataclass(frozen=True)
class EncodedPair:
    """One pair, or an image that stands alone, as it lies in a shard.

    Attributes:
        pair_id: the sample's key.
        members: encoded images: `real` first, then the wanted generators that the pair has, in the order asked for. Of
            an image that stands alone just that one, under `real` or its generator's name.
        view, source, class_label: from the sample's JSON.
        shard: where it lies, for messages.
        group: of images that are not independent of it: the real's key, in all views; of an image that stands alone its
            dataset's group.
        is_couple: whether its members are two images that stand alone and have nothing to do with one another.
    """

    pair_id: str
    members: dict[str, bytes]
    view: str
    source: str
    class_label: str
    shard: str = ""
    group: str = ""
    is_couple: bool = False

    @property
    def lone_label(self) -> int | None:
        """The label of an image that stands alone; None for a pair."""
        if len(self.members) > 1:
            return None
        return LABELS["real" if REAL in self.members else "fake"]

    def windows(self, view: Preprocessing, place: Place = CENTRE) -> dict[str, NDArray[np.uint8]]:
        """The members as a network sees them, (S, S, 3) RGB each; no more of them is decoded than that takes.

        Args:
            view: how an image becomes a window.
            place: where the window stands.

        Raises:
            DatasetError: an image cannot be decoded, or is too small.
        """
        return {name: self._window(name, data, view, place) for name, data in self.members.items()}

    def _window(self, name: str, data: bytes, view: Preprocessing, place: Place) -> NDArray[np.uint8]:
        try:
            part = decode(data, functools.partial(view.part, place=place))
        except RejectedItem as error:
            raise DatasetError(
                f"{self.shard}: pair {self.pair_id}: the image of {name} cannot be decoded ({error}). Build the shard again."
            ) from error
        return view.window_of_part(part, place)


@dataclass(frozen=True)
class Part:
    """One reader's part of a shard: every `step`-th sample, beginning with sample `first`."""

    shard: str
    first: int = 0
    step: int = 1


def share_out(shards: Sequence[str], reader: int, readers: int) -> list[Part]:
    """What one of several readers reads: between them every sample once.

    Whole shards while there are enough of them; otherwise all read all shards, and each keeps every `readers`-th sample,
    so that no reader goes without.

    Args:
        shards: names, in the order in which they are to be read.
        reader: number of this reader, from 0.
        readers: how many there are.
    """
    if len(shards) >= readers:
        return [Part(shard) for shard in shards[reader::readers]]
    return [Part(shard, reader, readers) for shard in shards]


def read_pairs(folder: Folder, parts: Iterable[Part], generators: Sequence[str]) -> Iterator[EncodedPair]:
    """The pairs of some parts, in the order of the shards.

    Args:
        folder: where the shards lie.
        parts: what to read.
        generators: the fakes that are wanted; a pair that has none of them is passed over, and so is a fake that
            stands alone and is of none of them.

    Raises:
        DatasetError: a shard is missing or damaged, or a sample is not a pair.
    """
    folder = folder.for_this_process()  # a loader's workers are forks
    for part in parts:
        for sample in itertools.islice(_samples(folder, part.shard), part.first, None, part.step):
            pair = _pair(sample, part.shard, generators)
            if pair is not None:
                yield pair


def _samples(folder: Folder, shard: str) -> Iterator[Sample]:
    try:
        with folder.open(shard) as stream:
            yield from read_shard(stream, folder.path(shard))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder.path(shard)}: no such shard. Build the dataset again, or fetch it whole."
        ) from error


def _pair(sample: Sample, shard: str, generators: Sequence[str]) -> EncodedPair | None:
    if IMAGE in sample.members:
        return _single(sample, shard, generators)
    if REAL not in sample.members:
        raise DatasetError(f"{shard}: sample {sample.key} has no .real image. Build it again.")
    wanted = {name: sample.members[name] for name in (REAL, *generators) if name in sample.members}
    real_key = sample.key.partition("-")[0]
    return _encoded(sample, wanted, shard, real_key) if len(wanted) > 1 else None


def _single(sample: Sample, shard: str, generators: Sequence[str]) -> EncodedPair | None:
    """An image that stands alone: its label and generator are in its JSON."""
    is_real = _field(sample, "label", shard) == LABELS["real"]
    name = REAL if is_real else str(_field(sample, "generator", shard))
    if name not in (REAL, *generators):
        return None
    return _encoded(sample, {name: sample.members[IMAGE]}, shard, str(_field(sample, "group_id", shard)))


def _encoded(sample: Sample, members: dict[str, bytes], shard: str, group: str) -> EncodedPair:
    view, source, class_label = (str(_field(sample, name, shard)) for name in ("view", "source", "class_label"))
    return EncodedPair(sample.key, members, view, source, class_label, shard, group)


def _field(sample: Sample, name: str, shard: str) -> Scalar:
    if name not in sample.metadata:
        raise DatasetError(f"{shard}: sample {sample.key}: its .json has no '{name}'. Build it again.")
    return sample.metadata[name]
