"""Serve the demo's world to those who rebuild its dataset: ``python -m demo runs/demo/world``."""

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from demo.server import DEMO_PORT, serve
from demo.world import write_world
from manifests.errors import TwinsetError

_PHOTOGRAPHS = 600  # as many as `twinset demo` renders


def main() -> None:
    """Render the world unless it is there, and serve it until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=main.__doc__)
    parser.add_argument("world", type=Path, help="the world's folder, e.g. runs/demo/world")
    parser.add_argument("--count", type=int, default=_PHOTOGRAPHS, help="photographs; default: %(default)s")
    parser.add_argument("--port", type=int, default=DEMO_PORT, help="0: any free port; default: %(default)s")
    arguments = parser.parse_args()
    try:
        write_world(arguments.world, arguments.count)
        with serve(arguments.world, arguments.port) as url, contextlib.suppress(KeyboardInterrupt):
            print(f"{arguments.world}: served at {url} until interrupted (Ctrl-C)", flush=True)
            signal.pause()
    except TwinsetError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
