"""Opening a source's own files, wherever they lie."""

import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, cast

import fsspec

from manifests.errors import SourceError
from sources.messages import one_line

_ZSTD = ".zst"
_DRIVERS = frozenset({"aiohttp", "azure", "botocore", "gcsfs", "google", "httpx2", "huggingface_hub"})
"""Packages that fsspec reads through, whose exceptions are no OSErrors."""
_NO_RANGES = "Cannot seek streaming HTTP file"  # fsspec's words, in a plain ValueError
_LONGEST_LINE = 2**24  # characters; a file without line breaks may be larger than the memory


@contextmanager
def open_file(url: str, *, compression: str | None = None) -> Iterator[BinaryIO]:
    """A file of a source, open for reading; seekable unless it is decompressed on the way.

    Args:
        url: path or fsspec URL.
        compression: as fsspec takes it; "infer" goes by the end of the file's name, `.zst` among them.

    Raises:
        SourceError: there is no such file, or reading it fails.
    """
    with ExitStack() as stack:
        stream = _open(url, compression, stack)
        try:
            yield stream
        except EOFError as error:
            raise SourceError(f"{url}: the compressed file ends too early; fetch it again") from error
        except (zlib.error, lzma.LZMAError) as error:
            raise SourceError(f"{url}: cannot be decompressed ({one_line(error)}); fetch it again") from error
        except OSError as error:
            raise SourceError(f"{url}: cannot be read: {one_line(error)}") from error
        except Exception as error:
            if _NO_RANGES in str(error):
                raise SourceError(f"{url}: its server gives whole files alone; download it first") from error
            if type(error).__module__.partition(".")[0] not in _DRIVERS:
                raise
            raise SourceError(f"{url}: cannot be read: {one_line(error)}") from error


def read_lines(stream: BinaryIO, place: str) -> Iterator[str]:
    """The lines of a text with their ends, none of them longer than any table has. The stream is closed at its end.

    Args:
        stream: UTF-8, with or without a byte order mark.
        place: what the file is called in errors.

    Raises:
        SourceError: a line is longer than 16 Mi characters.
        UnicodeDecodeError: not UTF-8.
    """
    number = 0
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        while line := text.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE:
                raise SourceError(f"{place}: line {number} is longer than {_LONGEST_LINE} characters; this is no table")
            yield line


def _open(url: str, compression: str | None, stack: ExitStack) -> BinaryIO:
    """The opened file, which the stack closes."""
    is_zstd = compression == "infer" and url.lower().endswith(_ZSTD)
    try:
        stream: Any = stack.enter_context(fsspec.open(url, "rb", compression=None if is_zstd else compression))
        if is_zstd:
            import pyarrow as pa  # noqa: PLC0415 - few files need it: fsspec knows .zst with a package of its own alone

            stream = stack.enter_context(pa.CompressedInputStream(stream, "zstd"))
    except FileNotFoundError as error:
        raise SourceError(_not_found(url)) from error
    except IsADirectoryError as error:
        raise SourceError(f"{url}: this is a folder; the path of a file is expected") from error
    except Exception as error:  # an unknown protocol, a missing package; every driver has exceptions of its own
        raise SourceError(f"{url}: cannot be opened: {one_line(error)}") from error
    return cast("BinaryIO", stream)


def _not_found(url: str) -> str:
    if url.startswith(("http://", "https://")):  # fsspec says the same of both
        return f"{url}: there is no such file, or its server does not answer; open it in a browser, or correct the path"
    return f"{url}: there is no such file; correct the path in the recipe"
