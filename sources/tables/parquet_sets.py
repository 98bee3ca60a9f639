"""Sets of Parquet files, on the Hub or at a path: what all sources have in common that read rows with images in them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, BinaryIO, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError
from sources.base import Fetched, Listing, SourceSettings
from sources.files import open_file
from sources.paths import find_files, is_file, is_folder
from sources.tables.parquet_images import ParquetSet, fetch_images
from sources.tables.splits import files_of_split

_SUFFIX = ".parquet"
_CARD = "README.md"
_LONGEST_CARD = 2**24  # bytes


class ParquetSetSettings(SourceSettings):
    """Where the files are, and which of them are read. The files of the sources derive their own settings from it."""

    repo: str = Field(
        default="", pattern=r"^([\w.-]+/[\w.-]+)?$", description="a dataset's id on the Hub: `org/name`; or else `path`"
    )
    revision: str = Field(default="main", min_length=1, description="of `repo`: branch, tag or commit")
    path: str = Field(
        default="",
        description="a .parquet file, a pattern of them, or a folder that holds a copy of a set: a path or fsspec URL",
    )
    subset: str = Field(default="", description="the set's configuration, where its card names several")
    split: str = Field(default="train", min_length=1, description="only its files are read; of a folder or a `repo`")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.repo) == bool(self.path):
            raise ValueError("give either `repo`, a dataset on the Hub, or `path`, its files")
        return self

    def files(self) -> ParquetSet:
        """The files of the split, at the commit that the revision stands for now.

        Raises:
            SourceError: there is no such set, revision, subset or split.
        """
        return self._on_the_hub() if self.repo else self._at_a_path()

    def files_of(self, listings: Sequence[Listing]) -> ParquetSet:
        """The files that some listings lie in, at the commit that they were listed at.

        Raises:
            SourceError: the path is gone.
        """
        if not self.repo:
            return self._at_a_path()
        from sources.hub_files import HubRepo  # noqa: PLC0415 - takes half a second, and a local file goes without it

        revision = listings[0].revision
        names = tuple(dict.fromkeys(str(listing.location["part"]) for listing in listings))
        return ParquetSet(self.repo, names, HubRepo(self.repo, revision).open, revision)

    def _on_the_hub(self) -> ParquetSet:
        from sources.hub_files import resolve  # noqa: PLC0415 - as above

        repo, files, card = resolve(self.repo, self.revision)
        names = [name for name in files if name.endswith(_SUFFIX)]
        if not names:
            raise SourceError(
                f'{self.repo}: holds no Parquet files at {self.revision}; try revision = "refs/convert/parquet"'
            )
        chosen = files_of_split(names, card, subset=self.subset, split=self.split, label=self.repo)
        return ParquetSet(self.repo, chosen, repo.open, repo.commit, card)

    def _at_a_path(self) -> ParquetSet:
        found = {file.name: file.url for file in find_files(self.path, [_SUFFIX])}
        if not is_folder(self.path):
            return ParquetSet(self.path, tuple(found), partial(_open, found, self.path))
        card = self._local_card()
        chosen = files_of_split(list(found), card, subset=self.subset, split=self.split, label=self.path)
        return ParquetSet(self.path, chosen, partial(_open, found, self.path), card=card)

    def _local_card(self) -> Mapping[str, Any]:
        from sources.hub_files import read_card  # noqa: PLC0415 - as above

        url = f"{self.path.rstrip('/')}/{_CARD}"
        if not is_file(url):
            return {}
        with open_file(url) as stream:
            return read_card(stream.read(_LONGEST_CARD), url)


def fetch_rows(
    config: ParquetSetSettings, listings: Sequence[Listing]
) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
    """What `Source.fetch` gives, at the commit that was listed, for listings whose locations are those of `Row.location`.

    Raises:
        SourceError: a file is gone or damaged, or the Hub does not answer.
    """
    if listings:
        yield from fetch_images(config.files_of(listings), listings, source=config.name, max_bytes=config.max_bytes)


def _open(urls: Mapping[str, str], label: str, name: str) -> AbstractContextManager[BinaryIO]:
    if name not in urls:
        raise SourceError(f"{label}: {name} is no longer there; list the source again")
    return open_file(urls[name])
