"""Taking real images down: out of a dataset, and out of the work folder of the build that made it."""

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

from flows.folder import BuildFolder
from flows.occupied import occupied
from flows.records import GeneratedFake, StoredImage
from flows.stages.generate import generate_stages
from flows.stages.reals import RealsStage
from manifests.chunks import StageStore
from manifests.dataset import Dataset
from manifests.erasure import erase
from manifests.errors import DatasetError
from manifests.journal import settle
from manifests.records import Pair, SourceImage
from manifests.removal import remove
from manifests.storage import Folder
from manifests.tombstones import Tombstones, read_tombstones
from manifests.wanted import Wanted, tombstones_for
from manifests.withheld import Complete

PAGES = ("report.html", "audit/audit.html")
"""What a build's folder holds that shows images, beside the dataset; `twinset report` writes both again."""


@dataclass(frozen=True)
class TakenDown:
    """What a takedown did.

    Attributes:
        dataset: the dataset's folder.
        images: number of real images that got a tombstone.
        pairs: the pairs that went.
        shards: number of shards that were written again or removed.
        erased: number of entries erased from the build's work folder.
        unknown: entries of the lists that nothing here answers to.
    """

    dataset: str
    images: int
    pairs: list[Pair]
    shards: int
    erased: int
    unknown: list[str]


def take_down(url: str, wanted: Wanted, reason: str = "") -> TakenDown:
    """Remove real images and every fake made from them, and leave tombstones.

    Killed anywhere, the dataset is as it was, or the next takedown, build or opening brings the change to its end.

    Args:
        url: a finished dataset, or the build that made it.
        wanted: which images.
        reason: why; it stands in the tombstones and in `rejects.jsonl`, so it should name nobody.

    Raises:
        DatasetError: there is no finished dataset, nothing in it answers to the lists, or another process works there.
    """
    home = _home(url)
    with occupied(home) if home is not None else nullcontext():
        return _take_down(url, wanted, reason)


def _take_down(url: str, wanted: Wanted, reason: str) -> TakenDown:
    build = _build(url)
    # elsewhere than on a local disk, opening does not do this
    settle(build.dataset if build else Folder.at(url))
    dataset = Dataset.open(url)
    known = read_tombstones(dataset.folder)
    found, unknown = tombstones_for(wanted, _reals(dataset, build), reason)
    fresh = [tombstone for tombstone in found if tombstone.sha256 not in known.by_sha256]
    unknown = [entry for entry in unknown if not known.names(entry)]
    # where something was taken down before, the lists may be those of that time: URLs are not in tombstones
    if not found and not len(known) and len(unknown) == len(wanted.entries):
        raise DatasetError(f"{url}: nothing here answers to the lists (the first entry: {unknown[0]}). Check them.")
    gone = remove(dataset, Tombstones.of(fresh)) if fresh else []
    # what a killed publication has left beside the dataset
    Folder(dataset.folder.fs, f"{dataset.folder.root}.publishing").remove_all()
    erased = 0
    if (home := _home(url)) is not None:
        # all tombstones, not the fresh ones: an earlier takedown may have been killed before it came to this
        erased = _erase(home, read_tombstones(dataset.folder).keys)
    return TakenDown(str(dataset.folder), len(fresh), gone, len({pair.shard for pair in gone}), erased, unknown)


def _erase(home: Folder, keys: Collection[str]) -> int:
    """Erase what a build's folder holds of images beside the dataset; the number of entries erased.

    Raises:
        DatasetError: the folder cannot be written.
    """
    try:
        erased = erase(home.child("work"), keys)
        for page in PAGES:
            home.remove(page)
    except (DatasetError, OSError) as error:
        raise DatasetError(
            f"{home}: the images are out of the dataset, but not yet out of the build's own folders "
            f"({error.__cause__ or error}). Make them writable and run the same command again."
        ) from error
    return erased


def _home(url: str, *marks: str) -> Folder | None:
    """The folder of the build or rebuild that a dataset lies in; None for a dataset that stands alone."""
    folder = Folder.at(url)
    homes = (folder, Folder(folder.fs, folder.root.removesuffix("/dataset")))
    marks = marks or ("recipe.json", "rebuild.json")
    return next((home for home in homes if any(home.child("work").size(mark) is not None for mark in marks)), None)


def _build(url: str) -> BuildFolder | None:
    """The build that made a dataset; None for a rebuild, and for a dataset that stands alone."""
    return BuildFolder.open(url) if _home(url, "recipe.json") is not None else None


def _reals(dataset: Dataset, build: BuildFolder | None) -> Iterator[SourceImage]:
    """All images of the dataset, those that it names without their pixels, and those that the build has fetched beside."""
    complete = Complete.of(dataset)
    for pair in dataset.pairs() if complete is None else complete.pairs():
        yield from pair.images
    if build is not None:
        store = RealsStage(build).store
        for marker in store.markers():
            yield from (stored.image for stored in store.records(marker.index, StoredImage))
        for stage in generate_stages(build):
            yield from _retrieved(stage.store)


def _retrieved(store: StageStore) -> Iterator[SourceImage]:
    """The existing fakes that a generator's stage has fetched."""
    for marker in store.markers():
        for record in store.records(marker.index, GeneratedFake):
            if record.fake is not None and record.fake.retrieved is not None:
                yield record.fake.retrieved
