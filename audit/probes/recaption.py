"""recaption: whether what a captioner says of the fakes differs from what it says of their reals (semantic drift)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from audit.config import AuditConfig
from audit.evidence import REAL
from audit.families import REPORTED
from audit.learnt import learnt
from audit.parts import numbered
from audit.recaption import WORD, NoRecaptioner, Recaptions
from audit.report import Probe

_MOSTWORDS = 300


def recaption_probes(found: Sequence[Recaptions], config: AuditConfig) -> Iterator[Probe]:
    """How well the re-captions of fakes are told from those of their reals, by view and generator; reported only.

    The features are TF-IDF of the 300 most frequent words and pairs of words. Both members of a pair are held out
    together, so that an AUC of 0.5 means: by its words nobody can say which of the two was generated.
    """
    parts: dict[tuple[str, str], list[Recaptions]] = defaultdict(list)
    for pair in found:
        for generator in pair.texts:
            if generator != REAL:
                parts[pair.view, generator].append(pair)
    for (view, generator), pairs in sorted(parts.items()):
        yield from _probe(view, generator, pairs, config)


def missing_recaptions(missing: NoRecaptioner) -> Probe:
    """What the report says where nobody was asked for captions again."""
    return Probe(name="recaption", verdict="reported", pairs=0, detail=f"re-captions were left out: {missing.reason}")


def _probe(view: str, generator: str, pairs: Sequence[Recaptions], config: AuditConfig) -> Iterator[Probe]:
    members = [(pair, name) for pair in pairs for name in (REAL, generator)]
    template = Probe(
        name="recaption",
        subject=", ".join(name for name in (view, generator) if name),
        view=view,
        generator=generator,
        verdict="reported",
        pairs=len(pairs),
    )
    probes = learnt(
        template,
        _words([pair.texts[name] for pair, name in members]),
        np.tile(np.array([0, 1], dtype=np.int8), len(pairs)),
        numbered([pair.pair for pair, _ in members]),
        config,
        rule=REPORTED,
        kind="paired",
        words="words of re-captions",
        names=[f"{pair.pair}/{name}" for pair, name in members],
        classifiers=("logistic regression",),
    )
    for probe in probes:
        yield probe.model_copy(update={"detail": f"{probe.detail}; {_came_back(pairs, generator)}"})


def _words(texts: Sequence[str]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Features, shape (texts, words), and their names; one empty feature where no text holds a word."""
    vectoriser = TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), max_features=_MOSTWORDS)
    try:
        counted = np.asarray(vectoriser.fit_transform(texts).todense(), dtype=np.float32)
    except ValueError:  # an empty vocabulary
        return np.zeros((len(texts), 1), dtype=np.float32), ("word_none",)
    return counted, tuple(f"word_{word!r}" for word in vectoriser.get_feature_names_out())


def _came_back(pairs: Sequence[Recaptions], generator: str) -> str:
    captioned = [pair for pair in pairs if pair.caption]
    if not captioned:
        return "the pairs have no captions to compare with"
    real, fake = (
        sum(pair.texts[name] == pair.caption for pair in captioned) / len(captioned) for name in (REAL, generator)
    )
    return f"the pair's own caption comes back for {real:.1%} of the reals and {fake:.1%} of the fakes"
