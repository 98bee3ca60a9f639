"""The splits against salt and recipe, as far as the manifest tells: whole groups, and each in the split of its hash."""

from collections.abc import Iterator

from pydantic import ValidationError

from manifests.errors import first_complaint
from manifests.header import Header
from manifests.near_duplicates import NearDuplicates
from manifests.records import Pair, Split
from manifests.splits import SplitConfig, bonds_of, home_of, split_of
from manifests.verify.findings import Finding
from manifests.verify.pairs import MANIFEST


def split_config(header: Header) -> tuple[SplitConfig | None, list[Finding]]:
    """How the header's recipe divides the pairs; None where it does not say."""
    table = header.recipe.get("split")
    if table is None:
        return None, []
    try:
        return SplitConfig.model_validate(table), []
    except ValidationError as error:
        text = f"recipe.split.{first_complaint(error)}"
        return None, [Finding(file=MANIFEST, place="line 1", text=text)]


class SplitChecks:
    """Checks the splits of the pairs one after the other.

    Args:
        config: how the recipe divides the pairs; None where it is not known: then groups must be whole, and no more.
        salt: the header's.
    """

    def __init__(self, config: SplitConfig | None, salt: str) -> None:
        self._config = config
        self._salt = salt
        self._standing: dict[tuple[str, str], tuple[Split, int]] = {}
        self._near = NearDuplicates(config.radius if config is not None else 0)
        self._split_of_key: dict[str, Split] = {}

    @property
    def groups(self) -> int:
        """Number of home groups so far."""
        return sum(kind == "group" for kind, _ in self._standing)

    def check(self, pair: Pair, number: int) -> Iterator[Finding]:
        """What is wrong with the split of one pair, which stands in line `number`."""
        for text in self._complaints(pair, number):
            yield Finding(file=MANIFEST, place=f"line {number}", text=text)

    def _complaints(self, pair: Pair, number: int) -> Iterator[str]:
        for kind, name in self._units(pair):
            split, line = self._standing.setdefault((kind, name), (pair.split, number))
            if split != pair.split:
                yield f"split: {pair.split}, but {kind} {name!r} is in {split} (line {line})"
        if self._config is None:
            return
        if self._config.method == "hash":
            expected = split_of(pair.group_id, self._config.ratios, self._salt)
            if pair.split != expected:
                yield f"split: {pair.split}, but salt and group {pair.group_id!r} give {expected}"
        home = home_of(pair.image, self._config.group_by[0])
        if home is not None and pair.group_id != home:
            yield f"group_id: {pair.group_id!r}, expected {home!r}"
        if "near-duplicate" in self._config.group_by:
            yield from self._neighbours(pair)

    def _units(self, pair: Pair) -> Iterator[tuple[str, str]]:
        """All that must not stand in two splits, by kind and name."""
        yield "group", pair.group_id
        yield "image", pair.image.key
        yield from (("bond", bond) for bond in bonds_of(pair.image))
        if self._config is not None and "caption" in self._config.group_by and pair.caption.cleaned:
            yield "caption", pair.caption.cleaned
        if self._config is not None and "class" in self._config.group_by and pair.image.class_label:
            yield "class", pair.image.class_label

    def _neighbours(self, pair: Pair) -> Iterator[str]:
        key = pair.image.key
        if key in self._split_of_key or not pair.facts.phash:
            return
        try:
            phash = int(pair.facts.phash, 16)
        except ValueError:
            yield f"facts.phash: {pair.facts.phash!r}, expected hexadecimal digits"
            return
        for other in self._near.neighbours(phash):
            if self._split_of_key[other] != pair.split:
                yield f"split: {pair.split}, but the image looks like {other} in {self._split_of_key[other]}"
        self._near.add(key, phash)
        self._split_of_key[key] = pair.split
