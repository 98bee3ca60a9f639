"""text: captions that give the label away."""

from collections.abc import Iterator

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from audit.config import AuditConfig
from audit.evidence import Evidence
from audit.families import Rule
from audit.learnt import is_enough, learnt
from audit.parts import numbered
from audit.report import Probe

_RULE = Rule(0.6, "fail")
_MOST_FEATURES = 300
_LONGEST = 500


def text_probe(evidence: Evidence, config: AuditConfig) -> Iterator[Probe]:
    """How well the captions of an unpaired set tell its labels, by TF-IDF of n-grams of 2 to 5 characters.

    The 300 most frequent n-grams are counted, a caption's end being marked by a line break; equal captions stay in
    one fold. In a set of pairs a caption belongs to both members, and nothing is asked. Where either class has no
    captions there is nothing to compare.
    """
    captioned = [image for image in evidence.measured if image.tag.caption.strip()]
    labels = np.array([image.tag.label for image in captioned], dtype=np.int8)
    texts = [f"\n{image.tag.caption.strip().lower()[:_LONGEST]}\n" for image in captioned]
    groups = numbered(texts)
    if evidence.kind == "paired" or len(set(labels.tolist())) < 2:
        return
    if not is_enough(labels, groups, config):
        # one class has a handful of captions only: each image for itself
        groups = np.arange(len(texts))
    if not is_enough(labels, groups, config):
        return
    vectoriser = TfidfVectorizer(analyzer="char", ngram_range=(2, 5), max_features=_MOST_FEATURES)
    counted = np.asarray(vectoriser.fit_transform(texts).todense(), dtype=np.float32)
    pieces = vectoriser.get_feature_names_out().tolist()
    # of n-grams that tell alike the longest is named
    order = sorted(range(len(pieces)), key=lambda index: (-len(pieces[index]), pieces[index]))
    columns = tuple(f"text_{pieces[index]!r}" for index in order)
    template = Probe(name="text", verdict="reported", gate=True, pairs=int(min(labels.sum(), (1 - labels).sum())))
    yield from learnt(
        template,
        (counted[:, order], columns),
        labels,
        groups,
        config,
        rule=_RULE,
        kind=evidence.kind,
        words="captions",
        names=[image.tag.name for image in captioned],
        classifiers=("logistic regression",),
    )
