"""What a dataset says of itself, drawn from its pairs: attribution, card, tables, Croissant description, manifest."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from manifests import canonical
from manifests.cards import write_card
from manifests.composition import Composition
from manifests.croissant import write_croissant
from manifests.datasheet import Audited, Withheld
from manifests.files import describe
from manifests.header import Header
from manifests.records import STAGES, Pair, Reject, Split, Stage
from manifests.storage import Folder
from manifests.tables import write_attribution, write_manifest_parquet

ACCOUNTS = ("ATTRIBUTION.csv", "README.md", "croissant.json", "manifest.jsonl", "manifest.parquet")
"""The files that `write_accounts` writes."""


def write_accounts(
    folder: Folder,
    header: Header,
    pairs: Callable[[], Iterable[Pair]],
    shards: Mapping[str, str],
    *,
    audited: Audited | None = None,
    withheld: Withheld | None = None,
) -> None:
    """Write the files that are drawn from the pairs, the manifest last: whoever sees it sees them all.

    Args:
        folder: where to.
        header: the manifest's first line.
        pairs: gives the pairs in the manifest's order, each time that it is called.
        shards: sha256 of the shards by relative path.
        audited: what the audit says; None where these are written before it.
        withheld: what is missing from the shards, if anything is.
    """
    composition = Composition()
    write_attribution(folder, _counted(pairs(), composition))
    write_card(folder, header, composition, audited, withheld)
    with folder.create("manifest.jsonl") as stream:  # it appears at the end of the block
        stream.write(canonical.dumps(header) + b"\n")
        write_manifest_parquet(folder, pairs(), labels=bool(composition.singles), manifest=stream)
        table = describe(folder, "manifest.parquet")
        write_croissant(
            folder, header, composition, {**shards, table.name: table.sha256}, audited=audited, withheld=withheld
        )


def _counted(pairs: Iterable[Pair], composition: Composition) -> Iterator[Pair]:
    """The pairs, counted as they go by: they are read from the disk each time that they are asked for."""
    for pair in pairs:
        composition.add(pair)
        yield pair


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
