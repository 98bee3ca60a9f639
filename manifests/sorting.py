"""Lines put into the order of their keys, however many they are: what memory should not hold waits on this machine's disk."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

_HELD = 1 << 26
"""Bytes of lines that are held before they are put on the disk."""
_DIGITS = 2
"""Hex digits of a key by which lines are put aside: 256 parts of about the same size, sorted one by one."""


class SortedLines:
    """Lines by hexadecimal keys that are spread evenly, as digests are. To be used as a context: at its end they are gone."""

    def __init__(self) -> None:
        self._parts: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        self._held = 0
        self._folder: Path | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, key: str, line: bytes) -> None:
        """Put a line aside; it holds no line feed."""
        self._parts[key[:_DIGITS]].append((key, line))
        self._held += len(line)
        if self._held > _HELD:
            self._put_down()

    def __iter__(self) -> Iterator[bytes]:
        """The lines in the order of their keys; those of one key in the order in which they came."""
        if self._folder is not None:
            self._put_down()
        names = self._parts if self._folder is None else (path.name for path in self._folder.iterdir())
        for name in sorted(names):
            entries = self._parts[name] if self._folder is None else _entries(self._folder / name)
            yield from (line for _, line in sorted(entries, key=lambda entry: entry[0]))

    def _put_down(self) -> None:
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="twinset-")))
        for name, entries in self._parts.items():
            with (self._folder / name).open("ab") as stream:
                stream.writelines(b"%b %b\n" % (key.encode(), line) for key, line in entries)
        self._parts.clear()
        self._held = 0


def _entries(path: Path) -> list[tuple[str, bytes]]:
    with path.open("rb") as stream:
        pairs = (line.rstrip(b"\n").split(b" ", 1) for line in stream)
        return [(key.decode(), line) for key, line in pairs]
