"""Detectors side by side: what each is compared by, and the ensemble of them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from classifier.calibration import logits_of
from classifier.detector import Detector

ENSEMBLE = "ensemble"
BASELINES = ("cnndetection", "univfd", "npr")
"""Public detectors whose published checkpoints `classifier.baselines` loads."""

Floats = NDArray[np.float64]
Origin = Literal["validation", "published"]


class Scorer(Protocol):
    """What gives images the logits of "fake"."""

    def logits(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """(n,), of (H, W, 3) uint8 RGB images that are large enough."""
        ...


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a detector's logits become decisions, and what it is known to have learnt from.

    Attributes:
        name: what it is called beside the others.
        kind: `twinset`, `checkpoint` (somebody else's weights), a public baseline's name, or `ensemble`.
        threshold: a sigmoid of a logit above it means fake.
        threshold_from: `validation`, or `published` where no validation of ours chose it.
        temperature: of its calibrated probabilities.
        dataset: what it was trained on; empty where that is not known.
        generators, sources: of its training images; None where they are not known.
    """

    name: str
    kind: str
    threshold: float = 0.5
    threshold_from: Origin = "published"
    temperature: float = 1.0
    dataset: str = ""
    generators: frozenset[str] | None = None
    sources: frozenset[str] | None = None


@dataclass(frozen=True)
class Candidate:
    """A detector that is evaluated.

    Attributes:
        standing: what is known of it.
        scorer: what answers.
        smallest_side: shortest side of an image that it takes, pixels.
    """

    standing: Standing
    scorer: Scorer
    smallest_side: int

    @classmethod
    def of_detector(cls, name: str, detector: Detector) -> "Candidate":
        """A detector that was trained here, or the checkpoint of one that was trained elsewhere."""
        config = detector.config
        standing = Standing(
            name=name,
            kind="twinset" if config.run else "checkpoint",
            threshold=config.threshold,
            # a published checkpoint was trained elsewhere: nothing here chose its threshold
            threshold_from="validation" if config.run else "published",
            temperature=config.temperature,
            dataset=config.dataset_name,
            generators=frozenset(config.generators) or None,
            sources=frozenset(config.sources) or None,
        )
        # what is resized first may have any size
        return cls(standing, detector, config.image_size if config.fit == "crop" else 1)


def ensemble(members: Sequence[Standing]) -> Standing:
    """The standing of the mean of the members' calibrated logits.

    Its threshold is the mean of the members' own, each in its calibrated logits; nothing is fitted again.
    """
    cuts = [float(logits_of(np.array([member.threshold]))[0]) / member.temperature for member in members]
    return Standing(
        name=ENSEMBLE,
        kind=ENSEMBLE,
        threshold=float(expit(np.mean(cuts))),
        threshold_from="validation" if all(m.threshold_from == "validation" for m in members) else "published",
        dataset=", ".join(dict.fromkeys(member.dataset for member in members if member.dataset)),
        generators=_union([member.generators for member in members]),
        sources=_union([member.sources for member in members]),
    )


def ensemble_logits(members: Sequence[Standing], logits: Mapping[str, Floats]) -> Floats:
    """(n,): the mean of the members' logits, each divided by its temperature."""
    mean: Floats = np.mean([logits[member.name] / member.temperature for member in members], axis=0)
    return mean


def _union(sets: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    """Unknown as soon as one is unknown."""
    known = [names for names in sets if names is not None]
    return frozenset().union(*known) if len(known) == len(sets) else None
