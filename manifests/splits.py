"""Which pair goes to which split: a function of names, so that it can be checked and made again.

The unit is one real image with all of its views. Its *home* group (the first of `group_by`) decides the split by a hash, so
adding data never moves an image to another split: its pair, class and caption are its own. (A near-duplicate home is named
after its first image in key order: there a new image that comes before an old one, and looks like it, takes it along.) The
further groups in `group_by` decide nothing; they guard: an image whose group stands in another split already is rejected
as `bridges-splits`, later ones (in key order) giving way to earlier ones.

What a source itself binds together (images that it pairs, fakes of one prompt) is one home group, whatever `group_by` says
of images without such a bond; a class, where `group_by` begins with it, comes before.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from manifests.near_duplicates import Near, NearDuplicates
from manifests.neighbourhoods import FirstNear, Neighbourhoods
from manifests.parts import AnyImage
from manifests.records import SPLITS, Reason, Split
from manifests.seeds import digest, fraction
from manifests.spool import Spool

GroupBy = Literal["pair", "class", "caption", "near-duplicate"]


class SplitConfig(BaseModel):
    """How the pairs are divided into train, validation and test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["hash", "exact"] = Field(
        default="hash",
        description="`hash`: a threshold on the hash of salt and group, counts as expected plus or minus binomial noise; "
        "`exact`: groups ranked by that hash and cut at `counts`, for fixed sets",
    )
    group_by: tuple[GroupBy, ...] = Field(
        default=("near-duplicate", "caption"),
        min_length=1,
        description="the first decides the split; images that share a further group are never in two splits. "
        '`["class"]` gives class-disjoint splits',
    )
    ratios: dict[Split, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={"train": 0.8, "validation": 0.1, "test": 0.1},
        description="shares of the splits for `hash` (and for `exact` without counts); they add up to 1",
    )
    counts: dict[Split, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="number of real images in each split, for `exact`; what is left over is `surplus`"
    )
    radius: int = Field(
        default=6,
        ge=0,
        le=15,
        description="bits of the perceptual hash within which images are one near-duplicate group",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if abs(sum(self.ratios.values()) - 1) > 1e-9:
            raise ValueError(f"ratios add up to {sum(self.ratios.values()):g}, expected 1")
        if self.counts and self.method == "hash":
            raise ValueError('counts need method = "exact" (a hash gives ratios, not counts)')
        return self


class Item(msgspec.Struct, frozen=True):
    """One image of a source, as far as splitting goes.

    Attributes:
        key: the real's key.
        class_label: its class, or "".
        captions: cleaned captions of its views, in the order of the recipe's views.
        phash: 64-bit perceptual hash of the real.
        fake_phashes: those of its final fakes: near-duplicate fakes join their pairs.
        bonds: names of what always binds it to others, the strongest first; see `bonds_of`.
    """

    key: str
    class_label: str = ""
    captions: tuple[str, ...] = ()
    phash: int | None = None
    fake_phashes: tuple[int, ...] = ()
    bonds: tuple[str, ...] = ()


def bonds_of(image: AnyImage) -> tuple[str, ...]:
    """What binds an image to others of its source, by name: the pair that they are of, the prompt of a fake."""
    pair = (f"source-pair:{image.source}/{image.pair}",) if image.pair else ()
    prompt = " ".join(image.prompt.lower().split())
    return (*pair, f"prompt:{prompt}") if prompt else pair


def home_of(image: AnyImage, home: GroupBy) -> str | None:
    """The home group of an image, where its own record tells it; None where its captions or other images have a say."""
    bonds = bonds_of(image)
    if home in {"caption", "near-duplicate"} and not bonds:
        return None
    return _named_home(home, image.key, image.class_label, bonds, ())


class Assignment(msgspec.Struct, frozen=True):
    """Where an item goes: a split and its group, or the reason why nowhere."""

    key: str
    group_id: str
    split: Split | None
    reason: Reason | None = None
    detail: str = ""


@dataclass
class Guard:
    """Remembers in which split each further group stands.

    Attributes:
        group_by: the groups that are guarded; bonds are so in any case.
        radius: bits within which images are near-duplicates.
        reals: of all real images that are going to be asked about, where they are known beforehand.
        fakes: of all their fakes, likewise.
        named: the splits of the groups that have names, by kind and name.
    """

    group_by: Sequence[GroupBy]
    radius: int
    reals: Neighbourhoods | None = None
    fakes: Neighbourhoods | None = None
    named: dict[str, dict[str, Split]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        self._reals = {split: self._near(self.reals) for split in SPLITS}
        self._fakes = {split: self._near(self.fakes) for split in SPLITS}

    def _near(self, known: Neighbourhoods | None) -> Near:
        return NearDuplicates(self.radius) if known is None else FirstNear(known)

    def conflict(self, item: Item, split: Split) -> str:
        """What stands in another split already; empty when nothing does."""
        for kind, name in names_of(item, self.group_by):
            other = self.named[kind].get(name)
            if other is not None and other != split:
                return f"{kind} {name!r} is in {other}"
        if "near-duplicate" in self.group_by:
            reals = [] if item.phash is None else [(self._reals, item.phash)]
            for kept, phash in (*reals, *((self._fakes, phash) for phash in item.fake_phashes)):
                if elsewhere := _elsewhere(kept, phash, split):
                    return elsewhere
        return ""

    def keep(self, item: Item, split: Split) -> None:
        """Remember an item."""
        for kind, name in names_of(item, self.group_by):
            self.named[kind][name] = split
        if item.phash is not None:
            self._reals[split].add(item.key, item.phash)
        for phash in item.fake_phashes:
            self._fakes[split].add(item.key, phash)


def names_of(item: Item, group_by: Sequence[GroupBy]) -> list[tuple[str, str]]:
    """The groups of an item that have names, by kind and name: those that are guarded, and its bonds in any case."""
    names = [("bond", bond) for bond in item.bonds]
    # another view's caption can meet another image's home caption, so captions guard even when they are home
    if "caption" in group_by:
        names += [("caption", caption) for caption in item.captions]
    if "class" in group_by and item.class_label:
        names.append(("class", item.class_label))
    return names


def _elsewhere(kept: Mapping[Split, Near], phash: int, split: Split) -> str:
    """What looks alike and is in another split; empty when nothing is."""
    others = ((near.first(phash), other) for other, near in kept.items() if other != split)
    found = min(((key, other) for key, other in others if key is not None), default=None)
    return f"near-duplicate of {found[0]} in {found[1]}" if found else ""


def assign(items: Iterable[Item], config: SplitConfig, salt: str) -> Iterator[Assignment]:
    """Give each item its split.

    Args:
        items: the real images; the order does not matter. They are read through once, and not held.
        config: method, groups, ratios or counts.
        salt: the recipe's salt; another salt gives another split.

    Returns:
        One assignment an item, in key order.
    """
    with _Survey(items, config) as survey:
        home = _by_hash(config, salt) if config.method == "hash" else _by_rank(survey.groups(), config, salt)
        guard = Guard(config.group_by, config.radius, survey.reals, survey.fakes)
        for item, group, has_company in survey:
            split = home(group)
            if split is None:
                yield Assignment(item.key, group, None, Reason.SURPLUS, "no split has room for its group")
            elif not has_company:
                yield Assignment(item.key, group, split)
            elif conflict := guard.conflict(item, split):
                yield Assignment(item.key, group, None, Reason.BRIDGES_SPLITS, conflict)
            else:
                guard.keep(item, split)
                yield Assignment(item.key, group, split)


class _Survey:
    """All items, put aside; what of them looks alike, and which names they share. To be used as a context.

    Attributes:
        reals: which real images look alike, where that is asked.
        fakes: which fakes do.
    """

    def __init__(self, items: Iterable[Item], config: SplitConfig) -> None:
        self._config = config
        self._items = Spool(Item)
        self._is_sorted, last = True, ""
        names, reals, fakes = _Noted("q"), _Noted("Q"), _Noted("Q")
        for number, item in enumerate(items):
            self._items.append(item)
            self._is_sorted, last = self._is_sorted and last <= item.key, item.key
            for name in names_of(item, config.group_by):
                names.add(number, hash(name))
            if item.phash is not None:
                reals.add(number, item.phash)
            for phash in item.fake_phashes:
                fakes.add(number, phash)
        asked = "near-duplicate" in config.group_by
        self.reals, self.fakes = (
            Neighbourhoods(noted.values if asked else noted.values[:0], config.radius) for noted in (reals, fakes)
        )
        self._company = np.zeros(len(self._items), bool)
        for noted, shared in ((names, _repeated(names.values)), (reals, self.reals.known), (fakes, self.fakes.known)):
            self._company[noted.numbers[np.isin(noted.values, shared)]] = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._items.__exit__()

    def __iter__(self) -> Iterator[tuple[Item, str, bool]]:
        """The items in key order, each with the id of its home group, and whether it may share a group with another one.

        Groups of an item that cannot be in two splits need not be remembered: most items have no company.
        """
        home, seen = self._config.group_by[0], FirstNear(self.reals)
        items = zip(self._items, self._company.tolist(), strict=True)
        for item, has_company in items if self._is_sorted else sorted(items, key=lambda entry: entry[0].key):
            group = _named_home(home, item.key, item.class_label, item.bonds, item.captions)
            if group is None:
                near = seen.first(item.phash) if has_company and item.phash is not None else None
                group = near or f"near-duplicate:{item.key}"
            if has_company and home == "near-duplicate" and item.phash is not None:
                seen.add(group, item.phash)
            yield item, group, has_company

    def groups(self) -> Iterator[str]:
        """The home groups alone."""
        return (group for _, group, _ in self)


class _Noted:
    """Numbers of items, and what was noted of them: several values of an item, or none.

    Args:
        kind: of the values, as `array` names it: whole numbers of 8 bytes.
    """

    def __init__(self, kind: str) -> None:
        self._numbers, self._values = array("Q"), array(kind)

    def add(self, number: int, value: int) -> None:
        """Note a value of an item."""
        self._numbers.append(number)
        self._values.append(value)

    @property
    def numbers(self) -> NDArray[np.uint64]:
        """Of each value, the item's number."""
        return np.frombuffer(self._numbers, np.uint64)

    @property
    def values(self) -> NDArray[Any]:
        """All values, in the order in which they were noted."""
        return np.frombuffer(self._values, self._values.typecode)


def _repeated(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values that occur more than once."""
    known, times = np.unique(values, return_counts=True)
    return known[times > 1]


def _named_home(home: GroupBy, key: str, class_label: str, bonds: Sequence[str], captions: Sequence[str]) -> str | None:
    """The home group that an image's own names give; None where near-duplicates decide."""
    if home == "class" and class_label:
        return f"class:{class_label}"
    if bonds:
        return bonds[0]
    if home == "caption" and captions:
        return f"caption:{captions[0]}"
    return None if home == "near-duplicate" else f"pair:{key}"


def split_of(group_id: str, ratios: Mapping[Split, float], salt: str) -> Split:
    """The split of a group under `hash`: a threshold on the hash of salt and group."""
    position = fraction(salt, "split", group_id)
    low = 0.0
    for split in SPLITS:
        low += ratios.get(split, 0.0)
        if position < low:
            return split
    return next(split for split in reversed(SPLITS) if ratios.get(split, 0.0) > 0)


def _by_hash(config: SplitConfig, salt: str) -> Callable[[str], Split | None]:
    return partial(split_of, ratios=config.ratios, salt=salt)


def _by_rank(groups: Iterable[str], config: SplitConfig, salt: str) -> Callable[[str], Split | None]:
    """Groups in hash order, each whole into the first split that has room for it.

    What has room nowhere is left over where counts are asked for; ratios take it where most is missing.
    """
    sizes = Counter(groups)
    room = dict(config.counts) if config.counts else _counts(sizes.total(), config.ratios)
    wanted = [split for split in SPLITS if config.ratios.get(split)]
    homes: dict[str, Split | None] = {}
    for group in sorted(sizes, key=lambda name: digest(salt, "split", name)):
        fitting = [split for split in SPLITS if room.get(split, 0) >= sizes[group]]
        if not fitting and not config.counts:
            fitting = [max(wanted, key=lambda split: room[split])]
        if fitting:
            room[fitting[0]] -= sizes[group]
        homes[group] = fitting[0] if fitting else None
    return homes.__getitem__


def _counts(total: int, ratios: Mapping[Split, float]) -> dict[Split, int]:
    """Whole numbers in these ratios that add up to the total (largest remainders first)."""
    exact = {split: total * ratios.get(split, 0.0) for split in SPLITS}
    counts = {split: int(share) for split, share in exact.items()}
    remainders = sorted(SPLITS, key=lambda split: counts[split] - exact[split])
    for split in remainders[: total - sum(counts.values())]:
        counts[split] += 1
    return counts
