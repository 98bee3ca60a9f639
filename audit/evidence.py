"""What the probes look at, gathered in one pass over the shards: header differences of all pairs, features of some."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audit.config import AuditConfig
from audit.features import Features, pixel_features, thumbnail
from audit.headers import FIELDS, Headers, differing_fields, read_headers
from manifests.dataset import Dataset
from manifests.errors import DatasetError, RejectedItem
from manifests.seeds import fraction
from manifests.shards import Sample
from pixels.decode import decode

REAL = "real"
THUMBNAIL_SIDE = 16
_EXAMPLES = 5


@dataclass
class HeaderTally:
    """Header fields that differ between a pair's real and any of its fakes.

    Attributes:
        pairs: pairs that were compared.
        differing: pairs in which anything differs.
        fields: pairs in which a field differs, in the order of `audit.headers.FIELDS`.
        examples: ids of the first few differing pairs.
    """

    pairs: int = 0
    differing: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Compare the members of one pair.

        Raises:
            DatasetError: a member is missing or its headers cannot be read.
        """
        members = {name: _headers(sample, name) for name in sample.members}
        real = members.get(REAL)
        if real is None or len(members) < 2:
            raise DatasetError(f"pair {sample.key}: expected a real and at least one fake, found {sorted(members)}.")
        found = {name for fake in members.values() for name in differing_fields(real, fake)}
        self.pairs += 1
        self.fields.update(name for name in FIELDS if name in found)
        if found:
            self.differing += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append(sample.key)


def _headers(sample: Sample, member: str) -> Headers:
    try:
        return read_headers(sample.members[member])
    except DatasetError as error:
        raise DatasetError(f"pair {sample.key}, member {member}: {error}.") from error


@dataclass(frozen=True)
class PairFeatures:
    """What is remembered of one pair's pixels: by member, `real` and each generator."""

    pair_id: str
    view: str
    source: str
    features: Mapping[str, Features]
    thumbnails: Mapping[str, NDArray[np.float32]]

    @property
    def generators(self) -> tuple[str, ...]:
        """Names of the fakes, sorted."""
        return tuple(sorted(name for name in self.features if name != REAL))


@dataclass(frozen=True)
class Evidence:
    """All that the probes of the battery may look at."""

    headers: HeaderTally
    pairs: tuple[PairFeatures, ...]


def gather(dataset: Dataset, config: AuditConfig) -> Evidence:
    """Read every sample once: headers of all pairs, pixels of about `config.max_pairs`; memory does not grow beyond these.

    Raises:
        DatasetError: a shard or a member cannot be read.
    """
    total = sum(shard.pairs for shard in dataset.header.shards)
    share = config.max_pairs / max(total, 1)
    headers = HeaderTally()
    pairs = []
    for sample in dataset.samples():
        headers.add(sample)
        if fraction("audit", config.seed, sample.key) < share:
            pairs.append(_pair_features(sample))
    return Evidence(headers, tuple(pairs))


def _pair_features(sample: Sample) -> PairFeatures:
    features = {}
    thumbnails = {}
    for name, data in sample.members.items():
        try:
            pixels = decode(data)
            features[name] = pixel_features(pixels)
        except (RejectedItem, ValueError) as error:
            raise DatasetError(f"pair {sample.key}, member {name}: {error}.") from error
        thumbnails[name] = thumbnail(pixels, THUMBNAIL_SIDE)
    return PairFeatures(
        pair_id=sample.key,
        view=str(sample.metadata["view"]),
        source=str(sample.metadata["source"]),
        features=features,
        thumbnails=thumbnails,
    )
