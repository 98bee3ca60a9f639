"""The null control: does the alignment itself leak?

The "fake" is a real's own content with its history erased: a large picture reduced at least four times. The real side
is the same content, encoded as photographs are, some of them twice. Both go through frame and align by the recipe's
own rules. Their content being equal, whatever tells them apart is a trace that alignment left.

Measured on 2,000 pairs of rendered scenes, gradient boosting and logistic regression: patch framing at 64 pixels 0.517
and 0.528, of which all comes from the photographs encoded twice; scene framing from 128 or more pixels to 48, 0.499 and
0.505. Where a scene is hardly reduced (by 1.1 to 1.3) logistic regression finds 0.55: the reals' quantisation noise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from audit.config import AuditConfig
from audit.features import Features, matrix, pixel_features
from audit.probe import (
    CLASSIFIERS,
    Classifier,
    Estimate,
    control_verdict,
    cross_validated,
    estimate_auc,
    telling_features,
)
from audit.report import Probe
from manifests.errors import RejectedItem
from manifests.records import Encoding, JpegCoding
from manifests.seeds import fraction, seed
from pixels.align import History, align_pair, final_encoding
from pixels.arrays import Pixels
from pixels.config import AlignmentRules, ScreenRules, ViewRules
from pixels.decode import decode
from pixels.encode import encode
from pixels.frame import cut, plan_frame
from pixels.inspect import inspect
from pixels.jpeg import jpeg_coding
from pixels.naive import naive_pair
from pixels.resize import resize

REDUCTION = 4
"""How many pixels of the picture, at least, stand for one of the content: it leaves no trace of an earlier JPEG."""

PHOTOGRAPHS = tuple(
    Encoding(quality=quality, subsampling=subsampling)
    for quality in (75, 80, 90, 90, 92, 95, 96, 96, 96, 98)
    for subsampling in ("4:4:4", "4:4:4", "4:4:4", "4:2:0")
)
"""Encodings as they are found among ImageNet's photographs: a median quality of 96, three in four without subsampling."""

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
        pictures: read once; the control ends when it has enough pairs, so there may be more than needed. A picture
            too small for a view, reduced `REDUCTION` times, is passed over.
        views: the recipe's views, each a control of its own.
        alignment: the recipe's.
        screen: the recipe's.
        encodings: what the photographs are drawn from, as often as each occurs: those of the recipe's own source, where
            they are known.
        windows: contents cut from each picture for each view, turned and mirrored at random.
        salt: of all draws.
    """

    pictures: Iterable[Picture]
    views: tuple[ViewRules, ...]
    alignment: AlignmentRules
    screen: ScreenRules
    encodings: tuple[Encoding, ...] = PHOTOGRAPHS
    windows: int = 8
    salt: str = "null-control"

    def probes(self, config: AuditConfig) -> list[Probe]:
        """Measure each view with each classifier, on `config.null_control_pairs` pairs or as many as there are."""
        gathered = {view.name: _Twins() for view in self.views}
        for picture in self.pictures:
            for view in self.views:
                twins = gathered[view.name]
                for pair in self._pairs(picture, view):
                    if len(twins.real) < config.null_control_pairs:
                        twins.add(picture.name, *pair)
            if all(len(twins.real) >= config.null_control_pairs for twins in gathered.values()):
                break
        return [probe for name, twins in gathered.items() for probe in _measure(name, twins, config)]

    def _pairs(self, picture: Picture, view: ViewRules) -> Iterator[tuple[Features, Features]]:
        """Features of the photograph and of the erased content, for each window of a picture that passes the rules."""
        for window in range(self.windows):
            pair_id = f"{picture.name}-{view.name}-{window}"
            content = self._content(picture.pixels, view, pair_id)
            if content is None:
                return
            try:
                members = self._members(content, view, pair_id)
            except RejectedItem:
                continue
            yield pixel_features(decode(members["real"])), pixel_features(decode(members["erased"]))

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
        history = History(own=coding, pool=self._pool_coding(content, pair_id) if view.framing == "scene" else None)
        return align_pair(
            framed, {"erased": erased}, facts, frame, history, final_encoding(self.alignment, pair_id, self.salt)
        )

    def _photograph(self, content: Pixels, pair_id: str) -> bytes:
        """The content as a JPEG; some were a camera's JPEG before, of the same subsampling."""
        own = self._encoding(pair_id, "own")
        if fraction(self.salt, pair_id, "twice") < _ENCODED_TWICE:
            quality = _CAMERA_QUALITIES[seed(self.salt, pair_id, "camera") % len(_CAMERA_QUALITIES)]
            content = decode(encode(content, own.model_copy(update={"quality": quality})))
        return encode(content, own)

    def _pool_coding(self, content: Pixels, pair_id: str) -> JpegCoding:
        """A coding such as the other reals of the source have."""
        return jpeg_coding(encode(content, self._encoding(pair_id, "pool")))

    def _encoding(self, pair_id: str, which: str) -> Encoding:
        return self.encodings[seed(self.salt, pair_id, which) % len(self.encodings)]


@dataclass
class _Twins:
    """Features of the pairs of one view, and the picture that each was cut from."""

    real: list[Features] = field(default_factory=list)
    erased: list[Features] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)

    def add(self, picture: str, real: Features, erased: Features) -> None:
        self.real.append(real)
        self.erased.append(erased)
        self.pictures.append(picture)


def _measure(view: str, twins: _Twins, config: AuditConfig) -> Iterator[Probe]:
    pairs = len(twins.real)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(twins.pictures))}
    if len(numbers) < 2 * config.folds:
        yield Probe(
            name="null-control",
            subject=view,
            verdict="too-few",
            gate=True,
            pairs=pairs,
            detail="too few large pictures",
        )
        return
    features, names = matrix([*twins.real, *twins.erased])
    labels = np.repeat(np.array([0, 1], dtype=np.int8), pairs)
    groups = np.tile(np.array([numbers[name] for name in twins.pictures]), 2)
    telling = telling_features(features, labels, names)
    for classifier in CLASSIFIERS:
        scored = cross_validated(classifier, features, labels, groups, folds=config.folds, seed=config.seed)
        estimate = estimate_auc(scored, draws=config.bootstrap_draws, seed=config.seed)
        verdict = control_verdict(estimate, config.null_control_limit)
        yield Probe(
            name="null-control",
            subject=view,
            verdict=verdict,
            gate=True,
            classifier=classifier,
            pairs=pairs,
            value=estimate.auc,
            low=estimate.low,
            high=estimate.high,
            limit=config.null_control_limit,
            top_features=telling,
            detail=_detail(estimate, classifier),
        )


def _detail(estimate: Estimate, classifier: Classifier) -> str:
    return (
        f"{classifier} tells a photograph from its own content without history with AUC {estimate.auc:.3f} "
        f"({estimate.low:.3f} to {estimate.high:.3f})"
    )
