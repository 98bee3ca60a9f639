"""A file that one process at a time holds; the system lets go of it when the process ends, however that comes about."""

import fcntl
import os
from pathlib import Path


def open_locked(path: Path) -> int | None:
    """Lock a file, which is made where there is none.

    Args:
        path: on this machine's disk; its folder must be there. Who removes the file does so before closing it.

    Returns:
        The file's descriptor: closing it ends the lock. None where another process holds it.

    Raises:
        OSError: the file cannot be made.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # not flock: what this process forks would hold that on after its death
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)  # its owner has removed it in between
