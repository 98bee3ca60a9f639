"""What the probes look at, gathered in one pass: something of every image, statistics of some."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from audit.config import AuditConfig
from audit.headers import FIELDS, differing_fields
from audit.report import Kind
from audit.sampling import EvenSample
from audit.seen import Job, Seen, Tag, Unreadable, look_at_all
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.seeds import fraction
from manifests.shards import Sample

REAL = "real"
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

    def add(self, pair: str, real: Seen, fakes: Iterable[Seen]) -> None:
        """Compare the members of one pair."""
        found = {name for fake in fakes for name in differing_fields(real.headers, fake.headers)}
        self.pairs += 1
        self.fields.update(name for name in FIELDS if name in found)
        if found:
            self.differing += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append(pair)


class ForeignImage(Protocol):
    """What is known of an image from elsewhere; `audit.foreign.ForeignItem` is one."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the protocol's fields are those of ForeignItem
    @property
    def data(self) -> bytes: ...  # noqa: D102
    @property
    def label(self) -> int: ...  # noqa: D102
    @property
    def generator(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def split(self) -> str: ...  # noqa: D102
    @property
    def caption(self) -> str: ...  # noqa: D102
    @property
    def class_label(self) -> str: ...  # noqa: D102
    @property
    def problem(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Evidence:
    """All that the probes may look at.

    Attributes:
        kind: whether every fake has a real beside it.
        count: pairs, or images of an unpaired set.
        images: every image that could be looked at, in the order in which it was read.
        headers: differences within pairs; empty for an unpaired set.
        unreadable: images that could not be looked at.
    """

    kind: Kind
    count: int
    images: tuple[Seen, ...]
    headers: HeaderTally
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def measured(self) -> tuple[Seen, ...]:
        """The images whose statistics were taken."""
        return tuple(image for image in self.images if image.statistics is not None)


def gather(dataset: Dataset, config: AuditConfig, *, workers: int = -1) -> Evidence:
    """Read every sample of a dataset of pairs once; statistics of about `config.max_pairs` pairs.

    Raises:
        DatasetError: a shard or a member cannot be read.
    """
    share = config.max_pairs / max(sum(shard.pairs for shard in dataset.header.shards), 1)
    tally = HeaderTally()
    images: list[Seen] = []
    for members in _pairs(look_at_all(_jobs(dataset, share, config), workers=workers)):
        real, *fakes = sorted(members, key=lambda image: image.tag.label)
        tally.add(real.tag.pair, real, fakes)
        images += [real, *fakes]
    return Evidence("paired", tally.pairs, tuple(images), tally)


def _jobs(dataset: Dataset, share: float, config: AuditConfig) -> Iterator[Job]:
    known: set[str] = set()
    for sample in dataset.samples():
        if sample.key in known:
            raise DatasetError(f"pair {sample.key}: stands twice in the shards; `twinset verify` says where.")
        known.add(sample.key)
        if REAL not in sample.members or len(sample.members) < 2:
            names = sorted(sample.members)
            raise DatasetError(f"pair {sample.key}: expected a real and at least one fake, found {names}.")
        with_statistics = fraction("audit", config.seed, sample.key) < share
        for member, data in sample.members.items():
            yield Job(_tag(sample, member), data, with_statistics)


def _tag(sample: Sample, member: str) -> Tag:
    return Tag(
        name=f"{sample.key}/{member}",
        pair=sample.key,
        label=int(member != REAL),
        generator="" if member == REAL else member,
        view=str(sample.metadata["view"]),
        source=str(sample.metadata["source"]),
        split=str(sample.metadata.get("split", "")),
        class_label=str(sample.metadata.get("class_label", "")),
    )


def _pairs(found: Iterable[Seen | Unreadable]) -> Iterator[list[Seen]]:
    """The members of each pair; they stand one after the other."""
    members: list[Seen] = []
    for image in found:
        if isinstance(image, Unreadable):
            pair, member = image.tag.name.rsplit("/", 1)
            raise DatasetError(f"pair {pair}, member {member}: {image.reason}.")
        if members and members[0].tag.pair != image.tag.pair:
            yield members
            members = []
        members.append(image)
    if members:
        yield members


def gather_foreign(items: Iterable[ForeignImage], config: AuditConfig, *, workers: int = -1) -> Evidence:
    """Read every image of an unpaired set once; statistics of at most `config.max_pairs` of each label.

    They are those of the smallest hashes of their names (datasets lie in the order of their classes), of each generator
    as many as of every other.

    Images that cannot be read are counted and named and stop nothing.
    """
    chosen = _Chosen(config)
    images: list[Seen] = []
    unreadable: list[Unreadable] = []
    # where each image that was chosen when it was sent out came to lie
    places: dict[int, int] = {}
    for number, image in enumerate(look_at_all(_foreign_jobs(items, chosen), workers=workers)):
        for index in chosen.dropped():
            _forget(images, places.pop(index, None))
        if isinstance(image, Unreadable):
            unreadable.append(image)
            continue
        if number in chosen.kept:
            places[number] = len(images)
        elif image.statistics is not None:
            image = replace(image, statistics=None, thumbnails=None)  # noqa: PLW2901 - it was dropped on its way
        images.append(image)
    return Evidence("unpaired", len(images), tuple(images), HeaderTally(), tuple(unreadable))


def _forget(images: list[Seen], place: int | None) -> None:
    if place is not None:
        images[place] = replace(images[place], statistics=None, thumbnails=None)


class _Chosen:
    """Which images of an unpaired set have their statistics taken, by their numbers, from 0 in the order of the set."""

    def __init__(self, config: AuditConfig) -> None:
        self.kept: set[int] = set()
        self._seed = config.seed
        self._of_label = (EvenSample(config.max_pairs), EvenSample(config.max_pairs))
        self._dropped: deque[int] = deque()

    def offer(self, number: int, item: ForeignImage) -> bool:
        """Whether an image's statistics are wanted, as far as is known yet."""
        self.kept.add(number)
        place = fraction("audit", self._seed, item.name)
        gone = self._of_label[item.label].offer(item.generator, place, number)
        if gone is not None:
            self.kept.discard(gone)
            self._dropped.append(gone)
        return number in self.kept

    def dropped(self) -> Iterator[int]:
        """The numbers of images that are no longer wanted, each once."""
        while self._dropped:
            yield self._dropped.popleft()


def _foreign_jobs(items: Iterable[ForeignImage], chosen: _Chosen) -> Iterator[Job]:
    for number, item in enumerate(items):
        tag = Tag(
            name=item.name,
            pair=item.name,
            label=item.label,
            generator=item.generator,
            source=item.source,
            split=item.split,
            caption=item.caption,
            class_label=item.class_label,
        )
        yield Job(tag, item.data, chosen.offer(number, item), item.problem)
