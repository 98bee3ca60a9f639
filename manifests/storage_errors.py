"""What goes wrong between this machine and a folder, as one line for a person."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from manifests.errors import DatasetError, TwinsetError, printable

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota of disk space is used up"}
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_IN_THE_WAY = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR)
_BROKEN = (errno.EIO, errno.ESTALE)
_PASSING = (errno.EREMOTEIO, errno.EBUSY)  # a store's "internal error" and "slow down", as s3fs puts them
_DRIVERS = frozenset({"aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google", "huggingface_hub"})
"""Packages that fsspec reaches stores through, whose exceptions are no OSErrors."""


@contextmanager
def explained_on_disk(folder: object) -> Iterator[None]:
    """What a disk says to who writes.

    Args:
        folder: where; its text stands in the message.

    Raises:
        DatasetError: the disk is full, broken, or cannot be written, or lets no file grow so large.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DatasetError(
                f"{folder}: {_FULL[error.errno]}. Free some space and run the same command again: it goes on where it stopped."
            ) from error
        if error.errno == errno.EFBIG:
            raise DatasetError(
                f"{folder}: a file would grow larger than is allowed here. Raise the limit (`ulimit -f`, or the file "
                "system's own) and run the same command again: it goes on where it stopped."
            ) from error
        if error.errno in (*_CLOSED, *_IN_THE_WAY):
            raise DatasetError(f"{folder}: cannot write here ({error.strerror}). Choose another folder.") from error
        if error.errno in _BROKEN:
            raise DatasetError(_broken(folder, error)) from error
        raise


@contextmanager
def explained_to_reader(folder: object) -> Iterator[None]:
    """What a disk says to who reads.

    Raises:
        FileNotFoundError: there is no such file, or a folder in its place.
        DatasetError: the disk is broken, or does not let us read.
    """
    try:
        yield
    except (IsADirectoryError, NotADirectoryError) as error:
        raise FileNotFoundError(str(error)) from error
    except OSError as error:
        if error.errno in _CLOSED:
            raise DatasetError(f"{folder}: cannot be read ({error.strerror}). Make its files readable.") from error
        if error.errno in _BROKEN:
            raise DatasetError(_broken(folder, error)) from error
        raise


@contextmanager
def explained_on_the_way(folder: object) -> Iterator[None]:
    """What this machine's disk says of a file that waits to be sent to a store.

    Raises:
        DatasetError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (*_FULL, errno.EFBIG):
            raise DatasetError(
                f"{folder}: no room on this machine for a file to be sent there. Free some, or set TMPDIR."
            ) from error
        raise


@contextmanager
def explained_in_store(folder: object, *, writing: bool = False) -> Iterator[None]:
    """What an object store says. What may pass has a ConnectionError as its cause, so that it is tried again.

    Args:
        folder: where; its text stands in the message.
        writing: a bucket that is missing is an error of its own; to a reader it is an empty one.

    Raises:
        FileNotFoundError: there is no such file, to a reader.
        DatasetError: anything else.
    """
    try:
        yield
    except TwinsetError:
        raise
    except FileNotFoundError as error:
        if not writing:
            raise
        raise DatasetError(
            f"{folder}: cannot write here: no such bucket. Make it first, or correct the URL."
        ) from error
    except PermissionError as error:
        raise DatasetError(
            f"{folder}: the store refuses this ({_said(error)}). Check the credentials, and what they allow."
        ) from error
    except OSError as error:
        raise _unreachable(folder, error) from _cause(error)
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _DRIVERS:
            raise
        raise _unreachable(folder, error) from _cause(error)


def _broken(folder: object, error: OSError) -> str:
    return f"{folder}: the disk fails ({error.strerror}). Look after it, then run the same command again."


def _unreachable(folder: object, error: Exception) -> DatasetError:
    return DatasetError(
        f"{folder}: the store does not answer as it should ({_said(error)}). Check the URL, the credentials and the "
        "endpoint, then run the same command again: it goes on where it stopped."
    )


def _said(error: Exception) -> str:
    return printable(" ".join(str(error).split()))[:200] or type(error).__name__


def _cause(error: Exception) -> Exception:
    """A ConnectionError in the place of what is one in all but its class."""
    names = {base.__name__ for base in type(error).__mro__}
    passing = names & {"HTTPClientError", "ConnectionError", "ClientConnectionError"}
    if passing or (isinstance(error, OSError) and error.errno in _PASSING):
        return ConnectionError(_said(error)).with_traceback(error.__traceback__)
    return error
