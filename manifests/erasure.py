"""Erasing images from the chunk store: zeros take the place of their bytes, so that all other bytes stay where they are."""

import re
import tarfile
from collections.abc import Collection
from typing import IO

from manifests.storage import Folder

_KEY = re.compile(r"[0-9a-f]{16}(?![0-9a-f])")


def erase(work: Folder, keys: Collection[str]) -> int:
    """Overwrite with zeros whatever was stored under a real's key, in all stages: its bytes, its windows, its fakes.

    Doing it again does nothing. A chunk's tar names each entry by the key or by the pair's id, which begins with it.

    Args:
        work: the folder of the chunk store.
        keys: keys of the reals.

    Returns:
        Number of entries erased.
    """
    if not keys:
        return 0
    return sum(_erase_from(work, name, keys) for name in work.files() if name.endswith(".tar"))


def _erase_from(work: Folder, name: str, keys: Collection[str]) -> int:
    with work.open(name) as stream:
        places = _places(stream, keys)
    if not places:
        return 0
    if work.is_local:
        with open(work.path(name), "r+b") as stream:  # noqa: PTH123 - fsspec paths are strings
            for offset, size in places:
                stream.seek(offset)
                stream.write(bytes(size))
    else:
        data = bytearray(work.read(name))
        for offset, size in places:
            data[offset : offset + size] = bytes(size)
        work.write(name, bytes(data))
    return len(places)


def _places(stream: IO[bytes], keys: Collection[str]) -> list[tuple[int, int]]:
    """Offset and size of the entries that are to be erased and hold something yet."""
    places = []
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        for info in tar:
            key = _KEY.match(info.name)
            if key is not None and key[0] in keys and _holds_something(tar, info):
                places.append((info.offset_data, info.size))
    return places


def _holds_something(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bool:
    content = tar.extractfile(info)
    return content is not None and any(content.read())
