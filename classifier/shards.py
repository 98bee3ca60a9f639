"""Reading pairs from the shards, as streams, shared out among reading processes.

Of webdataset only `tar_file_expander` and `group_by_keys` are used: they are the same in 0.2.111 and in 1.x.
"""

import functools
import itertools
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from webdataset.tariterators import group_by_keys, tar_file_expander

from classifier.decoding import decode
from classifier.transforms import CENTRE, Place, Preprocessing
from manifests.errors import DatasetError, RejectedItem
from manifests.records import IMAGE, LABELS, REAL
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
        is_couple: whether its members are two images that stand alone and have nothing to do with one another.
    """

    pair_id: str
    members: dict[str, bytes]
    view: str
    source: str
    class_label: str
    shard: str = ""
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


def _samples(folder: Folder, shard: str) -> Iterator[dict[str, bytes]]:
    try:
        with folder.open(shard) as stream:
            yield from group_by_keys(tar_file_expander([{"url": shard, "stream": stream}]))
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder.path(shard)}: no such shard. Build the dataset again, or fetch it whole."
        ) from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DatasetError(
            f"{folder.path(shard)}: the shard is damaged ({error.args[0]}). Fetch or build it again."
        ) from error


def _pair(sample: dict[str, bytes], shard: str, generators: Sequence[str]) -> EncodedPair | None:
    key = str(sample["__key__"])
    # `sd.jpg` → `sd`: what the image is encoded as is seen in its bytes
    fields = {name.partition(".")[0]: data for name, data in sample.items() if not name.startswith("__")}
    if IMAGE in fields:
        return _single(key, fields, shard, generators)
    if REAL not in fields or "json" not in fields:
        raise DatasetError(
            f"{shard}: sample {key} has no {'.real image' if REAL not in fields else '.json'}. Build it again."
        )
    wanted = {name: fields[name] for name in (REAL, *generators) if name in fields}
    if len(wanted) == 1:
        return None
    with _explained(shard, key):
        metadata = json.loads(fields["json"])
        return EncodedPair(key, wanted, metadata["view"], metadata["source"], metadata["class_label"], shard)


def _single(key: str, fields: dict[str, bytes], shard: str, generators: Sequence[str]) -> EncodedPair | None:
    """An image that stands alone: its label and generator are in its JSON."""
    with _explained(shard, key):
        metadata = json.loads(fields.get("json", b"{}"))
        name = REAL if metadata["label"] == LABELS["real"] else metadata["generator"]
        if name not in (REAL, *generators):
            return None
        image = {name: fields[IMAGE]}
        return EncodedPair(key, image, metadata["view"], metadata["source"], metadata["class_label"], shard)


@contextmanager
def _explained(shard: str, key: str) -> Iterator[None]:
    """What is wrong with a sample's JSON, in one line."""
    try:
        yield
    except KeyError as error:
        raise DatasetError(f"{shard}: sample {key}: its .json has no {error}. Build it again.") from error
    except ValueError as error:
        raise DatasetError(f"{shard}: sample {key}: its .json is damaged ({error}). Build it again.") from error
