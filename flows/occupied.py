"""One process at a time works in a build's folder.

On a disk a lock of the system's keeps the others out; it ends with its process, however that ends. An object store has no
locks: there a small file, the lease, says who works, and is written again and again while somebody does. A lease that
stays as it is was left by a run that was killed. No clock is compared with another.
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from pydantic import ValidationError

from manifests import canonical
from manifests.errors import DatasetError
from manifests.locks import open_locked
from manifests.records import Record
from manifests.storage import Folder
from manifests.storage_errors import explained_on_disk

_LOCK = "work/.lock"
_LEASE = "work/lease.json"
MARKS = frozenset({_LOCK, _LEASE})
"""Files that say nothing but that somebody works here."""

RENEWAL = 20.0
"""Seconds between two renewals of a lease."""
PATIENCE = 65.0
"""Seconds for which a lease may stay as it is before it is taken for one that was left behind."""

_log = logging.getLogger(__name__)
_held: set[str] = set()
os.register_at_fork(after_in_child=_held.clear)


class Lease(Record):
    """Who works in a folder.

    Attributes:
        owner: drawn for this run.
        machine: its name, and which of its process tables `pid` is of.
        pid: the process.
        renewals: how often the lease has been renewed.
    """

    owner: str
    machine: str
    pid: int
    renewals: int = 0


@contextmanager
def occupied(folder: Folder) -> Iterator[None]:
    """Keep other processes out of a build's folder. What runs in this process inside such a block may ask again.

    Args:
        folder: the build's folder; it need not exist yet.

    Raises:
        DatasetError: another process works there, or the folder cannot be written.
    """
    place = str(folder)
    if place in _held:
        yield
        return
    with _locked(folder) if folder.is_local else _leased(folder):
        _held.add(place)
        try:
            yield
        finally:
            _held.discard(place)


@contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    path = Path(folder.path(_LOCK))
    is_new = not path.parents[1].exists()
    with explained_on_disk(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_locked(path)
    if descriptor is None:
        raise DatasetError(_busy(folder))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # a folder that was refused stays as it was; one that holds something stays
            path.parent.rmdir()
            if is_new:
                path.parents[1].rmdir()
        os.close(descriptor)


@contextmanager
def _leased(folder: Folder) -> Iterator[None]:
    mine = Lease(owner=secrets.token_hex(8), machine=_machine(), pid=os.getpid())
    _take(folder, mine)
    stop = threading.Event()
    renewing = threading.Thread(target=_renew, args=(folder, mine, stop), name="lease", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        stop.set()
        renewing.join()
        if _is_of(_read(folder), mine):
            folder.remove(_LEASE)


def _take(folder: Folder, mine: Lease) -> None:
    """Write the lease where there is none, or where the one that is there is nobody's any more."""
    first: bytes | None = None
    since = time.monotonic()
    while not folder.claim(_LEASE, canonical.dumps(mine)):
        found = _read(folder)
        if found is None:
            continue
        if _is_left_behind(found) or (found == first and time.monotonic() - since > PATIENCE):
            folder.remove(_LEASE)
            continue
        if first is None:
            first = found
            _log.warning("%s: there is a lease; looking for up to %.0f s whether its owner lives", folder, PATIENCE)
        if found != first:
            raise DatasetError(_busy(folder))
        time.sleep(RENEWAL / 10)


def _renew(folder: Folder, mine: Lease, stop: threading.Event) -> None:
    """Write the lease again and again; ends where another run has taken it, which harms nothing: both make the same bytes."""
    renewals = 0
    while not stop.wait(RENEWAL):
        renewals += 1
        try:
            if not _is_of(_read(folder), mine):
                _log.warning("%s: another run has taken this folder over", folder)
                return
            folder.write(_LEASE, canonical.dumps(mine.model_copy(update={"renewals": renewals})))
        except DatasetError as error:  # the run itself will meet it where it matters
            _log.warning("%s", error)


def _read(folder: Folder) -> bytes | None:
    try:
        return folder.read(_LEASE)
    except FileNotFoundError:
        return None


def _parsed(data: bytes) -> Lease | None:
    try:
        return Lease.model_validate_json(data)
    except ValidationError:
        return None


def _is_of(data: bytes | None, mine: Lease) -> bool:
    found = _parsed(data) if data is not None else None
    return found is not None and found.owner == mine.owner


def _is_left_behind(data: bytes) -> bool:
    """Whether a lease is that of a process of this machine which is gone."""
    found = _parsed(data)
    return found is not None and found.machine == _machine() and not psutil.pid_exists(found.pid)


def _machine() -> str:
    table = Path("/proc/self/ns/pid")  # containers of one machine may share its name, but not its processes
    return f"{socket.gethostname()} {table.readlink().name if table.is_symlink() else ''}".strip()


def _busy(folder: Folder) -> str:
    return f"{folder}: another twinset works in this folder. Wait until it has ended, or choose another --out."
