"""The machine: Python, disk, and how many files a process may open."""

import importlib.metadata
import resource
import shutil
import sys
from pathlib import Path

from flows.doctor.findings import Finding, missing, ok, warning

_PYTHONS = ((3, 11), (3, 12))
_LEAST_FREE = 20 * 10**9
"""Bytes: the models of a common recipe (BLIP and one Stable Diffusion) take some 10 GB, and a dataset comes on top."""
_LEAST_FILES = 1024


def check_python() -> Finding:
    """Whether twinset runs on this Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] in _PYTHONS:
        return ok("python", version)
    return missing("python", version, "install Python 3.11 or 3.12")


def check_backport() -> Finding:
    """Whether Python's own `dataclasses` is what Prefect will import: img2dataset asks for a backport of it."""
    name = "dataclasses"
    # asked of the installer's records: the import system still finds Python's own here, but not in Prefect's server
    if any(importlib.metadata.distributions(name=name)):
        return missing(name, "the backport for Python 3.6 hides Python's own module", "pip uninstall dataclasses")
    return ok(name, "Python's own")


def check_disk(folder: Path, needed: int | None = None) -> Finding:
    """Whether there is room for a build.

    Args:
        folder: on the disk that is meant.
        needed: bytes that a recipe's build takes; None where that is not known.
    """
    from rich.filesize import decimal

    free = shutil.disk_usage(folder).free
    found = f"{decimal(free)} free here"
    if needed is not None:
        found = f"{found}; the recipe takes about {decimal(needed)}"
        if needed > free:
            return missing("disk", found, "free some space, or start where there is more")
    elif free < _LEAST_FREE:
        return warning("disk", found, f"models and datasets want {decimal(_LEAST_FREE)} or more; set HF_HOME elsewhere")
    return ok("disk", found)


def check_open_files() -> Finding:
    """How many files a process may have open: readers, downloads and Prefect's server have many."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return ok("open files", "no limit")
    if allowed < _LEAST_FILES:
        return warning("open files", f"{allowed} a process", f"ulimit -n {4 * _LEAST_FILES}")
    return ok("open files", f"{allowed} a process")
