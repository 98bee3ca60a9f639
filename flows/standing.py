"""Which of the aligned pairs stand: those that have a split, up to the target."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from flows.folder import BuildFolder
from flows.records import AlignedPair
from manifests.records import Reason
from manifests.splits import Assignment, Item, assign


def standing(build: BuildFolder, aligned: Iterable[AlignedPair]) -> Iterator[tuple[AlignedPair, Assignment]]:
    """The pairs in the order of their ids, each with its split or the reason why it has none."""
    pairs = sorted(aligned, key=lambda pair: pair.pair_id)
    homes = {home.key: home for home in assign(_items(pairs), build.recipe.split, build.recipe.seed_salt)}
    target, placed = build.recipe.target_pairs, 0
    for pair in pairs:
        home = homes[pair.screened.image.key]
        if home.split is not None and target is not None and placed == target:
            detail = f"the target of {target} pairs is reached"
            home = dataclasses.replace(home, split=None, reason=Reason.SURPLUS, detail=detail)
        placed += home.split is not None
        yield pair, home


def _items(pairs: Sequence[AlignedPair]) -> Iterator[Item]:
    """One item a real, with what all of its views bring."""
    by_key: dict[str, list[AlignedPair]] = defaultdict(list)
    for pair in pairs:
        by_key[pair.screened.image.key].append(pair)
    for key, views in by_key.items():
        yield Item(
            key=key,
            class_label=views[0].screened.image.class_label,
            captions=tuple(pair.caption.cleaned for pair in views),
            phash=int(views[0].screened.facts.phash, 16),
            fake_phashes=tuple(
                int(phash, 16) for pair in views for name, phash in pair.phashes.items() if name != "real"
            ),
        )
