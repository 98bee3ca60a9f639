"""Captions as they are used in prompts and groups."""

import re

# BLIP's captioners were trained on bootstrapped captions and learnt a word that is none: "arafed", "araffe", "arafly" ...
_ARTEFACT = re.compile(r"\baraff?(?:e|ed|es|el|els|ic|ing|ly|y)?\b")
_REPETITION = re.compile(r"\b(\w+)(?: \1\b)+")


def clean(text: str) -> str:
    """A caption in lower case, on one line, without BLIP's invented word and without a word said twice in a row.

    The result may be empty. Cleaning a cleaned caption changes nothing.
    """
    words = _ARTEFACT.sub("", text.lower()).split()
    return _REPETITION.sub(r"\1", " ".join(words))
