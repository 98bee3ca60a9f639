"""Ctrl-C stops at once.

What is on disk is whole at any moment, so nothing has to be waited for: neither the chunk that is being made nor the
threads that Prefect would join. Only the processes that were started are told to end.
"""

import contextlib
import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 130
_SHOW_CURSOR = "\x1b[?25h"


def stop_at_once_on_interrupt() -> None:
    """From here on, SIGINT ends this process and its children with one line and exit code 130."""
    signal.signal(signal.SIGINT, _stop)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    import psutil

    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    sys.stderr.write(f"{cursor}stopped. Run the same command again to go on where it stopped.\n")
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.terminate()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(_INTERRUPTED)
