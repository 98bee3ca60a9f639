"""Opt-out headers: whether an answer's `X-Robots-Tag` forbids the use of the image that it carries."""

import re
from email.message import Message

_FORBIDDING = frozenset({"noai", "noimageai", "noimageindex", "noindex", "none"})  # `none` is `noindex, nofollow`
_WITH_A_VALUE = frozenset({"max-image-preview", "max-snippet", "max-video-preview", "unavailable_after"})
_PROGRAM = re.compile(r"[a-z0-9._*-]+")
_FOR_ALL = ("", "*")


def opts_out(headers: Message, token: str) -> bool:
    """Whether an answer forbids the use of its image, to all programs or to the one of this name.

    A line lists directives; a name with a colon says whom those behind it are for, up to the next name. Directives of
    search engines that have a value (`max-image-preview: large`) look alike, and are for nobody in particular.

    Args:
        headers: of the answer.
        token: the program's name, in small letters.
    """
    return any(_forbids(line.lower(), token) for line in headers.get_all("X-Robots-Tag", []))


def _forbids(line: str, token: str) -> bool:
    program = ""
    for entry in line.split(","):
        name, colon, rest = (part.strip() for part in entry.partition(":"))
        if name in _WITH_A_VALUE:
            continue
        directive = name
        if colon and _PROGRAM.fullmatch(name):
            program, directive = name, rest
        if directive in _FORBIDDING and program in (*_FOR_ALL, token):
            return True
    return False
