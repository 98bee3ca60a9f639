"""From a licence as a source names it to what may be done with the pixels."""

import re

from manifests.records import Terms

_OPEN = re.compile(
    r"creativecommons\.org/(licenses/by(-sa)?/|publicdomain/)|^cc0|^cc[- ]by([- ]sa)?([- ]\d|$)|^(mit|apache-2\.0|bsd-[23]-clause|public domain)$"
    r"|flickr\.com/commons/usage|usa\.gov/copyright|us[- ]government",
    re.IGNORECASE,
)
_LIMITED = re.compile(
    r"creativecommons\.org/licenses/by-n|^cc[- ]by[- ]n|non-?commercial|research|no ?deriv", re.IGNORECASE
)


def terms_of(license_name: str) -> Terms:
    """What a licence allows to be done with the pixels of an image that is cropped, resized and published.

    Licences that forbid commercial use or changes count as `research-only`; names that say nothing, as `unknown`.

    Args:
        license_name: a URL, an SPDX-like name, or a source's own words.
    """
    text = license_name.strip()
    if _LIMITED.search(text):
        return "research-only"
    return "open" if _OPEN.search(text) else "unknown"
