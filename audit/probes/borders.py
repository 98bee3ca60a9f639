"""borders: constant rings and letterboxes on one side more often than on the other."""

import numpy as np

from audit.config import AuditConfig
from audit.importance import distribution
from audit.parts import Part
from audit.probe import Estimate, Scored, estimate_auc, verdict
from audit.remedies import remedy
from audit.report import Feature, Kind, Probe

LIMIT = 0.52
"""An AUC of one yes-or-no feature is 0.5 and half the difference of the shares: four images in a hundred."""

_EXAMPLES = 8


def borders_probe(part: Part, config: AuditConfig, kind: Kind) -> Probe:
    """Compare the shares of images with a constant border; more of them on either side fails the set."""
    template = Probe(
        name="borders",
        subject=part.subject,
        view=part.view,
        generator=part.generator,
        source=part.source,
        verdict="too-few",
        gate=True,
        pairs=part.pairs,
        detail="too few images",
    )
    if part.pairs < 2 * config.folds:
        return template
    bordered = np.array([image.bordered for image in part.images], dtype=np.float64)
    shares = [float(bordered[part.labels == label].mean()) for label in (0, 1)]
    # whichever side has more of them is the one that is told by them
    direction = 1.0 if shares[1] >= shares[0] else -1.0
    one_fold = np.zeros(len(bordered), dtype=np.intp)
    scored = Scored(direction * bordered, part.labels, part.groups, one_fold)
    estimate = estimate_auc(scored, draws=config.bootstrap_draws, seed=config.seed)
    alone = estimate.auc if direction > 0 else 1 - estimate.auc
    found = verdict(estimate, LIMIT)
    return template.model_copy(
        update={
            "verdict": found,
            "classifier": "share of images",
            "value": estimate.auc,
            "low": estimate.low,
            "high": estimate.high,
            "limit": LIMIT,
            "top_features": (
                Feature(name="constant_border", auc=alone, distribution=distribution(bordered, part.labels)),
            ),
            "items": _examples(part, estimate),
            "detail": f"a constant border lies round {shares[0]:.1%} of the reals and {shares[1]:.1%} of the fakes",
            "remedy": remedy("borders", "", kind) if found in ("fail", "warn") else "",
        }
    )


def _examples(part: Part, estimate: Estimate) -> tuple[str, ...]:
    if estimate.auc <= LIMIT:
        return ()
    return tuple(image.tag.name for image in part.images if image.bordered)[:_EXAMPLES]
