"""Taking real images out of a finished dataset, with every fake that was made from them.

Shards keep their names and all other samples their places: only what held a removed pair is written again. The result is
what the build itself would give, had its last stages known of the tombstones.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from manifests.accounts import used_tables, with_rejects, write_accounts_of, write_rejects
from manifests.cards import WITHHELD
from manifests.dataset import Dataset
from manifests.files import describe
from manifests.header import Header
from manifests.index import read_index, revise_index
from manifests.journal import alone, begin, commit
from manifests.records import Pair, Reject
from manifests.shards import Sample, read_shard, write_shard
from manifests.storage import Folder
from manifests.tombstones import TOMBSTONES, Tombstones, read_tombstones
from manifests.withheld import COMPLETE, Complete


def remove(dataset: Dataset, more: Tombstones) -> list[Pair]:
    """Take images out of a dataset; it is changed as a whole or not at all.

    Pages that show images of the dataset (`reports/*.html`) go; the audit's verdict stays. What was published without its
    pixels goes from the lists of that.

    Args:
        dataset: a finished dataset; open it again afterwards.
        more: the images; they join those that were taken down before.

    Returns:
        The pairs that went.

    Raises:
        DatasetError: the dataset is not finished, or damaged, or another process is changing it.
    """
    with alone(dataset.folder):
        staged = begin(dataset.folder)
        return _remove(Dataset.open(dataset.root), staged, more)


def _remove(dataset: Dataset, staged: Folder, more: Tombstones) -> list[Pair]:
    folder = dataset.folder
    index = read_index(folder)
    tombstones = read_tombstones(folder).united(more)
    gone = [pair for pair in dataset.pairs() if tombstones.covers(*pair.images)]
    taken = Counter(pair.shard for pair in gone)
    shards = [
        shard.model_copy(update={"pairs": shard.pairs - taken[shard.name]})
        for shard in dataset.header.shards
        if shard.pairs > taken[shard.name]
    ]

    def kept() -> Iterator[Pair]:
        return (pair for pair in dataset.pairs() if not tombstones.covers(*pair.images))

    header = dataset.header.model_copy(update={"shards": shards, "jpeg_tables": used_tables(dataset.header, kept())})
    touched = {f"shards/{name}" for name in taken}
    rewritten = [f"shards/{shard.name}" for shard in shards if shard.name in taken]
    _rewrite(dataset, staged, rewritten, {pair.pair_id for pair in gone})
    digests = {name: file.sha256 for name, file in index.files.items() if name.startswith("shards/")}
    digests = {name: sha256 for name, sha256 in digests.items() if name not in touched}
    digests |= {name: describe(staged, name).sha256 for name in rewritten}
    rejects = with_rejects(dataset.rejects(), (_reject(pair, tombstones) for pair in gone), "split")
    count = write_rejects(staged, rejects)
    tombstones.write(staged)
    complete = Complete.of(dataset)
    withheld, counts = complete.write_without(tombstones, staged) if complete is not None else (None, {})
    write_accounts_of(staged, header, kept, digests, withheld=withheld)
    removed = (touched - set(rewritten)) | {name for name in index.files if _shows_images(name)}
    removals = sorted(removed if withheld else removed | index.files.keys() & {COMPLETE, WITHHELD})
    revise_index(index, staged, removals, counts | _counts(header, count, len(tombstones)))
    commit(folder, tuple(removals))
    return gone


def _rewrite(dataset: Dataset, staged: Folder, names: Sequence[str], gone: set[str]) -> None:
    for name in names:
        with dataset.open_file(name) as source, staged.create(name) as target:
            samples: Iterator[Sample] = read_shard(source, f"{dataset.folder}/{name}")
            write_shard(target, (sample for sample in samples if sample.key not in gone))


def _reject(pair: Pair, tombstones: Tombstones) -> Reject:
    rejection = tombstones.rejection(*pair.images)
    return Reject(key=pair.pair_id, stage="split", reason=rejection.reason, detail=rejection.detail)


def _counts(header: Header, rejects: int, tombstones: int) -> dict[str, int]:
    counts = {f"shards/{shard.name}": shard.pairs for shard in header.shards}
    return counts | {
        "manifest.jsonl": 1 + sum(counts.values()),
        "rejects.jsonl": rejects,
        TOMBSTONES: tombstones,
    }


def _shows_images(name: str) -> bool:
    return name.startswith("reports/") and name.endswith(".html")
