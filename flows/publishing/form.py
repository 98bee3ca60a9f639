"""The form in which a dataset is published: without the pixels of what is not open, and with a card that says so.

Whole files are taken from the dataset as they are; what has to be written anew lies in a folder beside it.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, cast

import pyarrow.parquet as pq
from pyarrow import ArrowException
from pydantic import ValidationError

from audit.report import AuditReport
from manifests.accounts import used_tables, write_accounts_of
from manifests.cards import WITHHELD, write_card
from manifests.composition import Composition
from manifests.croissant import write_croissant
from manifests.dataset import Dataset
from manifests.datasheet import Audited, Withheld
from manifests.errors import DatasetError
from manifests.files import describe
from manifests.header import Header, ShardInfo
from manifests.index import AuditVerdict, Index, read_index, revise_index
from manifests.records import Pair, Terms
from manifests.shards import read_shard, write_shard
from manifests.storage import Folder
from manifests.tables import MANIFEST_COLUMNS, write_manifest_parquet
from manifests.terms import is_open, terms_of_pair
from manifests.tombstones import TOMBSTONES
from manifests.verify.files import HashedStream
from manifests.withheld import COMPLETE, Complete, write_withheld

INDEX = ("index.json", "index.sha256")

_ACCOUNTS = frozenset(
    {"ATTRIBUTION.csv", "manifest.jsonl", "manifest.parquet", "rejects.jsonl", TOMBSTONES, COMPLETE, WITHHELD}
)
_BLOCK = 1 << 20
_TABLE = "manifest.parquet"


@dataclass(frozen=True)
class PublishedFile:
    """One file of the published form.

    Attributes:
        name: relative path.
        folder: where it lies now, under the same path.
        sha256: of its bytes; empty for the index's own files.
        size: bytes.
    """

    name: str
    folder: Folder
    sha256: str
    size: int


@dataclass(frozen=True)
class PublishedForm:
    """What is published.

    Attributes:
        name: the dataset's.
        verdict: of its audit.
        files: in the order in which they are put; the index last, so that who sees it sees them all.
        index: of all files but its own.
        pairs: how many have their pixels in it.
        withheld: how many have not, by what may be done with their pixels.
    """

    name: str
    verdict: AuditVerdict
    files: tuple[PublishedFile, ...]
    index: Index
    pairs: int
    withheld: Mapping[Terms, int]


@dataclass(frozen=True)
class _Plan:
    """Which pairs stay, counted by shard.

    Attributes:
        kept: pairs with their pixels, by shard.
        gone: pairs without, by shard.
        terms: pairs without, by what may be done with their pixels.
    """

    kept: Counter[str]
    gone: Counter[str]
    terms: Counter[Terms]

    @classmethod
    def of(cls, dataset: Dataset) -> "_Plan":
        plan = cls(Counter(), Counter(), Counter())
        for pair in dataset.pairs():
            if is_open(pair):
                plan.kept[pair.shard] += 1
            else:
                plan.gone[pair.shard] += 1
                plan.terms[terms_of_pair(pair)] += 1
        return plan


def published_form(dataset: Dataset, staged: Folder) -> PublishedForm:
    """Prepare a finished dataset for publication.

    Args:
        dataset: the dataset.
        staged: an empty folder for what is written anew, or what an earlier run for the same dataset left in it.

    Raises:
        DatasetError: the dataset is not finished, or damaged.
    """
    for name in INDEX:
        staged.remove(name)
    index = read_index(dataset.folder)
    plan = _Plan.of(dataset)
    audited = _audited(dataset)
    withheld = Withheld(dict(plan.terms), plan.kept.total() + plan.gone.total()) if plan.gone else _withheld(dataset)
    if plan.gone:
        _write_open_part(dataset, staged, index, plan, audited=audited, withheld=withheld)
    else:
        _write_descriptions(dataset, staged, index, audited=audited, withheld=withheld)
    kept = {name for name in index.files if _is_published(name, withheld=bool(plan.gone))}
    emptied = {f"shards/{name}" for name in plan.gone if not plan.kept[name]}
    counts = _counts(plan) if plan.gone else {}
    revised = revise_index(index, staged, index.files.keys() - kept | emptied, counts)
    files = [_file(name, recorded.sha256, recorded.size, dataset, staged) for name, recorded in revised.files.items()]
    seals = [_file(name, "", staged.size(name) or 0, dataset, staged) for name in INDEX]
    ordered = sorted(files, key=lambda file: (not file.name.startswith("shards/"), file.name))
    return PublishedForm(
        dataset.header.name,
        index.audit,
        (*ordered, *seals),
        revised,
        plan.kept.total(),
        withheld.pairs if withheld is not None else {},
    )


def _withheld(dataset: Dataset) -> Withheld | None:
    """What is missing from a dataset that was published before; None where nothing is."""
    complete = Complete.of(dataset)
    if complete is None:
        return None
    every = Counter(None if is_open(pair) else terms_of_pair(pair) for pair in complete.pairs())
    return Withheld({terms: count for terms, count in every.items() if terms is not None}, every.total())


def _is_published(name: str, *, withheld: bool) -> bool:
    """Whether a file of the dataset is published: neither times and errors of the build, nor pages that show what is withheld."""
    if name.startswith("reports/"):
        return name.endswith(".json") or not withheld
    return name.startswith("shards/") or name in _ACCOUNTS


def _file(name: str, sha256: str, size: int, dataset: Dataset, staged: Folder) -> PublishedFile:
    return PublishedFile(name, dataset.folder if staged.size(name) is None else staged, sha256, size)


def _write_descriptions(
    dataset: Dataset, staged: Folder, index: Index, *, audited: Audited, withheld: Withheld | None
) -> None:
    """Card and Croissant description, which now know the audit; the table where it is of an older version; all else stays."""
    composition = Composition.of(dataset.pairs())
    described = {
        name: file.sha256 for name, file in index.files.items() if name.startswith("shards/") or name == _TABLE
    }
    if not _has_all_columns(dataset):
        write_manifest_parquet(staged, dataset.pairs(), labels=bool(composition.singles))
        described[_TABLE] = describe(staged, _TABLE).sha256
    write_card(staged, dataset.header, composition, audited, withheld)
    write_croissant(staged, dataset.header, composition, described, audited=audited, withheld=withheld)


def _has_all_columns(dataset: Dataset) -> bool:
    """Whether the table has the columns that the Croissant description names: an older version knew fewer."""
    with dataset.open_file(_TABLE) as stream:
        try:
            names = pq.read_schema(stream).names
        except (ArrowException, OSError) as error:
            raise DatasetError(
                f"{dataset.folder}/{_TABLE}: cannot be read. Run twinset verify on the dataset."
            ) from error
    return set(MANIFEST_COLUMNS.names) <= set(names)


def _write_open_part(
    dataset: Dataset, staged: Folder, index: Index, plan: _Plan, *, audited: Audited, withheld: Withheld | None
) -> None:
    """The dataset of the open pairs, and beside it what the others are made from."""

    def opened() -> Iterator[Pair]:
        return (pair for pair in dataset.pairs() if is_open(pair))

    header = _open_header(dataset.header, plan, opened())
    _rewrite_shards(dataset, staged, index, plan)
    digests = {}
    for name in (f"shards/{shard.name}" for shard in header.shards):
        staged_here = staged.size(name) is not None
        digests[name] = describe(staged, name).sha256 if staged_here else index.files[name].sha256
    write_accounts_of(staged, header, opened, digests, audited=audited, withheld=withheld)
    write_withheld(staged, dataset.pairs())
    with dataset.open_file("manifest.jsonl") as source, staged.create(COMPLETE) as target:
        while block := source.read(_BLOCK):
            target.write(block)


def _open_header(header: Header, plan: _Plan, pairs: Iterator[Pair]) -> Header:
    shards: list[ShardInfo] = [
        shard.model_copy(update={"pairs": plan.kept[shard.name]}) for shard in header.shards if plan.kept[shard.name]
    ]
    return header.model_copy(update={"shards": shards, "jpeg_tables": used_tables(header, pairs)})


def _rewrite_shards(dataset: Dataset, staged: Folder, index: Index, plan: _Plan) -> None:
    """The shards that hold pairs of both kinds; one that is there already was written whole by an earlier run."""
    for shard, pairs in itertools.groupby(dataset.pairs(), key=lambda pair: pair.shard):
        name, kept = f"shards/{shard}", {pair.pair_id for pair in pairs if is_open(pair)}
        if len(kept) != plan.kept[shard]:
            raise DatasetError(f"{dataset.root}: the pairs of {name} stand apart. Run twinset verify on it.")
        if kept and plan.gone[shard] and staged.size(name) is None:
            _rewrite(dataset, staged, index, name, kept)


def _rewrite(dataset: Dataset, staged: Folder, index: Index, name: str, kept: set[str]) -> None:
    with dataset.open_file(name) as source, staged.create(name) as target:
        hashed = HashedStream(source)
        samples = read_shard(cast("IO[bytes]", hashed), f"{dataset.folder}/{name}")
        write_shard(target, (sample for sample in samples if sample.key in kept))
        hashed.drain()
        for finding in hashed.compare(name, index.files[name]):
            raise DatasetError(f"{dataset.folder}: {finding}. Run twinset verify on it.")


def _counts(plan: _Plan) -> dict[str, int]:
    """How many records the staged files hold that hold more than one."""
    shards = {f"shards/{name}": count for name, count in plan.kept.items()}
    every = plan.kept.total() + plan.gone.total()
    return shards | {"manifest.jsonl": 1 + plan.kept.total(), COMPLETE: 1 + every, WITHHELD: plan.gone.total()}


def _audited(dataset: Dataset) -> Audited:
    """What the audit says, as the card shows it."""
    verdict = dataset.audit_verdict
    try:
        report = AuditReport.model_validate_json(dataset.folder.read("reports/audit.json"))
    except (FileNotFoundError, ValidationError):
        return Audited(verdict, sum(shard.pairs for shard in dataset.header.shards))
    judged = [probe for probe in report.probes if probe.verdict != "reported"]
    probes = tuple(
        (probe.name, probe.subject, probe.verdict, "" if probe.value is None else f"{probe.value:.3f}")
        for probe in judged
    )
    return Audited(verdict, report.pairs, probes)
