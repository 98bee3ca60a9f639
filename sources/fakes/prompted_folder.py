"""A folder of generated images with their prompts beside them: a text file for each, or one CSV for all."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field

from manifests.errors import RejectedItem, SourceError
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName, SourceSettings
from sources.choosing import choose
from sources.fakes.prompt_files import PromptsBeside, PromptTable
from sources.folder import Folder, FolderConfig

_LOG = logging.getLogger(__name__)


class PromptedFolderConfig(SourceSettings):
    """Generated images in a local folder, with their prompts."""

    type: Literal["prompted-folder"] = "prompted-folder"
    name: SourceName = "prompted-folder"
    path: str = Field(description="the folder")
    generator: GeneratorName = Field(description="what made the images")
    csv: str = Field(
        default="",
        description="a table that names the images and their prompts (.csv, .tsv, .jsonl); when empty, each image's prompt "
        "is the text file of its name: `a.txt` for `a.png`",
    )
    file_column: str = Field(default="file_name", description="of the table: names of images, or paths in the folder")
    prompt_column: str = Field(default="prompt", description="of the table: the prompts")
    license: str = Field(default="", description="licence of the images, as it is recorded")

    def open(self) -> "PromptedFolder":
        """The source that these settings describe."""
        return PromptedFolder(self)


class PromptedFolder:
    """A `Source` over a folder of generated images. An image without a prompt is passed over."""

    def __init__(self, config: PromptedFolderConfig) -> None:
        self._config = config
        self._files = Folder(
            FolderConfig(name=config.name, path=config.path, license=config.license, max_bytes=config.max_bytes)
        )

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images in alphabetical order, folder by folder, within the limits.

        Raises:
            SourceError: there is no such folder or table, or no image has a prompt.
        """
        return choose(self._listings(), self._config)

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the files, in the order of the listings.

        Raises:
            SourceError: the folder is gone, or a file cannot be read.
        """
        return self._files.fetch(listings, workdir)

    def _listings(self) -> Iterator[Listing]:
        prompts = self._prompts()
        seen = without = 0
        for listing in self._files.list():
            seen += 1
            prompt = prompts.prompt(PurePosixPath(listing.source_id))
            if prompt:
                yield replace(listing, made=ExistingFake(generator=self._config.generator, prompt=prompt))
            else:
                without += 1
        if without == seen:
            raise SourceError(f"{self._config.path}: {seen} images, and none of them has a prompt in {self._where()}")
        if without:
            _LOG.warning("%s: %d images without a prompt in %s: passed over", self._config.path, without, self._where())

    def _prompts(self) -> PromptTable | PromptsBeside:
        config = self._config
        if not config.csv:
            return PromptsBeside(config.path)
        return PromptTable(
            config.csv, file_column=config.file_column, prompt_column=config.prompt_column, required=True
        )

    def _where(self) -> str:
        return self._config.csv or "a .txt of its name"
