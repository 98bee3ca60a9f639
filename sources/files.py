"""Opening a source's own files, wherever they lie."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import fsspec

from manifests.errors import SourceError
from sources.messages import one_line


@contextmanager
def open_file(url: str, *, compression: str | None = None) -> Iterator[BinaryIO]:
    """A file of a source, open for reading; seekable unless it is decompressed on the way.

    Args:
        url: path or fsspec URL.
        compression: as fsspec takes it; "infer" goes by the end of the file's name.

    Raises:
        SourceError: there is no such file, or reading it fails.
    """
    try:
        file = fsspec.open(url, "rb", compression=compression)
    except (ValueError, ImportError) as error:  # a protocol that fsspec does not know, or whose package is missing
        raise SourceError(f"{url}: cannot be opened: {one_line(error)}") from error
    try:
        with file as stream:
            yield cast("BinaryIO", stream)
    except FileNotFoundError as error:
        raise SourceError(f"{url}: there is no such file; correct the path in the recipe") from error
    except IsADirectoryError as error:
        raise SourceError(f"{url}: this is a folder; the path of a file is expected") from error
    except EOFError as error:
        raise SourceError(f"{url}: the compressed file ends too early; fetch it again") from error
    except OSError as error:
        raise SourceError(f"{url}: cannot be read: {one_line(error)}") from error
