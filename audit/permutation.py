"""The permutation control: with the labels swapped at random within pairs, nothing may be found.

It judges the audit itself (folds, pairing, AUC), not the dataset: a harness that finds something in nothing finds it
everywhere.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.config import AuditConfig
from audit.probe import Scored, auc, grouped_folds
from audit.report import Probe

Floats = NDArray[np.float64]

# strength of the ridge penalty, in units of the mean square of the standardised features
_RIDGE = 10.0


def permutation_control(real: NDArray[np.float32], fake: NDArray[np.float32], config: AuditConfig) -> Probe:
    """Mean AUC over draws in which the labels of each pair are swapped or not, by the toss of a coin.

    The classifier is ridge regression on thumbnails: with folds fixed its scores are linear in the labels, so that all
    draws together cost one solution a fold.

    Args:
        real: thumbnails of the reals, shape (pairs, values).
        fake: thumbnails of one fake of each pair, the same shape and order.
        config: draws, folds, seed, and the largest distance of the mean from 0.5.
    """
    pairs = len(real)
    if pairs < 2 * config.folds:
        return _probe("too-few", pairs, None, config, "too few pairs to swap labels in")
    signs = np.random.default_rng(config.seed).choice((-1.0, 1.0), size=(pairs, config.permutation_draws))
    # rows: the first members, then the second members, of all pairs
    targets = np.concatenate([signs, -signs])
    groups = np.tile(np.arange(pairs), 2)
    folds = grouped_folds(groups, config.folds, config.seed)
    scores = _ridge_scores(np.concatenate([real, fake]).astype(np.float64), targets, folds)
    labels = (targets > 0).astype(np.int8)
    draws = range(config.permutation_draws)
    aucs = np.array([auc(Scored(scores[:, draw], labels[:, draw], groups, folds)) for draw in draws])
    mean, error = float(aucs.mean()), float(aucs.std(ddof=1) / np.sqrt(len(aucs)))
    interval = (mean - 1.96 * error, mean + 1.96 * error)
    distance = abs(mean - 0.5)
    if distance > config.permutation_limit and distance > 3 * error:
        detail = f"with swapped labels the mean AUC is {mean:.3f}, not 0.5"
        return _probe("fail", pairs, (mean, *interval), config, detail)
    if 3 * error > config.permutation_limit:
        return _probe("too-few", pairs, (mean, *interval), config, "too few pairs for the mean to be told from chance")
    return _probe("ok", pairs, (mean, *interval), config, "with swapped labels nothing is found")


def _ridge_scores(features: Floats, targets: Floats, folds: NDArray[np.intp]) -> Floats:
    """Cross-validated ridge scores, shape (images, draws): each image's by the folds that it is not in."""
    scores = np.zeros_like(targets)
    for fold in range(int(folds.max()) + 1):
        held_out = folds == fold
        training = features[~held_out]
        mean, deviation = training.mean(axis=0), training.std(axis=0) + 1e-6
        standard = (training - mean) / deviation
        gram = standard.T @ standard + _RIDGE * len(standard) * np.eye(features.shape[1])
        weights = np.linalg.solve(gram, standard.T @ targets[~held_out])
        scores[held_out] = ((features[held_out] - mean) / deviation) @ weights
    return scores


def _probe(
    verdict: Literal["ok", "fail", "too-few"],
    pairs: int,
    value: tuple[float, float, float] | None,
    config: AuditConfig,
    detail: str,
) -> Probe:
    mean, low, high = value or (None, None, None)
    return Probe(
        name="permutation",
        verdict=verdict,
        gate=True,
        classifier=f"ridge regression on thumbnails, {config.permutation_draws} draws",
        pairs=pairs,
        value=mean,
        low=low,
        high=high,
        limit=config.permutation_limit,
        detail=detail,
    )
