"""What a dataset says of itself, drawn from its pairs: attribution, card, tables, Croissant description, manifest."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO

import pyarrow as pa

from manifests import canonical
from manifests.cards import write_card
from manifests.composition import Composition
from manifests.croissant import write_croissant
from manifests.datasheet import Audited, Withheld
from manifests.files import WrittenFile, create_described, describe
from manifests.header import Header
from manifests.parts import pair_part
from manifests.records import STAGES, Pair, Reject, Split, Stage
from manifests.storage import Folder
from manifests.tables import Attribution, ManifestTable, pieces


def write_accounts(
    folder: Folder,
    header: Header,
    lines: Iterable[bytes],
    shards: Mapping[str, str],
    *,
    with_singles: bool,
    audited: Audited | None = None,
    withheld: Withheld | None = None,
) -> list[WrittenFile]:
    """Write the files that are drawn from the pairs, the manifest last: whoever sees it sees them all.

    Args:
        folder: where to.
        header: the manifest's first line.
        lines: the pairs in the manifest's order, each as canonical JSON; they are gone through once.
        shards: sha256 of the shards by relative path.
        with_singles: whether some of them are images that stand alone.
        audited: what the audit says; None where these are written before it.
        withheld: what is missing from the shards, if anything is.

    Returns:
        The files.
    """
    composition = Composition()
    with create_described(folder, "manifest.jsonl") as manifest:  # it appears at the end of the block
        manifest.write(canonical.dumps(header) + b"\n")
        with (
            create_described(folder, "ATTRIBUTION.csv") as credit,
            create_described(folder, "manifest.parquet") as parquet,
            ManifestTable(parquet, labels=with_singles) as table,
            ThreadPoolExecutor(1) as writer,
        ):
            attribution = Attribution(credit)
            written: Future[None] = writer.submit(lambda: None)
            for batch in pieces(lines):
                pairs = [pair_part(line) for line in batch]
                composition.add(pairs)
                attribution.add(pairs)
                columns = table.columns(pairs, batch)
                written.result()  # one batch is written while the next one is made ready
                written = writer.submit(_write, manifest, table, batch, columns)
            written.result()
        write_card(folder, header, composition, audited, withheld)
        write_croissant(
            folder,
            header,
            composition,
            {**shards, parquet.file.name: parquet.file.sha256},
            audited=audited,
            withheld=withheld,
        )
    small = [describe(folder, name) for name in ("README.md", "croissant.json")]
    return [credit.file, parquet.file, manifest.file, *small]


def write_accounts_of(
    folder: Folder,
    header: Header,
    pairs: Callable[[], Iterator[Pair]],
    shards: Mapping[str, str],
    *,
    audited: Audited | None = None,
    withheld: Withheld | None = None,
) -> list[WrittenFile]:
    """`write_accounts` of pairs that are whole records; they are gone through twice.

    Args:
        folder: where to.
        header: the manifest's first line.
        pairs: gives the pairs in the manifest's order, from the first one each time.
        shards: sha256 of the shards by relative path.
        audited: as for `write_accounts`.
        withheld: likewise.
    """
    with_singles = any(pair.is_single for pair in pairs())
    lines = map(canonical.dumps, pairs())
    return write_accounts(folder, header, lines, shards, with_singles=with_singles, audited=audited, withheld=withheld)


def _write(manifest: IO[bytes], table: ManifestTable, lines: Sequence[bytes], columns: pa.Table) -> None:
    manifest.write(b"\n".join([*lines, b""]))
    table.write(columns)


def write_rejects(folder: Folder, rejects: Iterable[Reject]) -> int:
    """Write `rejects.jsonl`, in the order given.

    Returns:
        Number of rejects.
    """
    count = 0
    with folder.create("rejects.jsonl") as stream:
        for reject in rejects:
            stream.write(canonical.dumps(reject) + b"\n")
            count += 1
    return count


def in_order(rejects: Iterable[Reject]) -> list[Reject]:
    """The rejects of one stage in the order in which they are written."""
    return sorted(rejects, key=lambda reject: (reject.key, reject.reason, reject.detail))


def with_rejects(rejects: Iterable[Reject], more: Iterable[Reject], stage: Stage) -> list[Reject]:
    """All rejects in the order of the stages, with further ones of one stage in their places."""
    everything = list(rejects)
    order = {name: number for number, name in enumerate(STAGES)}
    before = [reject for reject in everything if order[reject.stage] < order[stage]]
    after = [reject for reject in everything if order[reject.stage] > order[stage]]
    own = [reject for reject in everything if reject.stage == stage]
    return [*before, *in_order([*own, *more]), *after]


def used_tables(header: Header, pairs: Iterable[Pair]) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Those of a header's quantisation tables that some pair names."""
    used = {digest for pair in pairs for digest in (pair.facts.jpeg_tables, pair.jpeg_tables) if digest}
    return {digest: tables for digest, tables in header.jpeg_tables.items() if digest in used}


def shard_name(split: Split, view: str, number: int, *, views: int) -> str:
    """`train-000000.tar`; with several views `train-<view>-000000.tar`, so that a shard set has one list of fields."""
    middle = "" if views == 1 else f"-{view}"
    return f"{split}{middle}-{number:06d}.tar"
