"""The one measurement behind all learnt probes: can a classifier tell label 0 from label 1 by these features?"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from audit.config import AuditConfig
from audit.families import Rule
from audit.importance import measured, top_features
from audit.probe import CLASSIFIERS, Classifier, Estimate, Scored, estimate_auc
from audit.remedies import remedy
from audit.report import Feature, Kind, Probe

_ITEMS = 8


def too_few(template: Probe) -> Probe:
    """The probe where there is not enough to be measured."""
    return template.model_copy(update={"verdict": "too-few", "detail": "too few images"})


def is_enough(labels: NDArray[np.int8], groups: NDArray[np.intp], config: AuditConfig) -> bool:
    """Whether each class has images in enough groups to make folds of."""
    return all(len(np.unique(groups[labels == label])) >= 2 * config.folds for label in (0, 1))


def learnt(
    template: Probe,
    matrix: tuple[NDArray[np.float32], tuple[str, ...]],
    labels: NDArray[np.int8],
    groups: NDArray[np.intp],
    config: AuditConfig,
    *,
    rule: Rule,
    kind: Kind,
    words: str,
    names: Sequence[str] = (),
    classifiers: Sequence[Classifier] = CLASSIFIERS,
) -> Iterator[Probe]:
    """One probe a classifier.

    Args:
        template: name, part and number of pairs.
        matrix: features, shape (images, features), and their names.
        labels: 0 or 1, shape (images,).
        groups: numbers from 0, shape (images,); images of one number stay together.
        config: folds, draws and seed.
        rule: how the AUC is judged.
        kind: of set; the remedy depends on it.
        words: what the features are, for a person.
        names: of the images; those that were told most surely are named.
        classifiers: by what it is measured.
    """
    if not is_enough(labels, groups, config):
        yield too_few(template)
        return
    features, columns = matrix
    for classifier in classifiers:
        scored, importances = measured(classifier, features, labels, groups, folds=config.folds, seed=config.seed)
        estimate = estimate_auc(scored, draws=config.bootstrap_draws, seed=config.seed)
        telling = top_features(features, labels, columns, importances)
        verdict = rule.verdict(estimate)
        yield template.model_copy(
            update={
                "verdict": verdict,
                "classifier": classifier,
                "value": estimate.auc,
                "low": estimate.low,
                "high": estimate.high,
                "limit": rule.limit,
                "top_features": telling,
                "items": _surest(scored, names) if names else (),
                "detail": _detail(words, estimate, telling),
                "remedy": remedy(template.name, telling[0].name, kind) if verdict in ("fail", "warn") else "",
            }
        )


def _detail(words: str, estimate: Estimate, telling: Sequence[Feature]) -> str:
    by = f", most by {telling[0].name}" if estimate.low > 0.5 else ""
    return f"{words}: AUC {estimate.auc:.3f} ({estimate.low:.3f} to {estimate.high:.3f}){by}"


def _surest(scored: Scored, names: Sequence[str]) -> tuple[str, ...]:
    """The reals of the lowest scores and the fakes of the highest, half of each."""
    order = np.argsort(scored.scores, kind="stable")
    reals = [index for index in order if scored.labels[index] == 0][: _ITEMS // 2]
    fakes = [index for index in order[::-1] if scored.labels[index] == 1][: _ITEMS // 2]
    return tuple(names[index] for index in (*reals, *fakes))
