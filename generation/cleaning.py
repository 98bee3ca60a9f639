"""Captions as they are used in prompts and groups."""

import re

# BLIP's captioners were trained on bootstrapped captions and learnt a word that is none: "arafed", "araffe", "arafly" ...
_ARTEFACT = re.compile(r"\baraff?(?:e|ed|es|el|els|ic|ing|ly|y)?\b")
_LONGEST_PHRASE = 8
"""Words of a phrase of which a captioner may be caught in repeating it."""


def clean(text: str) -> str:
    """A caption in lower case, on one line, without BLIP's invented word, and nothing said twice in a row.

    The result may be empty. Cleaning a cleaned caption changes nothing.
    """
    words = _ARTEFACT.sub("", text.lower()).split()
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
