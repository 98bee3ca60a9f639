"""The null control: alignment leaves no trace, and the control would see one."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit import null_control
from audit.config import AuditConfig
from audit.null_control import PHOTOGRAPHS, NullControl, Picture
from audit.report import Probe
from demo.rendering import render
from demo.scenes import random_scene
from manifests.errors import RejectedItem
from manifests.records import Encoding, JpegCoding
from pixels.align import History, align_pair
from pixels.config import AlignmentRules, ScreenRules, ViewRules
from pixels.decode import decode
from pixels.encode import encode
from pixels.jpeg import jpeg_coding

Align = Callable[..., dict[str, bytes]]

pytestmark = pytest.mark.xdist_group("null-control")  # the scenes are rendered once

PATCH = ViewRules(name="patch", framing="patch", frame=64, size=64, generators=("erased",))
# the reals are 128 pixels a side: 2.7 times as large as the frame of this view
SCENE = ViewRules(name="scene", framing="scene", frame=48, size=48, generators=("erased",))
SCREEN = ScreenRules(min_side=128)
HALF_CHROMA = tuple(coding for coding in PHOTOGRAPHS if coding is not None and coding.subsampling == "4:2:0")
# at 2,000 pairs an AUC within 0.03 of one half is asked; a quarter takes a quarter of the time, and chance leads it further
FULL = 2000
PAIRS = int(os.environ.get("TWINSET_TEST_NULL_PAIRS", "500"))
# the small network learns for most of a run's time; a finished build of any size has it learn from 1,000 pairs
NETWORK_PAIRS = int(os.environ.get("TWINSET_TEST_NETWORK_PAIRS", "200"))
# where the statistics are what is asked, it need not learn anything
FEW = 40
FRAMINGS = pytest.mark.parametrize("view", [PATCH, SCENE], ids=["patch", "scene"])


@pytest.fixture(scope="module")
def scenes() -> list[Picture]:
    """128 scenes, four times as large as the reals that are made of them."""
    return [Picture(f"scene-{seed}", render(random_scene(10_000 + seed), 512, 512)) for seed in range(128)]


def measure(
    pictures: list[Picture],
    view: ViewRules,
    pairs: int,
    *,
    mode: str = "aligned",
    codings: tuple[JpegCoding | None, ...] = PHOTOGRAPHS,
    align: Align = align_pair,
) -> dict[str, Probe]:
    rules = AlignmentRules.model_validate({"mode": mode, "naive": {"resize": view.size}})
    control = NullControl(pictures, (view,), rules, SCREEN, codings, windows=17, align=align, workers=1)
    return {probe.classifier: probe for probe in control.probes(AuditConfig(null_control_pairs=pairs))}


@pytest.fixture(autouse=True)
def pairs_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(null_control, "_NETWORK_PAIRS", NETWORK_PAIRS)


@FRAMINGS
def test_nothing_tells_a_photograph_from_its_content_without_history(scenes: list[Picture], view: ViewRules):
    probes = measure(scenes, view, PAIRS)
    assert list(probes) == ["gradient boosting", "logistic regression", "small CNN"]
    for classifier, probe in probes.items():
        assert probe.pairs == (NETWORK_PAIRS if classifier == "small CNN" else PAIRS)
        strays = 0.0 if probe.pairs >= FULL else 0.8 / math.sqrt(probe.pairs)
        assert abs(probe.value - 0.5) <= 0.03 + strays, (classifier, probe)


def leaking(change: Callable[[History], History]) -> Align:
    """Alignment that has another idea of the pair's history than it should have."""

    def align(*given: Any) -> dict[str, bytes]:
        *before, history, encoding = given
        return align_pair(*before, change(history), encoding)

    return align


def forgotten(_history: History) -> History:
    """No pass through JPEG at all."""
    return History()


def with_wrong_tables(history: History) -> History:
    """The same tables for every fake, whatever the real's are."""
    wrong = jpeg_coding(encode(np.zeros((16, 16, 3), dtype=np.uint8), Encoding(quality=50, subsampling="4:4:4")))
    return replace(history, own=wrong)


def without_own_loss(history: History) -> History:
    """Scenes: the pool's coding only, and not what the real lost before it was reduced."""
    return replace(history, own=None)


@pytest.mark.parametrize(
    ("view", "leak"),
    [(PATCH, forgotten), (PATCH, with_wrong_tables), (SCENE, forgotten)],
    ids=["patch-forgotten", "patch-wrong", "scene-forgotten"],
)
def test_a_leak_put_into_the_alignment_is_seen(
    scenes: list[Picture], view: ViewRules, leak: Callable[[History], History], monkeypatch: pytest.MonkeyPatch
):
    asks_the_network = view is PATCH and leak is forgotten
    if not asks_the_network:
        monkeypatch.setattr(null_control, "_NETWORK_PAIRS", FEW)
    probes = measure(scenes, view, 300, codings=HALF_CHROMA, align=leaking(leak))
    assert max(probe.value for probe in probes.values()) > 0.6
    assert "fail" in {probe.verdict for probe in probes.values()}
    assert all(probe.gate for probe in probes.values())
    assert probes["small CNN"].value > 0.55 or not asks_the_network


@pytest.fixture
def few_for_the_network(monkeypatch: pytest.MonkeyPatch, pairs_for_the_network: None) -> None:  # noqa: ARG001 - after it
    monkeypatch.setattr(null_control, "_NETWORK_PAIRS", FEW)


@pytest.mark.usefixtures("few_for_the_network")
def test_subsampled_chroma_of_the_reals_is_seen_only_where_the_fake_has_not_lost_it_too(scenes: list[Picture]):
    aligned = measure(scenes, SCENE, 400, codings=HALF_CHROMA)
    leaks = measure(scenes, SCENE, 400, codings=HALF_CHROMA, align=leaking(without_own_loss))
    assert {probe.verdict for probe in aligned.values()} <= {"ok", "warn", "too-few"}
    assert {leaks[name].verdict for name in ("gradient boosting", "logistic regression")} == {"fail"}
    assert leaks["gradient boosting"].top_features[0].name.startswith(("spectrum_c", "parity_c"))


@pytest.mark.usefixtures("few_for_the_network")
def test_the_naive_mode_is_seen(scenes: list[Picture]):
    assert max(probe.value for probe in measure(scenes, SCENE, 200, mode="naive").values()) > 0.7


def test_pictures_too_small_for_the_reduction_are_passed_over(scenes: list[Picture]):
    small = [Picture(picture.name, picture.pixels[:508, :508]) for picture in scenes[:20]]
    (probe,) = measure(small, SCENE, 200).values()
    assert (probe.verdict, probe.pairs) == ("too-few", 0)


@pytest.mark.usefixtures("few_for_the_network")
def test_the_same_answer_twice_and_one_for_each_view(scenes: list[Picture]):
    config = AuditConfig(null_control_pairs=100, bootstrap_draws=50)

    def answer() -> list[Probe]:
        return NullControl(scenes[:20], (SCENE, PATCH), AlignmentRules(), SCREEN, windows=6, workers=1).probes(config)

    first = answer()
    assert first == answer()
    assert [probe.subject for probe in first] == ["scene"] * 3 + ["patch"] * 3
    assert {probe.pairs for probe in first if probe.classifier != "small CNN"} == {100}


@pytest.mark.usefixtures("few_for_the_network")
@pytest.mark.parametrize("framing", ["patch", "scene"])
def test_photographs_show_no_trace_either(photographs: list[Path], framing: str):
    view = ViewRules(name=framing, framing=framing, frame=32, size=32, generators=("erased",))
    pictures = []
    for path in photographs:
        try:
            pictures.append(Picture(path.name, decode(path.read_bytes())))
        except RejectedItem:
            continue  # CMYK and the like
    control = NullControl(pictures, (view,), AlignmentRules(), ScreenRules(min_side=64), windows=3, workers=1)
    for probe in control.probes(AuditConfig(null_control_pairs=450)):
        assert probe.pairs == (FEW if probe.classifier == "small CNN" else 450)
        assert probe.verdict != "fail", probe
