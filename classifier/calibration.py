"""From scores to probabilities: one temperature, fitted on validation, divides all logits.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. It changes no order and no decision.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

Floats = NDArray[np.float64]

_HOTTEST = 20.0
"""Temperatures are sought from its inverse to here: where all answers are right, none is the best."""

# the score of a float32 that is nearest to 1 without being 1
_NEAREST = 2.0**-24


def logits_of(scores: NDArray[np.floating]) -> Floats:
    """(n,): the logits that scores in [0, 1] are sigmoids of; finite, so scores of 0 and 1 count as nearly so."""
    found: Floats = logit(np.clip(scores.astype(np.float64), _NEAREST, 1 - _NEAREST))
    return found


def calibrated(logits: Floats, temperature: float) -> Floats:
    """(n,): probabilities of fake."""
    found: Floats = expit(logits / temperature)
    return found


def fit_temperature(logits: Floats, labels: NDArray[np.int8]) -> float:
    """The temperature under which the labels are likeliest.

    Args:
        logits: (n,): of fake.
        labels: (n,): 0 real, 1 fake.

    Returns:
        A number from 1/20 to 20.
    """
    signed = np.where(labels == 1, logits, -logits)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signed / np.exp(log_temperature)).mean())

    bound = float(np.log(_HOTTEST))
    return float(np.exp(minimize_scalar(loss, bounds=(-bound, bound), method="bounded").x))
