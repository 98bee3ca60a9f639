"""Licences by the names that Hubs and other machines know: from a URL or a source's own words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/licenses/(?P<kind>by(?:-nc)?(?:-nd|-sa)?)/(?P<version>\d\.\d)(?:/[a-z/.]*)?$", re.IGNORECASE
)
_PUBLIC_DOMAIN = re.compile(r"creativecommons\.org/publicdomain/(?P<kind>zero|mark)/1\.0(?:/[a-z/.]*)?$", re.IGNORECASE)
_SHORT = re.compile(r"cc[- ](?P<kind>by(?:[- ]nc)?(?:[- ](?:nd|sa))?)[- ](?P<version>\d\.\d)$", re.IGNORECASE)

# identifiers that the Hub takes as `license`, by what people write; each names one text
_NAMES = {
    "afl-3.0": "afl-3.0",
    "apache 2.0": "apache-2.0",
    "apache-2.0": "apache-2.0",
    "bigscience-openrail-m": "bigscience-openrail-m",
    "bsd-2-clause": "bsd-2-clause",
    "bsd-3-clause": "bsd-3-clause",
    "cc0": "cc0-1.0",
    "cc0-1.0": "cc0-1.0",
    "creativeml openrail m": "creativeml-openrail-m",
    "creativeml openrail-m": "creativeml-openrail-m",
    "creativeml-openrail-m": "creativeml-openrail-m",
    "gpl-3.0": "gpl-3.0",
    "mit": "mit",
    "odc-by": "odc-by",
    "openrail": "openrail",
    "openrail++": "openrail++",
    "unlicense": "unlicense",
}
_HUB_CREATIVE_COMMONS = re.compile(
    r"cc-by(-sa|-nc|-nc-sa|-nc-nd)?-(2\.0|3\.0|4\.0)|cc-by-nd-4\.0|cc-by-(2\.5)|cc-by-nc-sa-2\.0"
)


@dataclass(frozen=True)
class License:
    """One licence.

    Attributes:
        text: as the source or the recipe gives it.
        name: the short name of one licence text, in small letters (`cc-by-2.0`, `mit`); empty where the words name none.
        url: where its text can be read; empty where that is not known.
    """

    text: str
    name: str
    url: str


def resolve(text: str) -> License:
    """The licence that a URL or a name means."""
    words = text.strip()
    if found := _CREATIVE_COMMONS.search(words) or _SHORT.fullmatch(words):
        kind = found["kind"].lower().replace(" ", "-")
        return License(
            text, f"cc-{kind}-{found['version']}", f"https://creativecommons.org/licenses/{kind}/{found['version']}/"
        )
    if found := _PUBLIC_DOMAIN.search(words):
        name = "cc0-1.0" if found["kind"].lower() == "zero" else "pdm-1.0"
        return License(text, name, f"https://creativecommons.org/publicdomain/{found['kind'].lower()}/1.0/")
    if name := _NAMES.get(words.lower(), ""):
        url = "https://creativecommons.org/publicdomain/zero/1.0/" if name == "cc0-1.0" else ""
        return License(text, name, url)
    return License(text, "", words if words.startswith(("http://", "https://")) and words.isprintable() else "")


def of_the_whole(texts: Iterable[str]) -> str:
    """The Hub's identifier for a set of several parts: theirs where all have the same, else `other`; empty for no parts."""
    names = {resolve(text).name for text in texts}
    if not names:
        return ""
    name = names.pop()
    known = name in _NAMES.values() or _HUB_CREATIVE_COMMONS.fullmatch(name)
    return name if known and not names else "other"
