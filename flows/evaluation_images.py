"""Which images a detector is evaluated on: a split of a dataset of ours, or anybody's labelled images."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audit.foreign import ForeignDataset, open_foreign, parse_label_names
from classifier.examples import Described, Example
from flows.audit import is_ours, named_members
from flows.images import NamedImages
from manifests.dataset import Dataset
from manifests.errors import DatasetError, RejectedItem
from manifests.records import IMAGE, LABELS, REAL, Split
from manifests.shards import Sample

LabelName = Literal["real", "fake"]
Named = Iterator[tuple[str, bytes, bool]]


@dataclass(frozen=True)
class EvaluationImages:
    """Images to evaluate on.

    Attributes:
        described: what they are.
        examples: gives them, as often as it is called.
        pick: gives some by name: name, encoded, whether it is real.
        count: how many there are; None where that is not known.
    """

    described: Described
    examples: Callable[[], Iterable[Example]]
    pick: Callable[[Collection[str]], Named]
    count: int | None


def open_images(
    target: str,
    split: Split | None,
    *,
    layout: str | None = None,
    label_column: str = "label",
    label_names: Sequence[str] = (),
    of_class: LabelName | None = None,
) -> EvaluationImages:
    """Open what detectors are to be evaluated on.

    Args:
        target: a dataset of ours, or a build; or a folder, Parquet files or a CSV of paths from elsewhere.
        split: which; None: `test` of a dataset of ours, all of images from elsewhere.
        layout: how images from elsewhere lie, as `audit.foreign` names it; found out when None.
        label_column: the column that says what is real, where they lie in tables.
        label_names: `NAME=real` or `NAME=fake`: what labels and folders' names mean, beyond the usual words.
        of_class: what all images of a folder are in which nothing is named after a label.

    Raises:
        DatasetError: there is nothing here that can be evaluated on.
    """
    if of_class is not None:
        return _one_class(target, of_class)
    if layout is None and is_ours(target):
        if label_names:
            raise DatasetError(f"{target}: a dataset of twinset, whose labels need no --label-name; leave it out.")
        return _own(target, split or "test")
    return _foreign(target, split, layout, label_column, label_names)


def _own(target: str, split: Split) -> EvaluationImages:
    dataset = Dataset.open(target)
    if not dataset.shards(split):
        raise DatasetError(f"{dataset.root}: split {split} is empty. Choose another --split.")
    failed = "The audit of this dataset failed: its labels may be told by something else than origin."
    notes = (failed,) if dataset.audit_verdict == "failed" else ()
    return EvaluationImages(
        Described(name=dataset.header.name, digest=dataset.digest, split=split, notes=notes),
        lambda: (example for sample in dataset.samples(split) for example in _members(sample)),
        lambda names: named_members(dataset, names),
        None,
    )


def _members(sample: Sample) -> Iterator[Example]:
    fields = sample.metadata
    for member, data in sample.members.items():
        alone = member == IMAGE
        label = int(fields["label"]) if alone else LABELS["real" if member == REAL else "fake"]
        generator = str(fields["generator"]) if alone else member
        yield Example(
            name=f"{sample.key}/{member}",
            # a pair's views show the same real
            group=str(fields["group_id"] if alone else fields["real_key"]),
            label=label,
            generator=generator if label == LABELS["fake"] else "",
            source=str(fields["source"]),
            view=str(fields["view"]),
            data=data,
        )


def _foreign(
    target: str, split: Split | None, layout: str | None, label_column: str, label_names: Sequence[str]
) -> EvaluationImages:
    opened = open_foreign(target, layout, label_column, parse_label_names(label_names), both_classes=False)
    place = Path(target).expanduser().resolve()
    name = place.stem if place.is_file() else place.name
    return EvaluationImages(
        Described(name=name, split=split or "", notes=tuple(opened.notes)),
        lambda: _foreign_examples(opened, split, name),
        lambda names: ((item.name, item.data, item.label == LABELS["real"]) for item in opened.pick(names)),
        opened.count,
    )


def _foreign_examples(opened: ForeignDataset, split: Split | None, name: str) -> Iterator[Example]:
    for item in opened:
        if split is not None and item.split != split:
            continue
        fake = item.label == LABELS["fake"]
        yield Example(
            name=item.name,
            # images of one prompt are not independent; others are grouped by what they look like
            group=f"caption:{item.caption}" if fake and item.caption else "",
            label=item.label,
            generator=(item.generator or "unnamed") if fake else "",
            source=item.source or name,
            data=item.data,
            problem=item.problem,
        )


def _one_class(target: str, label: LabelName) -> EvaluationImages:
    """All images below a folder; of fakes, the first folder on the way to each is its generator."""
    NamedImages([target]).check()
    name = Path(target).resolve().name

    def examples() -> Iterator[Example]:
        for path, found in NamedImages([target]):
            below = Path(path).relative_to(target)
            origin = below.parts[0] if len(below.parts) > 1 else name
            yield Example(
                name=below.as_posix(),
                label=LABELS[label],
                generator=origin if label == "fake" else "",
                source=origin,
                data=b"" if isinstance(found, RejectedItem) else found,
                problem=str(found.reason) if isinstance(found, RejectedItem) else "",
            )

    def pick(names: Collection[str]) -> Named:
        return ((one.name, one.data, label == "real") for one in examples() if one.name in names)

    return EvaluationImages(Described(name=name), examples, pick, None)
