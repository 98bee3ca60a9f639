"""Captions against re-captions: text with text, where no model puts texts and images into one space."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from audit.config import AuditConfig
from audit.evidence import REAL
from audit.match import FEWEST_PAIRS, compared
from audit.recaption import WORD, Recaptions
from audit.report import Match, MatchKind


def text_matches(found: Sequence[Recaptions], captioner: str, config: AuditConfig) -> Iterator[Match]:
    """How alike a pair's caption and the re-caption of each member are, by view; pairs without a caption are left out.

    A text's vector holds the TF-IDF weights of its words and pairs of words, counted over all captions and re-captions
    of the view; the similarity is the cosine. What the captioner does not name is not compared.

    Args:
        found: captions and re-captions.
        captioner: who gave the re-captions.
        config: the seed.
    """
    views: dict[str, list[Recaptions]] = defaultdict(list)
    for pair in found:
        if pair.caption:
            views[pair.view].append(pair)
    for view, pairs in sorted(views.items()):
        if any(character.isalnum() for pair in pairs for character in pair.caption):
            yield from _of_view(view, pairs, f"words of captions, re-captioned by {captioner}", config)


def _of_view(view: str, pairs: Sequence[Recaptions], name: str, config: AuditConfig) -> Iterator[Match]:
    vectoriser = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), dtype=np.float32)
    vectoriser.fit([text for pair in pairs for text in (pair.caption, *pair.texts.values())])
    members = sorted({member for pair in pairs for member in pair.texts}, key=lambda member: (member != REAL, member))
    for member in members:
        kind: MatchKind = "recaption-real" if member == REAL else "recaption-fake"
        here = [pair for pair in pairs if member in pair.texts]
        if len(here) < FEWEST_PAIRS:
            continue
        captions, again = [pair.caption for pair in here], [pair.texts[member] for pair in here]
        match = compared(
            (kind, "" if member == REAL else member, view),
            np.asarray(vectoriser.transform(captions).todense()),
            np.asarray(vectoriser.transform(again).todense()),
            embedder=name,
            seed=config.seed,
        )
        yield match.model_copy(update={"equal": sum(a == b for a, b in zip(captions, again, strict=True)) / len(here)})
