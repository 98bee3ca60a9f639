"""The null control: does the alignment itself leak?

The "fake" is a real's own content with its history erased: a large picture reduced at least four times. The real side
is the same content, encoded as photographs are, some of them twice. Both go through frame and align by the recipe's
own rules. Their content being equal, whatever tells them apart is a trace that alignment left.

Measured on 2,000 pairs of rendered scenes, gradient boosting and logistic regression: patch framing at 64 pixels 0.517
and 0.528, of which all comes from the photographs encoded twice; scene framing from 128 or more pixels to 48, 0.499 and
0.505. Where a scene is hardly reduced (by 1.1 to 1.3) logistic regression finds 0.55: the reals' quantisation noise.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import joblib
import numpy as np
from numpy.typing import NDArray

from audit.config import AuditConfig
from audit.dead_leaves import DeadLeaves
from audit.features import Features, matrix, pixel_features
from audit.levels import level_statistics
from audit.probe import (
    CLASSIFIERS,
    Estimate,
    Scored,
    control_verdict,
    cross_validated,
    estimate_auc,
    telling_features,
)
from audit.report import Probe
from manifests.errors import RejectedItem
from manifests.records import Encoding, JpegCoding, Subsampling
from manifests.seeds import fraction, seed
from pixels.align import History, align_pair, final_encoding
from pixels.arrays import Pixels
from pixels.config import AlignmentRules, ScreenRules, ViewRules
from pixels.decode import decode
from pixels.encode import encode, png
from pixels.frame import cut, plan_frame
from pixels.inspect import inspect
from pixels.jpeg import coded, jpeg_coding
from pixels.naive import naive_pair
from pixels.resize import resize

REDUCTION = 4
"""How many pixels of the picture, at least, stand for one of the content: it leaves no trace of an earlier JPEG."""

_SUBSAMPLINGS: tuple[Subsampling, ...] = ("4:4:4", "4:4:4", "4:4:4", "4:2:0")


def _coding(quality: int, subsampling: Subsampling) -> JpegCoding:
    grey = np.full((16, 16, 3), 128, dtype=np.uint8)
    return jpeg_coding(encode(grey, Encoding(quality=quality, subsampling=subsampling)))


PHOTOGRAPHS: tuple[JpegCoding, ...] = tuple(
    _coding(quality, subsampling)
    for quality in (75, 80, 90, 90, 92, 95, 96, 96, 96, 98)
    for subsampling in _SUBSAMPLINGS
)
"""Codings as they are found among ImageNet's photographs: a median quality of 96, three in four without subsampling."""

# side of what the network is shown, pixels
_CORNER = 64
# pairs that the network is trained and tested on: more would only take longer
_NETWORK_PAIRS = 1000
# pictures that are worked on before it is asked whether there are enough
_WAVE = 32

# some of the photographs were a camera's JPEG before they were saved for the web
_ENCODED_TWICE = 0.2
_CAMERA_QUALITIES = range(92, 99)


@dataclass(frozen=True, eq=False)
class Picture:
    """A large picture, by name; its windows are one group of the cross-validation."""

    name: str
    pixels: Pixels


@dataclass(frozen=True, eq=False)
class NullControl:
    """What the null control works on: pictures, and the recipe's rules.

    Attributes:
        pictures: gone through once; the control ends when it has enough pairs, so there may be more than needed. A
            picture too small for a view, reduced `REDUCTION` times, is passed over.
        views: the recipe's views, each a control of its own.
        alignment: the recipe's.
        screen: the recipe's.
        codings: what the photographs are drawn from, as often as each occurs: those of the recipe's own source, where
            they are known. None stands for a lossless photograph.
        windows: contents cut from each picture for each view, turned and mirrored at random.
        salt: of all draws.
        align: `pixels.align.align_pair`, or what is to be asked instead: the same with a step left out.
        workers: processes that cut and align; -1 for as many as there are processors.
    """

    pictures: Iterable[Picture | DeadLeaves]
    views: tuple[ViewRules, ...]
    alignment: AlignmentRules
    screen: ScreenRules
    codings: tuple[JpegCoding | None, ...] = PHOTOGRAPHS
    windows: int = 8
    salt: str = "null-control"
    align: Callable[..., dict[str, bytes]] = align_pair
    workers: int = -1

    def probes(self, config: AuditConfig) -> list[Probe]:
        """Measure each view by each classifier, on `config.null_control_pairs` pairs or as many as there are."""
        gathered: dict[str, list[_Twin]] = {view.name: [] for view in self.views}
        worker = replace(self, pictures=())
        pictures = iter(self.pictures)
        with joblib.Parallel(n_jobs=self.workers) as parallel:
            while wave := list(itertools.islice(pictures, _WAVE)):
                for found in parallel(joblib.delayed(worker.twins)(picture) for picture in wave):
                    for view, twins in found.items():
                        gathered[view] += twins[: config.null_control_pairs - len(gathered[view])]
                if all(len(twins) == config.null_control_pairs for twins in gathered.values()):
                    break
        return [probe for view, twins in gathered.items() for probe in _measure(view, twins, config)]

    def twins(self, picture: Picture | DeadLeaves) -> "dict[str, list[_Twin]]":
        """By view, the photograph and the erased content of each window of a picture that passes the rules."""
        pixels = picture.pixels
        return {view.name: list(self._pairs(picture.name, pixels, view)) for view in self.views}

    def _pairs(self, name: str, pixels: Pixels, view: ViewRules) -> Iterator["_Twin"]:
        for window in range(self.windows):
            pair_id = f"{name}-{view.name}-{window}"
            content = self._content(pixels, view, pair_id)
            if content is None:
                return
            try:
                members = self._members(content, view, pair_id)
            except RejectedItem:
                continue
            yield _twin(name, decode(members["real"]), decode(members["erased"]))

    def _content(self, picture: Pixels, view: ViewRules, pair_id: str) -> Pixels | None:
        """A square window of the picture, reduced at least `REDUCTION` times; None where the picture is too small."""
        smallest = max(view.frame + 2 * view.margin * (view.framing == "patch"), self.screen.min_side)
        largest = min(picture.shape[:2]) // REDUCTION
        if largest < smallest:
            return None
        side = smallest + seed(self.salt, pair_id, "side") % (largest - smallest + 1)
        extent = side * REDUCTION + seed(self.salt, pair_id, "extent") % (min(picture.shape[:2]) - side * REDUCTION + 1)
        top = seed(self.salt, pair_id, "top") % (picture.shape[0] - extent + 1)
        left = seed(self.salt, pair_id, "left") % (picture.shape[1] - extent + 1)
        content = resize(picture[top : top + extent, left : left + extent], side, "lanczos")
        turned = np.rot90(content, seed(self.salt, pair_id, "turn") % 4)
        return np.ascontiguousarray(turned[:, ::-1] if seed(self.salt, pair_id, "mirror") % 2 else turned)

    def _members(self, content: Pixels, view: ViewRules, pair_id: str) -> dict[str, bytes]:
        """The final members `real` and `erased` of one pair.

        Raises:
            RejectedItem: screening, framing or alignment drops the pair.
        """
        photograph = self._photograph(content, pair_id)
        facts, coding = inspect(photograph, self.screen)
        frame = plan_frame(facts, coding, view, pair_id, self.salt)
        framed, erased = cut(decode(photograph), facts, frame), cut(content, facts, frame).region
        if self.alignment.mode == "naive":
            return naive_pair(photograph, {"erased": erased}, self.alignment.naive, facts)
        history = History(own=coding, pool=self._pool_coding(pair_id) if view.framing == "scene" else None)
        return self.align(
            framed, {"erased": erased}, facts, frame, history, final_encoding(self.alignment, pair_id, self.salt)
        )

    def _photograph(self, content: Pixels, pair_id: str) -> bytes:
        """The content as the source stores it; some were a camera's JPEG before, of the same subsampling."""
        own = self._drawn(self.codings, pair_id, "own")
        if own is None:
            return png(content)
        if fraction(self.salt, pair_id, "twice") < _ENCODED_TWICE:
            quality = _CAMERA_QUALITIES[seed(self.salt, pair_id, "camera") % len(_CAMERA_QUALITIES)]
            content = decode(encode(content, Encoding(quality=quality, subsampling=own.subsampling)))
        return coded(content, own)

    def _pool_coding(self, pair_id: str) -> JpegCoding | None:
        """A coding such as the source's other JPEGs have."""
        return self._drawn(tuple(coding for coding in self.codings if coding is not None), pair_id, "pool")

    def _drawn(self, codings: tuple[JpegCoding | None, ...], pair_id: str, which: str) -> JpegCoding | None:
        return codings[seed(self.salt, pair_id, which) % len(codings)] if codings else None


@dataclass(frozen=True, eq=False)
class _Twin:
    """What is remembered of one pair: its picture, features of (real, erased), and what the network sees of them."""

    picture: str
    features: tuple[Features, Features]
    corners: tuple[Pixels, Pixels]


def _twin(picture: str, real: Pixels, erased: Pixels) -> _Twin:
    # the upper left corner, so that the JPEG grid stays in place; copies, or the whole images would be remembered
    corners = (real[:_CORNER, :_CORNER].copy(), erased[:_CORNER, :_CORNER].copy())
    return _Twin(picture, (_statistics(real), _statistics(erased)), corners)


def _statistics(pixels: Pixels) -> Features:
    return {**pixel_features(pixels), **level_statistics(pixels)}


def _measure(view: str, twins: list[_Twin], config: AuditConfig) -> Iterator[Probe]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(twin.picture for twin in twins))}
    if len(numbers) < 2 * config.folds:
        yield Probe(
            name="null-control",
            subject=view,
            verdict="too-few",
            gate=True,
            pairs=len(twins),
            detail="too few large pictures",
        )
        return
    features, names = matrix(twin.features[side] for side in (0, 1) for twin in twins)
    labels = np.repeat(np.array([0, 1], dtype=np.int8), len(twins))
    groups = np.tile(np.array([numbers[twin.picture] for twin in twins]), 2)
    telling = telling_features(features, labels, names)
    for classifier, scored in _scored(twins, features, labels, groups, config):
        estimate = estimate_auc(scored, draws=config.bootstrap_draws, seed=config.seed)
        yield Probe(
            name="null-control",
            subject=view,
            verdict=control_verdict(estimate, config.null_control_limit),
            gate=True,
            classifier=classifier,
            pairs=len(scored.labels) // 2,
            value=estimate.auc,
            low=estimate.low,
            high=estimate.high,
            limit=config.null_control_limit,
            top_features=telling,
            detail=_detail(estimate, classifier),
        )


def _scored(
    twins: list[_Twin],
    features: NDArray[np.float32],
    labels: NDArray[np.int8],
    groups: NDArray[np.intp],
    config: AuditConfig,
) -> Iterator[tuple[str, Scored]]:
    """Each classifier's scores: those on the statistics, and a small network on the pixels."""
    from audit.cnn import network_scores  # noqa: PLC0415 - the processes that cut the pictures need no torch

    for classifier in CLASSIFIERS:
        yield classifier, cross_validated(classifier, features, labels, groups, folds=config.folds, seed=config.seed)
    shown = twins[:_NETWORK_PAIRS]
    # the naive mode gives members of several sizes
    least = min(side for twin in shown for corner in twin.corners for side in corner.shape[:2])
    reals, erased = ([twin.corners[side][:least, :least] for twin in shown] for side in (0, 1))
    yield "small CNN", network_scores(reals, erased, groups[: len(shown)], seed=config.seed)


def _detail(estimate: Estimate, classifier: str) -> str:
    return (
        f"{classifier} tells a photograph from its own content without history with AUC {estimate.auc:.3f} "
        f"({estimate.low:.3f} to {estimate.high:.3f})"
    )
