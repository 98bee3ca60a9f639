"""Several datasets as one: every pair in the split where it was, and nothing that would not fit together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from manifests.accounts import in_order
from manifests.assembly import Part, assemble
from manifests.dataset import Dataset
from manifests.errors import DatasetError, first_complaint
from manifests.header import Header
from manifests.index import read_index
from manifests.records import STAGES, Fake, Pair, Reason, Reject, Split
from manifests.splits import Guard, Item, SplitConfig, bonds_of
from manifests.tombstones import Tombstones, read_tombstones
from manifests.verify.recipes import recipes_of

_SETTINGS = (
    "method",
    "model",
    "revision",
    "pipeline",
    "negative_prompt",
    "scheduler",
    "scheduler_config",
    "num_inference_steps",
    "guidance_scale",
    "strength",
    "dtype",
    "watermark",
)
"""What a generator's name stands for: fields of a fake that are the same for all that it made."""


def merge(datasets: Sequence[Dataset], out: str, *, name: str = "") -> Dataset:
    """Write one dataset that holds the pairs of several; a pair that stands in more than one is taken once.

    What was taken down in any of them is in the new one no more.

    Args:
        datasets: two or more finished datasets.
        out: an empty or new folder.
        name: the new dataset's name; that of the first when empty.

    Raises:
        DatasetError: they do not fit together (one image or group in two splits, one pair with other images, one name for
            two generators or two views), or the folder is not empty.
    """
    if len(datasets) < 2:
        raise DatasetError("merge: give two datasets or more.")
    tombstones = Tombstones()
    for dataset in datasets:
        read_index(dataset.folder)
        tombstones = tombstones.united(read_tombstones(dataset.folder))
    survey = _survey(datasets, tombstones)

    def part(number: int) -> Part:
        return Part(datasets[number], lambda pair: pair if survey.owner.get(pair.pair_id) == number else None)

    parts = [part(number) for number in range(len(datasets))]
    rejects = _rejects(datasets, survey)
    return assemble(out, parts, _header([dataset.header for dataset in datasets], name), rejects, tombstones)


@dataclass
class _Survey:
    """What stands where, as far as the datasets have been read.

    Attributes:
        owner: number of the dataset that a pair is taken from.
        gone: the pairs that were taken down in another dataset, as rejects.
    """

    guard: Guard
    owner: dict[str, int] = field(default_factory=dict)
    gone: dict[str, Reject] = field(default_factory=dict)
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    splits: dict[str, tuple[Split, str]] = field(default_factory=dict)
    generators: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    views: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)

    def take(self, pair: Pair, number: int, place: str) -> None:
        """Take a pair of a dataset.

        Raises:
            DatasetError: it does not fit to what was taken before.
        """
        self._same_split(f"image {pair.image.key}", pair.split, place)
        self._same_split(f"group {pair.group_id}", pair.split, place)
        phash = int(pair.facts.phash, 16) if pair.facts.phash else None
        captions = (pair.caption.cleaned,) if pair.caption.cleaned else ()
        item = Item(pair.image.key, pair.image.class_label, captions, phash, bonds=bonds_of(pair.image))
        if conflict := self.guard.conflict(item, pair.split):
            raise DatasetError(f"{place}: {pair.pair_id} is in {pair.split}, but {conflict}. {_REMEDY}")
        self.guard.keep(item, pair.split)
        _same_meaning(self.views, "view", pair.frame.view, _view(pair), place)
        for name, fake in pair.fakes.items():
            _same_meaning(self.generators, "generator", name, _generator(fake), place)
        members = {name: member.sha256 for name, member in pair.members.items()}
        if self.members.setdefault(pair.pair_id, members) != members:
            raise DatasetError(f"{place}: pair {pair.pair_id} has other images than in an earlier dataset. {_REMEDY}")
        self.owner.setdefault(pair.pair_id, number)

    def _same_split(self, what: str, split: Split, place: str) -> None:
        earlier, where = self.splits.setdefault(what, (split, place))
        if earlier != split:
            raise DatasetError(f"{what} is in {earlier} in {where}, in {split} in {place}. {_REMEDY}")


_REMEDY = "Leave one of the two out (`twinset subset`), then merge."


def _same_meaning(
    meanings: dict[str, tuple[dict[str, Any], str]], kind: str, name: str, meaning: dict[str, Any], place: str
) -> None:
    earlier, where = meanings.setdefault(name, (meaning, place))
    for key, value in meaning.items():
        if earlier[key] != value:
            raise DatasetError(
                f"{kind} {name}: {key} is {earlier[key]!r:.60} in {where}, {value!r:.60} in {place}. {_REMEDY}"
            )


def _generator(fake: Fake) -> dict[str, Any]:
    """Of fakes that were retrieved nothing else is the same: others made them, each in their own way."""
    return {name: getattr(fake, name) for name in (_SETTINGS if fake.retrieved is None else ("method",))}


def _view(pair: Pair) -> dict[str, Any]:
    """What all pairs of a view share; the fields of its samples depend on it."""
    return {
        "framing": pair.frame.framing,
        "frame": pair.frame.frame,
        "size": pair.frame.size,
        "format": pair.encoding.format,
        "alignment": "none" if pair.history == "unequal" else "aligned",
        "generators": sorted(pair.fakes),
    }


def _survey(datasets: Sequence[Dataset], tombstones: Tombstones) -> _Survey:
    survey = _Survey(_guard([dataset.header for dataset in datasets]))
    for number, dataset in enumerate(datasets):
        for pair in dataset.pairs():
            if tombstones.covers(*pair.images):
                rejection = tombstones.rejection(*pair.images)
                survey.gone[pair.pair_id] = Reject(
                    key=pair.pair_id, stage="split", reason=rejection.reason, detail=rejection.detail
                )
            else:
                survey.take(pair, number, dataset.root)
    return survey


def _guard(headers: Sequence[Header]) -> Guard:
    """Watches over the groups that every one of the datasets keeps in one split."""
    recipes = [recipe for header in headers for recipe in recipes_of(header)]
    try:
        configs = [SplitConfig.model_validate(recipe.get("split", {"group_by": ["pair"]})) for recipe in recipes]
    except ValidationError as error:
        raise DatasetError(f"{headers[0].name}: recipe.split.{first_complaint(error)}.") from error
    common = [group for group in configs[0].group_by if all(group in config.group_by for config in configs)]
    return Guard(common, max(config.radius for config in configs))


def _header(headers: Sequence[Header], name: str) -> Header:
    first = headers[0]
    same = all((header.recipe, header.salt) == (first.recipe, first.salt) for header in headers)
    merged = [{"name": header.name, "salt": header.salt, "recipe": header.recipe} for header in headers]
    return first.model_copy(
        update={
            "name": name or first.name,
            "salt": first.salt if same else "",
            "recipe": first.recipe if same else {"merged": merged},
            "generators": _united(header.generators for header in headers),
            "views": _united(header.views for header in headers),
            "encoders": {
                library: ", ".join(
                    _united([header.encoders[library]] for header in headers if library in header.encoders)
                )
                for library in sorted({library for header in headers for library in header.encoders})
            },
            "jpeg_tables": {digest: tables for header in headers for digest, tables in header.jpeg_tables.items()},
        }
    )


def _united(lists: Any) -> list[str]:
    """What the lists hold, once each, in the order in which it is first met."""
    return list(dict.fromkeys(name for names in lists for name in names))


def _rejects(datasets: Sequence[Dataset], survey: _Survey) -> Iterator[Reject]:
    """What was dropped in any of the datasets, once each; pairs that one left out and another holds are not among it."""
    rejects = {reject for dataset in datasets for reject in dataset.rejects()} | set(survey.gone.values())
    # before views are framed, rejects name the image and not the pair
    used = survey.owner.keys() | {pair_id.partition("-")[0] for pair_id in survey.owner}
    for stage in STAGES:
        yield from in_order(
            reject
            for reject in rejects
            if reject.stage == stage and (reject.key not in used or reject.reason is Reason.DUPLICATE)
        )
