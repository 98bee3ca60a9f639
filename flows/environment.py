"""How Prefect is set up when nobody says otherwise: quiet, without telemetry, without a server of its own to keep.

Import this before prefect: it reads its settings once.
"""

import importlib.metadata
import os

from manifests.errors import TwinsetError

_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # a failed chunk is told in one line by the face; Prefect's own tracebacks are for PREFECT_LOGGING_LEVEL=DEBUG
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    "DASK_LOGGING__DISTRIBUTED": "critical",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
}

FORWARDED = (
    *_DEFAULTS,
    *("PREFECT_API_URL", "PREFECT_LOGGING_TO_API_ENABLED", "HF_HUB_OFFLINE"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
)
"""Variables that a cluster's workers have as this process has them: the number of threads decides the low bits of fakes."""


def prepare() -> None:
    """Set what is not set yet.

    Raises:
        TwinsetError: the `dataclasses` backport is installed, with which Prefect's server cannot start.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if not os.environ.get("PREFECT_API_URL"):
        os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    # asked of the installer's records: the import system still finds Python's own here, but not in Prefect's server
    if any(importlib.metadata.distributions(name="dataclasses")):
        raise TwinsetError(
            "the package `dataclasses` (a backport for Python 3.6) hides Python's own module, and Prefect cannot start: "
            "run `pip uninstall dataclasses`."
        )
