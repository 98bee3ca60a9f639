"""Prompts that lie beside images: in a CSV that names the images, or in a text file for each image."""

from functools import cached_property
from pathlib import Path, PurePosixPath

from manifests.errors import SourceError, printable
from sources.base import Fetched, Listing
from sources.folder import Folder, FolderConfig
from sources.paths import is_file
from sources.tables.text_tables import read_table

_LONGEST = 2**16  # bytes of a prompt's file


class PromptTable:
    """A table with an image's name and its prompt in each row; read when the first prompt is asked for.

    Args:
        url: path or fsspec URL of a CSV, TSV or JSON Lines.
        file_column: holds the images' names: paths inside the set, or base names with or without their extension.
        prompt_column: holds the prompts.
        required: whether the table must be there.
    """

    def __init__(self, url: str, *, file_column: str, prompt_column: str, required: bool) -> None:
        self._url = url
        self._file_column = file_column
        self._prompt_column = prompt_column
        self._required = required

    def prompt(self, path: PurePosixPath) -> str:
        """The prompt of the image at a path inside the set; empty where the table has none.

        Raises:
            SourceError: there is no such table, or a row of it is broken.
        """
        names = (path.as_posix(), path.name, path.stem)
        return next((self._prompts[name] for name in names if name in self._prompts), "")

    @cached_property
    def _prompts(self) -> dict[str, str]:
        if not self._required and not is_file(self._url):
            return {}
        rows = read_table(self._url)
        return {row.text(self._file_column).replace("\\", "/"): row.text(self._prompt_column) for row in rows}


class PromptsBeside:
    """Text files that have the names of images, with `.txt` in place of the extension. Links do not lead out."""

    def __init__(self, folder: str) -> None:
        self._files = Folder(FolderConfig(path=folder, extensions=("txt",), max_bytes=_LONGEST))

    def prompt(self, path: PurePosixPath) -> str:
        """The prompt of the image at a path inside the folder; empty where no text of at most 64 KiB lies beside it.

        Raises:
            SourceError: the text is not UTF-8.
        """
        listing = self._texts.get(path.with_suffix(""))
        for _, outcome in self._files.fetch([listing] if listing else [], Path()):
            if isinstance(outcome, Fetched):
                return _text(outcome.data, outcome.image.source_id)
        return ""

    @cached_property
    def _texts(self) -> dict[PurePosixPath, Listing]:
        return {PurePosixPath(listing.source_id).with_suffix(""): listing for listing in self._files.list()}


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise SourceError(f"{printable(name)}: not UTF-8; convert it") from error
