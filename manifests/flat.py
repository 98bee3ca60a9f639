"""A dataset as a flat list of images: path, label and subset a line, as the index of realfake's prepared set has them.

The published index has sizes of 20,000, 200,000, 1,000,000 and 2,000,000 lines, half of either label. Here a smaller size
is a part of every larger one. The names of the published keys are not known; these are `path`, `label` (0 real, 1 fake)
and `subset`.
"""

import heapq
import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import LABELS, REAL, Pair, Split
from manifests.seeds import digest
from manifests.storage import Folder


@dataclass(frozen=True, slots=True)
class FlatImage:
    """One image.

    Attributes:
        path: `tar://<member>::shards/<shard>`, which fsspec opens from within the dataset's folder.
        label: 0 real, 1 fake.
        subset: the split.
    """

    path: str
    label: int
    subset: Split


def flat_images(dataset: Dataset) -> Iterator[FlatImage]:
    """All images of a dataset, in the manifest's order; of the shards only the tars' headers are read.

    Raises:
        DatasetError: the manifest or a shard is damaged, or an image is not in its shard.
    """
    names = lru_cache(maxsize=8)(lambda shard: _member_names(dataset, shard))
    for pair in dataset.pairs():
        shard = f"shards/{pair.shard}"
        for member in pair.members:
            name = names(shard).get(f"{pair.pair_id}.{member}")
            if name is None:
                raise DatasetError(
                    f"{dataset.root}: {shard} has no {member} of {pair.pair_id}. Run twinset verify on it."
                )
            yield FlatImage(f"tar://{name}::{shard}", _label(pair, member), pair.split)


def chosen(images: Iterable[FlatImage], size: int | None, salt: str) -> list[FlatImage]:
    """So many images, half of either label, in their own order: those whose paths have the smallest hashes.

    Args:
        images: all that there are.
        size: how many are wanted; all when None. Where a label has too few, all of it are taken.
        salt: what the hashes are drawn from.
    """
    ranked = ((digest(salt, "flat", image.path), position, image) for position, image in enumerate(images))
    if size is None:
        return [image for _, _, image in ranked]
    by_label: dict[int, list[tuple[bytes, int, FlatImage]]] = {label: [] for label in LABELS.values()}
    for entry in ranked:
        by_label[entry[2].label].append(entry)
    kept = [entry for entries in by_label.values() for entry in heapq.nsmallest(size // 2, entries)]
    return [image for _, _, image in sorted(kept, key=lambda entry: entry[1])]


def write_flat(dataset: Dataset, url: str, size: int | None = None) -> Counter[tuple[Split, int]]:
    """Write the flat list of a dataset as JSON Lines.

    Args:
        dataset: the dataset.
        url: the file to write, a path or fsspec URL.
        size: how many images; all when None.

    Returns:
        How many images of each subset and label there are in it.

    Raises:
        DatasetError: the dataset is damaged.
    """
    images = chosen(flat_images(dataset), size, dataset.header.name)
    folder, name = Folder.of_file(url)
    lines = "".join(json.dumps(asdict(image)) + "\n" for image in images)
    folder.write(name, lines.encode())
    return Counter((image.subset, image.label) for image in images)


def _label(pair: Pair, member: str) -> int:
    if pair.is_single:
        return pair.label
    return LABELS["real" if member == REAL else "fake"]


def _member_names(dataset: Dataset, shard: str) -> dict[str, str]:
    """The names in a shard by what stands before their extension."""
    try:
        with dataset.open_file(shard) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            return {name.rpartition(".")[0]: name for name in tar.getnames()}
    except (tarfile.TarError, EOFError, FileNotFoundError) as error:
        raise DatasetError(f"{dataset.root}: {shard} is damaged or missing. Run twinset verify on it.") from error
