"""audit_target: what the audit says of a folder or file, whether this project made it or somebody else did."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from audit.config import AuditConfig
from audit.embedding import Embedder, PlainEmbedder
from audit.recaption import NoRecaptioner, Recaptioner
from audit.report import AuditReport
from flows.folder import BuildFolder
from flows.progress import counting
from flows.recaption import captions_of, captions_of_build, open_recaptioner
from generation.config import CaptionConfig
from manifests.dataset import Dataset, refuse_inside_dataset
from manifests.errors import DatasetError, ModelError, first_complaint
from manifests.records import LABELS, REAL, Split
from manifests.shards import Sample, read_shard
from manifests.storage import Folder
from manifests.verify.recipes import single_views

Item = TypeVar("Item")

# characters of a target in an error
_SHOWN = 200

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
    out: Path | None = None,
) -> Audited:
    """Audit a build's folder, a dataset, or images from elsewhere; nothing in it is changed.

    Args:
        target: a path or fsspec URL for a dataset of this project; a path for others.
        layout: how foreign images lie, as `audit.foreign` names it; found out when None.
        label_column: the column that says what is real, where foreign images lie in tables.
        label_names: `NAME=real` or `NAME=fake`: what foreign labels and folders' names mean, beyond the usual words.
        with_null_control: overrules the settings of a dataset's recipe; a foreign set has no recipe, and none.
        out: the folder for the results; the build's `audit/` or one where the command was given when None.

    Raises:
        DatasetError: there is nothing here that can be audited, or the results would lie in a dataset.
        ModelError: the model that measures match quality cannot be loaded.
    """
    if layout is None and is_ours(target):
        if label_names:
            raise DatasetError(f"{target}: a dataset of twinset, whose labels need no --label-name; leave it out")
        return _audit_own(target, with_null_control, out)
    return _audit_foreign(target, layout, label_column, label_names, out)


def is_ours(target: str) -> bool:
    """Whether there is a dataset of this project, or a build."""
    folder = Folder.at(target)
    try:
        return any(folder.size(f"{place}manifest.jsonl") is not None for place in ("", "dataset/"))
    except OSError as error:
        shown = target if len(target) <= _SHOWN else f"{target[:_SHOWN]}... ({len(target)} characters)"
        raise DatasetError(f"{shown}: cannot be read: {error.strerror or 'an error of the file system'}") from error


def audit_dataset(
    dataset: Dataset,
    config: AuditConfig,
    *,
    with_null_control: bool | None = None,
    embedder: Embedder | None = None,
    recaptioner: Recaptioner | NoRecaptioner | None = None,
) -> AuditReport:
    """Every probe, the null control and re-captions where they are asked for, and match quality.

    Args:
        dataset: the dataset; it is read twice.
        config: the settings.
        with_null_control: overrules the settings.
        embedder: what measures match quality; without it the images' is left out.
        recaptioner: what is asked for captions again, or why nobody is.

    Raises:
        DatasetError: the dataset cannot be read.
    """
    from audit.run import audit
    from flows.null_control import null_control
    from flows.singles import audit_singles, united

    alone = single_views(dataset.header)
    singles = audit_singles(dataset.of_views(alone), config, embedder) if alone else None
    if singles is not None and set(alone) == set(dataset.header.views):
        return singles
    paired = dataset.of_views(set(dataset.header.views) - set(alone))
    control = null_control(paired, config, wanted=with_null_control)
    pairs = audit(paired, config, null_control=control, embedder=embedder, recaptioner=recaptioner)
    return united(pairs, singles) if singles is not None else pairs


def audited_before(dataset: Dataset, report: AuditReport, folder: Path) -> Audited:
    """A dataset whose audit is done: its report as it was stored, and its images.

    Args:
        dataset: the dataset.
        report: what its audit found.
        folder: where the page goes.
    """
    return Audited(dataset.header.name, report, lambda names: named_members(dataset, names), folder)


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


def _audit_own(target: str, with_null_control: bool | None, out: Path | None) -> Audited:
    dataset = Dataset.open(target)
    config, captions, usual = _settings(dataset, target)
    folder = results_folder(out or usual)
    notes: tuple[str, ...] = ()
    try:
        embedder = open_embedder(config)
    except ModelError as error:  # the model of the recipe's author need not be here
        embedder, notes = PlainEmbedder(), (f"{error} Thumbnails are compared instead.",)
    recaptioner = open_recaptioner(captions, config)
    with counting("audit", 2 * sum(shard.pairs for shard in dataset.header.shards), "pairs read") as advance:
        watched = _Watched(dataset.folder, dataset.header, advance)
        report = audit_dataset(
            watched, config, with_null_control=with_null_control, embedder=embedder, recaptioner=recaptioner
        )
    return replace(audited_before(dataset, report, folder), notes=notes)


def _settings(dataset: Dataset, target: str) -> tuple[AuditConfig, CaptionConfig | None, Path]:
    """The recipe's own settings and captioner, and the folder for the results: the build's, or one beside the command."""
    try:
        build = BuildFolder.open(target)
    except DatasetError:
        build = None
    if build is not None:
        here = build.path / "audit" if build.folder.is_local else _beside(dataset.header.name)
        return build.located(build.recipe.audit), captions_of_build(build), here
    try:
        config = AuditConfig.model_validate(dataset.header.recipe.get("audit", {}))
    except ValidationError as error:
        raise DatasetError(f"{dataset.root}/manifest.jsonl, line 1: recipe.audit.{first_complaint(error)}.") from error
    return config, captions_of(dataset.header.recipe), _beside(dataset.header.name)


def _audit_foreign(
    target: str, layout: str | None, label_column: str, label_names: Sequence[str], out: Path | None
) -> Audited:
    from audit.foreign import open_foreign, parse_label_names
    from audit.run import audit_foreign

    opened = open_foreign(target, layout, label_column, parse_label_names(label_names))
    path = Path(target).resolve()
    folder = results_folder(out or _beside(path.stem))
    config = AuditConfig()
    with counting("audit", opened.count, "images read") as advance:
        report = audit_foreign(_counted(opened, advance), config, embedder=open_embedder(config))
    return Audited(
        path.name,
        report,
        lambda names: ((item.name, item.data, item.label == 0) for item in opened.pick(names)),
        folder,
        tuple(opened.notes),
    )


def _beside(name: str) -> Path:
    return Path.cwd() / f"audit-{name}"


def results_folder(folder: Path) -> Path:
    """The folder for what an audit or an evaluation finds, asked before the work.

    Raises:
        DatasetError: it lies in a dataset, whose index would not name the results, or it cannot be written.
    """
    refuse_inside_dataset(str(folder))
    Folder.at(str(folder)).check_writable()
    return folder


def named_members(dataset: Dataset, names: Collection[str]) -> Iterator[tuple[str, bytes, bool]]:
    """Those members that are named, as `<pair id>/<member>`; only the shards that hold them are read."""
    pairs = {name.rsplit("/", 1)[0] for name in names}
    if not pairs:
        return
    for shard in sorted({pair.shard for pair in dataset.pairs() if pair.pair_id in pairs}):
        with dataset.open_file(f"shards/{shard}") as stream:
            for sample in read_shard(stream, f"{dataset.root}/shards/{shard}"):
                for member, data in sample.members.items():
                    if (name := f"{sample.key}/{member}") in names:
                        yield name, data, sample.metadata.get("label", int(member != REAL)) == LABELS["real"]


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
