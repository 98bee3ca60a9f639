"""Which of the aligned pairs stand: those that have a split, up to the target."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from flows.folder import BuildFolder
from flows.recipe import Recipe
from flows.records import AlignedPair
from generation.config import RetrieveConfig
from manifests.records import IMAGE, REAL, Reason
from manifests.splits import Assignment, Item, assign, bonds_of


def standing(build: BuildFolder, aligned: Iterable[AlignedPair]) -> Iterator[tuple[AlignedPair, Assignment]]:
    """The pairs in the order of their ids, each with its split or the reason why it has none."""
    pairs = sorted(aligned, key=lambda pair: pair.pair_id)
    again = _given_again(pairs, build.recipe)
    fresh = [pair for pair in pairs if pair.pair_id not in again]
    homes = {home.key: home for home in assign(_items(fresh), build.recipe.split, build.recipe.seed_salt)}
    target, placed = build.recipe.target_pairs, 0
    for pair in pairs:
        if (repeated := again.get(pair.pair_id)) is not None:
            yield pair, repeated
            continue
        home = homes[pair.screened.image.key]
        if home.split is not None and target is not None and placed == target:
            detail = f"the target of {target} pairs is reached"
            home = dataclasses.replace(home, split=None, reason=Reason.SURPLUS, detail=detail)
        placed += home.split is not None
        yield pair, home


def _given_again(pairs: Sequence[AlignedPair], recipe: Recipe) -> dict[str, Assignment]:
    """Pairs whose retrieved fake has the same bytes as one that was given often enough before, under another prompt."""
    limits = {config.name: config.max_uses for config in recipe.generators if isinstance(config, RetrieveConfig)}
    uses: Counter[tuple[str, str]] = Counter()
    again: dict[str, Assignment] = {}
    for pair in pairs:
        found = [(name, fake.retrieved) for name, fake in pair.fakes.items() if fake.retrieved is not None]
        spent = [name for name, image in found if uses[name, image.sha256] >= limits[name]]
        if spent:
            detail = f"{', '.join(sorted(spent))}: the same image was retrieved under another prompt"
            key = pair.screened.image.key
            again[pair.pair_id] = Assignment(key=key, group_id="", split=None, reason=Reason.DUPLICATE, detail=detail)
        else:
            uses.update((name, image.sha256) for name, image in found)
    return again


def _items(pairs: Sequence[AlignedPair]) -> Iterator[Item]:
    """One item an image, with what all of its views bring."""
    by_key: dict[str, list[AlignedPair]] = defaultdict(list)
    for pair in pairs:
        by_key[pair.screened.image.key].append(pair)
    for key, views in by_key.items():
        image, facts = views[0].screened.image, views[0].screened.facts
        yield Item(
            key=key,
            class_label=image.class_label,
            captions=tuple(pair.caption.cleaned for pair in views if pair.caption.cleaned),
            phash=int(facts.phash, 16) if facts.phash else None,
            fake_phashes=tuple(
                int(pair.phashes[member], 16) for pair in views for member in pair.phashes if _is_made(pair, member)
            ),
            bonds=bonds_of(image),
        )


def _is_made(pair: AlignedPair, member: str) -> bool:
    """Whether a member was generated here: an existing image that stands alone is told by its own hash."""
    return bool(pair.fakes) if member == IMAGE else member != REAL
