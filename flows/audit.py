"""audit_target: what the audit says of a folder or file, whether this project made it or somebody else did."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from audit.config import AuditConfig
from audit.embedding import Embedder, PlainEmbedder
from audit.report import AuditReport
from flows.folder import BuildFolder
from manifests.dataset import Dataset
from manifests.errors import DatasetError, ModelError, first_complaint
from manifests.records import Split
from manifests.shards import Sample
from manifests.storage import Folder

Item = TypeVar("Item")

Advance = Callable[[], None]
Images = Callable[[Collection[str]], Iterable[tuple[str, bytes, bool]]]


@dataclass(frozen=True)
class Audited:
    """What was audited.

    Attributes:
        name: the dataset's name, or the foreign folder's.
        report: what the audit found.
        images: gives images by name, read again from where they lie: name, encoded, whether it is real.
        folder: where the results go when nobody says otherwise.
        notes: what a person should know of how the images were read.
    """

    name: str
    report: AuditReport
    images: Images
    folder: Path
    notes: tuple[str, ...] = ()


def audit_target(
    target: str,
    *,
    layout: str | None = None,
    label_column: str = "label",
    label_names: Sequence[str] = (),
    with_null_control: bool | None = None,
) -> Audited:
    """Audit a build's folder, a dataset, or images from elsewhere; nothing in it is changed.

    Args:
        target: a path or fsspec URL for a dataset of this project; a path for others.
        layout: how foreign images lie, as `audit.foreign` names it; found out when None.
        label_column: the column that says what is real, where foreign images lie in tables.
        label_names: `NAME=real` or `NAME=fake`: what foreign labels mean, beyond the usual words.
        with_null_control: overrules the settings of a dataset's recipe; a foreign set has no recipe, and none.

    Raises:
        DatasetError: there is nothing here that can be audited.
        ModelError: the model that measures match quality cannot be loaded.
    """
    folder = Folder.at(target)
    ours = any(folder.size(f"{place}manifest.jsonl") is not None for place in ("", "dataset/"))
    if ours and layout is None:
        return _audit_own(target, with_null_control)
    return _audit_foreign(target, layout, label_column, label_names)


def audit_dataset(
    dataset: Dataset, config: AuditConfig, *, with_null_control: bool | None = None, embedder: Embedder | None = None
) -> AuditReport:
    """Every probe, the null control where it is asked for, and match quality.

    Args:
        dataset: the dataset; it is read twice.
        config: the settings.
        with_null_control: overrules the settings.
        embedder: what measures match quality; without it match quality is left out.

    Raises:
        DatasetError: the dataset cannot be read.
    """
    from audit.run import audit
    from flows.null_control import null_control

    control = null_control(dataset, config, wanted=with_null_control)
    return audit(dataset, config, null_control=control, embedder=embedder)


def audited_before(dataset: Dataset, report: AuditReport, folder: Path) -> Audited:
    """A dataset whose audit is done: its report as it was stored, and its images.

    Args:
        dataset: the dataset.
        report: what its audit found.
        folder: where the page goes.
    """
    return Audited(dataset.header.name, report, lambda names: _members(dataset, names), folder)


def open_embedder(config: AuditConfig) -> Embedder:
    """What measures match quality: the CLIP model that the settings name, or a comparison without a model.

    Raises:
        ModelError: the model cannot be loaded.
    """
    if not config.match_model:
        return PlainEmbedder()
    from flows.device import device
    from generation.clip import ClipEmbedder

    return ClipEmbedder(config.match_model, "", device())


def _audit_own(target: str, with_null_control: bool | None) -> Audited:
    dataset = Dataset.open(target)
    config, folder = _settings(dataset, target)
    notes: tuple[str, ...] = ()
    try:
        embedder = open_embedder(config)
    except ModelError as error:  # the model of the recipe's author need not be here
        embedder, notes = PlainEmbedder(), (f"{error} Thumbnails are compared instead.",)
    with _progress(2 * sum(shard.pairs for shard in dataset.header.shards), "pairs read") as advance:
        watched = _Watched(dataset.folder, dataset.header, advance)
        report = audit_dataset(watched, config, with_null_control=with_null_control, embedder=embedder)
    return replace(audited_before(dataset, report, folder), notes=notes)


def _settings(dataset: Dataset, target: str) -> tuple[AuditConfig, Path]:
    """The recipe's own settings, and the folder for the results: the build's, or one beside the command."""
    try:
        build = BuildFolder.open(target)
    except DatasetError:
        build = None
    if build is not None:
        here = build.path / "audit" if build.folder.is_local else _beside(dataset.header.name)
        return build.located(build.recipe.audit), here
    try:
        config = AuditConfig.model_validate(dataset.header.recipe.get("audit", {}))
    except ValidationError as error:
        raise DatasetError(f"{dataset.root}/manifest.jsonl, line 1: recipe.audit.{first_complaint(error)}.") from error
    return config, _beside(dataset.header.name)


def _audit_foreign(target: str, layout: str | None, label_column: str, label_names: Sequence[str]) -> Audited:
    from audit.foreign import open_foreign, parse_label_names
    from audit.run import audit_foreign

    opened = open_foreign(target, layout, label_column, parse_label_names(label_names))
    config = AuditConfig()
    with _progress(opened.count, "images read") as advance:
        report = audit_foreign(_counted(opened, advance), config, embedder=open_embedder(config))
    path = Path(target).resolve()
    return Audited(
        path.name,
        report,
        lambda names: ((item.name, item.data, item.label == 0) for item in opened.pick(names)),
        _beside(path.stem),
        tuple(opened.notes),
    )


def _beside(name: str) -> Path:
    return Path.cwd() / f"audit-{name}"


def _members(dataset: Dataset, names: Collection[str]) -> Iterator[tuple[str, bytes, bool]]:
    """Those members that are named, as `<pair id>/<member>`."""
    if not names:
        return
    for sample in dataset.samples():
        for member, data in sample.members.items():
            if (name := f"{sample.key}/{member}") in names:
                yield name, data, member == "real"


def _counted(items: Iterable[Item], advance: Advance) -> Iterator[Item]:
    for item in items:
        yield item
        advance()


@dataclass(frozen=True)
class _Watched(Dataset):
    """A dataset that says how far it was read."""

    advance: Advance

    def samples(self, split: Split | None = None) -> Iterator[Sample]:
        for sample in super().samples(split):
            yield sample
            self.advance()


@contextmanager
def _progress(total: int | None, unit: str) -> Iterator[Advance]:
    """A bar for what is read, and the time that passes while nothing is."""
    bars = Progress(
        SpinnerColumn(),
        TextColumn("audit"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bars:
        bar = bars.add_task("audit", total=total)
        yield lambda: bars.advance(bar)
