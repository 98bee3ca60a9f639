"""Re-captions: drift of the fakes is seen, told in numbers, and never a gate."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from audit.config import AuditConfig
from audit.probes.recaption import recaption_probes
from audit.recaption import NoRecaptioner, RecaptionCollector, Recaptions
from audit.report import AuditReport
from audit.run import audit
from audit.second_look import Look, Wish, second_look, share_of_each_view
from audit.text_match import text_matches
from manifests.dataset import Dataset
from manifests.records import Encoding
from pixels.encode import encode

CONFIG = AuditConfig(max_pairs=100, folds=2, permutation_draws=50, bootstrap_draws=50, pixel_probe=False)
COLOURS = ("red", "green", "blue", "yellow", "purple")
SHAPES = ("cube", "sphere", "cone")


def caption(number: int) -> str:
    return f"a {COLOURS[number % 5]} {SHAPES[number // 5 % 3]} on a {COLOURS[number // 15 % 5]} floor"


def said(count: int, fake: Callable[[int], str]) -> list[Recaptions]:
    return [
        Recaptions(f"{number:03d}", "scene", caption(number), {"real": caption(number), "sd": fake(number)})
        for number in range(count)
    ]


class Levels:
    """Says which level an image's first value has: what a perfect captioner would see."""

    name = "levels"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, pixels: Sequence[np.ndarray]) -> list[str]:
        self.asked.append(len(pixels))
        return [f"level {int(image[0, 0, 0])}" for image in pixels]


def test_fakes_of_which_the_same_is_said_are_at_chance():
    (probe,) = recaption_probes(said(60, caption), CONFIG)
    assert (probe.name, probe.view, probe.generator, probe.pairs) == ("recaption", "scene", "sd", 60)
    assert probe.value == pytest.approx(0.5)
    assert (probe.verdict, probe.gate) == ("reported", False)
    assert "comes back for 100.0% of the reals and 100.0% of the fakes" in probe.detail


def test_drift_is_seen_and_its_word_named():
    def drifted(number: int) -> str:
        return caption(number) if number % 4 else f"{caption(number)} in the fog"

    (probe,) = recaption_probes(said(80, drifted), CONFIG)
    assert probe.value is not None
    assert probe.value > 0.58
    assert any("fog" in feature.name for feature in probe.top_features)
    assert "100.0% of the reals and 75.0% of the fakes" in probe.detail
    assert (probe.verdict, probe.gate) == ("reported", False)


@pytest.mark.parametrize("text", ["", "?!", "_"])
def test_captioners_with_nothing_to_say_break_nothing(text: str):
    pairs = [Recaptions(f"{number}", "scene", text, {"real": text, "sd": text}) for number in range(30)]
    (probe,) = recaption_probes(pairs, CONFIG)
    assert probe.value == pytest.approx(0.5)
    for match in text_matches(pairs, "mute", CONFIG):
        assert match.recall_at_1 == pytest.approx(1 / 30)


def test_captions_are_compared_with_what_is_said_of_each_side():
    pairs = said(60, lambda number: caption(number) if number % 2 else "a dog")
    real, fake = text_matches(pairs, "blip", CONFIG)
    assert (real.kind, real.generator, fake.kind, fake.generator) == ("recaption-real", "", "recaption-fake", "sd")
    assert real.embedder == "words of captions, re-captioned by blip"
    assert (real.equal, fake.equal) == (1, 0.5)
    assert real.matched_mean == pytest.approx(1)
    assert real.mismatched_mean < fake.matched_mean < real.matched_mean
    assert real.recall_at_1 == pytest.approx(1)
    assert fake.recall_at_1 == pytest.approx(0.5)


def test_few_pairs_are_not_compared():
    assert list(text_matches(said(9, caption), "blip", CONFIG)) == []


def members(number: int) -> dict[str, bytes]:
    picture = np.full((32, 32, 3), 2 * number, dtype=np.uint8)
    data = encode(picture, Encoding(format="PNG"))
    return {"real": data, "vae": data}


def test_a_sample_of_each_view_is_shown_to_the_captioner(write_dataset: Callable[..., Dataset]):
    dataset = write_dataset(100, members)
    captioner = Levels()
    collector = RecaptionCollector(captioner)
    seen: list[Look] = []
    second_look(
        dataset,
        0,
        [Wish(share_of_each_view(dataset, 20), collector.take), Wish({"patch": 1.0}, seen.append)],
    )
    found = collector.found()
    counts = {view: sum(pair.view == view for pair in found) for view in ("scene", "patch")}
    assert all(10 <= count <= 30 for count in counts.values()), "about 20 of the 50 of each view"
    assert sum(captioner.asked) == 2 * len(found)
    assert {look.view for look in seen} == {"patch"}
    assert len(seen) == 50
    by_pair = {look.pair: int(look.members["real"][0, 0, 0]) for look in seen}
    for pair in found:
        assert pair.texts["real"] == pair.texts["vae"]
        if pair.view == "patch":
            assert pair.texts["real"] == f"level {by_pair[pair.pair]}"


def recaptions_of(report: AuditReport) -> list[str]:
    return [probe.detail for probe in report.probes if probe.name == "recaption"]


def test_the_report_holds_them_or_says_why_not(write_dataset: Callable[..., Dataset]):
    dataset = write_dataset(20, members)
    assert recaptions_of(audit(dataset, CONFIG, workers=1)) == []
    (left_out,) = recaptions_of(audit(dataset, CONFIG, recaptioner=NoRecaptioner("the model is away"), workers=1))
    assert left_out == "re-captions were left out: the model is away"
    report = audit(dataset, CONFIG, recaptioner=Levels(), workers=1)
    assert len(recaptions_of(report)) == 2
    assert AuditReport.model_validate_json(report.model_dump_json()) == report
