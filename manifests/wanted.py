"""Lists of what is to be taken down, one entry a line: pair ids, keys or source ids; URLs; domains; digests."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from fsspec.core import url_to_fs

from manifests.errors import DatasetError
from manifests.records import SourceImage
from manifests.tombstones import Tombstone

Kind = Literal["ids", "urls", "domains", "sha256"]

_SHAPES: dict[Kind, tuple[re.Pattern[str], str]] = {
    "ids": (re.compile(r".+"), "a pair id, a key or a source's own id"),
    "urls": (re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE), "a URL with its scheme"),
    "domains": (re.compile(r"(?:[^\s./:]+\.)+[^\s./:]+"), "a domain such as example.org, without scheme or path"),
    "sha256": (re.compile(r"[0-9a-fA-F]{64}"), "64 hex digits"),
}


@dataclass(frozen=True)
class Wanted:
    """What is to be taken down.

    Attributes:
        entries: what the lists say, as (kind, entry); domains and digests in lower case.
    """

    entries: frozenset[tuple[Kind, str]]

    def matches(self, real: SourceImage) -> set[tuple[Kind, str]]:
        """The entries that an image answers to; empty when it stays."""
        return _names(real) & self.entries


def read_wanted(lists: Iterable[tuple[Kind, str]]) -> Wanted:
    """Read lists; empty lines and lines that begin with `#` say nothing.

    Args:
        lists: kind, and path or fsspec URL.

    Raises:
        DatasetError: a list is missing, or a line of it is not what its kind asks for; or they name nothing.
    """
    entries = frozenset((kind, entry) for kind, url in lists for entry in _entries(kind, url))
    if not entries:
        raise DatasetError(
            "nothing is named to be taken down. Give --ids, --urls, --domains or --sha256 a file, one a line."
        )
    return Wanted(entries)


def tombstones_for(wanted: Wanted, reals: Iterable[SourceImage], reason: str) -> tuple[list[Tombstone], list[str]]:
    """The tombstones of all images that are wanted, and the entries that no image answers to.

    A digest gets a tombstone even where no such image is: it must not be used later either. With a real image go the
    fakes that its source pairs with it, which may have been made from it.

    Args:
        wanted: what is to be taken down.
        reals: all images that are there, existing fakes among them.
        reason: why, for `rejects.jsonl`.
    """
    tombstones: dict[str, Tombstone] = {}
    answered: set[tuple[Kind, str]] = set()
    lost_pairs: set[tuple[str, str]] = set()
    twins: dict[tuple[str, str], list[Tombstone]] = defaultdict(list)
    for real in reals:
        matched = wanted.matches(real)
        answered |= matched
        tombstone = Tombstone(
            sha256=real.sha256, key=real.key, reason=reason, source=real.source, source_id=real.source_id
        )
        if matched:
            tombstones[real.sha256] = tombstone
        if matched and real.is_real and real.pair:
            lost_pairs.add((real.source, real.pair))
        elif real.pair and not real.is_real:
            twins[real.source, real.pair].append(tombstone)
    tombstones |= {twin.sha256: twin for pair in sorted(lost_pairs) for twin in twins[pair]}
    for kind, entry in sorted(wanted.entries - answered):
        if kind == "sha256":
            tombstones[entry] = Tombstone(sha256=entry, key=entry[:16], reason=reason)
    return list(tombstones.values()), sorted(entry for _, entry in wanted.entries - answered)


def _names(real: SourceImage) -> set[tuple[Kind, str]]:
    """All that an image answers to, its pairs' ids apart."""
    names: set[tuple[Kind, str]] = {("ids", real.key), ("ids", real.source_id), ("sha256", real.sha256)}
    for url in filter(None, (real.url, real.landing_url)):
        names.add(("urls", url))
        names |= {("domains", domain) for domain in _domains(url)}
    return names


def _domains(url: str) -> list[str]:
    """A URL's host and all domains above it, the last label apart."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return []
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def _entries(kind: Kind, url: str) -> list[str]:
    try:
        fs, path = url_to_fs(url)
        text = bytes(fs.cat_file(path)).decode("utf-8-sig")
    except (OSError, ValueError, ImportError) as error:
        raise DatasetError(f"{url}: no list can be read here. Give a text file (UTF-8), one entry a line.") from error
    shape, expected = _SHAPES[kind]
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if shape.fullmatch(entry) is None:
            raise DatasetError(f"{url}, line {number}: {entry!r:.80} is not {expected}.")
        entries.append(_normal(kind, entry))
    return entries


def _normal(kind: Kind, entry: str) -> str:
    if kind == "ids":
        # all views of an image go with it: of a pair's id its key is enough
        key, dash, _ = entry.partition("-")
        return key if dash and re.fullmatch(r"[0-9a-f]{16}", key) else entry
    return entry.lower() if kind in ("domains", "sha256") else entry
