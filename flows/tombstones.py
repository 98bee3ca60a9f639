"""What was taken down, as a build meets it: in its own dataset, and in the lists that its recipe names."""

from functools import reduce

from flows.folder import BuildFolder
from manifests.tombstones import Tombstones, fetch_tombstones, read_tombstones


def own(build: BuildFolder) -> Tombstones:
    """What was taken out of the dataset that the build has made."""
    return read_tombstones(build.dataset)


def listed(build: BuildFolder) -> Tombstones:
    """What the recipe's lists name.

    Raises:
        DatasetError: a list is missing, or a line of it is not a tombstone.
    """
    lists = (fetch_tombstones(build.place(url)) for url in build.recipe.tombstones)
    return reduce(Tombstones.united, lists, Tombstones())
