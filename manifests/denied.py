"""Lists of images that must not be used: sha256, md5 or perceptual hashes, one a line."""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from fsspec.core import url_to_fs

from manifests import canonical
from manifests.errors import DatasetError, RejectedItem
from manifests.near_duplicates import NearDuplicates
from manifests.records import Reason

_HASH = re.compile(r"(?:[0-9a-fA-F]{16}){1,2}|[0-9a-fA-F]{64}")
_PERCEPTUAL = 16


class DenyList:
    """What must not be used.

    Attributes:
        digests: sha256 and md5 of files, in hexadecimal.

    Args:
        hashes: of 16 hex digits (perceptual), 32 (md5) or 64 (sha256).
        radius: bits within which a perceptual hash counts as listed.
    """

    def __init__(self, hashes: Sequence[str], radius: int) -> None:
        self.digests = frozenset(entry for entry in hashes if len(entry) > _PERCEPTUAL)
        self._alike = NearDuplicates(radius)
        for entry in sorted({entry for entry in hashes if len(entry) == _PERCEPTUAL}):
            self._alike.add(entry, int(entry, 16))

    def check_file(self, data: bytes, sha256: str) -> None:
        """Refuse a listed file.

        Raises:
            RejectedItem: `denied`.
        """
        if not self.digests:
            return
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        for name, digest in (("sha256", sha256), ("md5", md5)):
            if digest in self.digests:
                raise RejectedItem(Reason.DENIED, f"its {name} {digest} is on the deny-list")

    def check_picture(self, phash: str, what: str = "the image") -> None:
        """Refuse what looks like a listed picture.

        Args:
            phash: the picture's perceptual hash, 16 hex digits.
            what: what is looked at, for the reject.

        Raises:
            RejectedItem: `denied`.
        """
        if alike := self._alike.neighbours(int(phash, 16)):
            raise RejectedItem(Reason.DENIED, f"{what} looks like {alike[0]} on the deny-list")


def deny_digest(urls: Sequence[str]) -> str:
    """Digest of what the lists hold, read without being checked; empty without lists.

    Raises:
        DatasetError: a list is missing.
    """
    return canonical.digest([hashlib.sha256(_read(url)).hexdigest() for url in urls]) if urls else ""


def read_denied(urls: Sequence[str], radius: int) -> DenyList:
    """Read lists; empty lines and lines that begin with `#` say nothing.

    Args:
        urls: paths or fsspec URLs.
        radius: bits within which a perceptual hash counts as listed, 0 to 15.

    Raises:
        DatasetError: a list is missing, or a line of it is no such hash; the message names it.
    """
    return _parsed(tuple((url, _read(url)) for url in urls), radius)


@lru_cache(maxsize=1)
def _parsed(lists: tuple[tuple[str, bytes], ...], radius: int) -> DenyList:
    """Parsed once a process: each chunk of a build asks for them."""
    return DenyList([entry for url, data in lists for entry in _entries(url, data)], radius)


def _read(url: str) -> bytes:
    return _fetched(url) if "://" in url else _content(url)


@lru_cache(maxsize=16)
def _fetched(url: str) -> bytes:
    """A list from elsewhere, fetched once a process: a list that changes under way would be several lists."""
    return _content(url)


def _content(url: str) -> bytes:
    try:
        fs, path = url_to_fs(url)
        return bytes(fs.cat_file(path))
    except (OSError, ValueError, ImportError) as error:
        raise DatasetError(
            f"{url}: no deny-list can be read here (`screen.deny`). Give a text file of hashes, one a line."
        ) from error


def _entries(url: str, data: bytes) -> list[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{url}: not UTF-8 text. Give a text file of hashes, one a line.") from error
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if entry and _HASH.fullmatch(entry) is None:
            raise DatasetError(
                f"{url}, line {number}: {entry!r:.80} is no hash; expected 64 hex digits (sha256), 32 (md5) or 16 "
                "(perceptual hash)."
            )
        if entry:
            entries.append(entry.lower())
    return entries
