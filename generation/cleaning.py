"""Captions as they are used in prompts and groups."""

import re

# BLIP's captioners were trained on bootstrapped captions and learnt a word that is none: "arafed", "araffe", "arafly" ...
# What sets it apart from the words behind it goes with it.
_ARTEFACT = re.compile(r"\baraff?(?:e|ed|es|el|els|ic|ing|ly|y)?\b(?:\s*[,;:.!?-]+)?")
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2800"
    # what Unicode calls default ignorable (DerivedCoreProperties.txt)
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""A word of which nothing is seen: controls, blanks, and characters that only say how others are drawn."""
_LONGEST_PHRASE = 8
"""Words of a phrase of which a captioner may be caught in repeating it."""


def clean(text: str) -> str:
    """A caption in lower case, on one line, without BLIP's invented word or unseen ones, and nothing said twice in a row.

    The result may be empty. Cleaning a cleaned caption changes nothing.
    """
    words = [word for word in _ARTEFACT.sub("", text.lower()).split() if not _INVISIBLE.fullmatch(word)]
    while (said_once := _without_repetition(words)) != words:
        words = said_once
    return " ".join(words)


def _without_repetition(words: list[str]) -> list[str]:
    """Of each word or phrase that is said again at once, the first time only; shorter phrases go first."""
    kept = words
    for length in range(1, _LONGEST_PHRASE + 1):
        said: list[str] = []
        for word in kept:
            said.append(word)
            if said[-length:] == said[-2 * length : -length]:
                del said[-length:]
        kept = said
    return kept
