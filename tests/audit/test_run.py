"""The whole audit, on datasets that are honest and on datasets with a planted leak."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audit import null_control
from audit.config import AuditConfig
from audit.dead_leaves import DeadLeaves
from audit.families import FAMILIES
from audit.null_control import NullControl
from audit.probe import CLASSIFIERS
from audit.recaption import NoRecaptioner
from audit.remedies import remedy
from audit.report import AuditReport, Probe, audit_report, gate_message
from audit.run import audit
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import Encoding, ImageFacts
from pixels.config import AlignmentRules, NaiveRules, ScreenRules, ViewRules
from pixels.encode import encode
from pixels.naive import naive_pair

CONFIG = AuditConfig(max_pairs=300, folds=3, permutation_draws=100)
WriteDataset = Callable[..., Dataset]
Picture = Callable[[int, int], np.ndarray]


_REPORTS: list[AuditReport] = []


def probes(report: AuditReport, name: str) -> list[Probe]:
    return [probe for probe in report.probes if probe.name == name]


def noisy(pixels: np.ndarray, number: int) -> np.ndarray:
    """A fake: the picture with a little noise of its own."""
    noise = np.random.default_rng([number, 1]).normal(0, 4, pixels.shape)
    return np.rint(pixels + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture
def aligned(write_dataset: WriteDataset, picture: Picture) -> Dataset:
    """120 pairs whose members share size and encoding."""

    def make(number: int) -> dict[str, bytes]:
        encoding = Encoding(quality=90 + number % 9, subsampling=("4:4:4", "4:2:0")[number % 2])
        pixels = picture(number, 64)
        return {"real": encode(pixels, encoding), "vae": encode(noisy(pixels, number), encoding)}

    return write_dataset(120, make)


@pytest.fixture
def report(aligned: Dataset) -> AuditReport:
    """The audit of the aligned dataset, done once."""
    if not _REPORTS:
        _REPORTS.append(audit(aligned, CONFIG, workers=1))
    return _REPORTS[0]


def naive(picture: Picture, resize: int | None) -> Callable[[int], dict[str, bytes]]:
    def make(number: int) -> dict[str, bytes]:
        side = 70 + number % 7
        real = encode(picture(number, side), Encoding(quality=70 + number % 20, subsampling="4:2:0"))
        facts = ImageFacts(format="JPEG", width=side, height=side)
        return naive_pair(real, {"vae": picture(number, 64)}, NaiveRules(resize=resize), facts)

    return make


def test_an_aligned_dataset_passes(report: AuditReport):
    assert report.gate == "passed"
    assert report.pairs == 120
    assert gate_message(report) == ""
    (headers,) = probes(report, "headers")
    assert (headers.verdict, headers.pairs, headers.fields, headers.value) == ("ok", 120, {}, 0)
    (permutation,) = probes(report, "permutation")
    assert permutation.verdict == "ok"
    assert permutation.pairs == 120


def test_every_family_is_measured_in_every_part_by_both_classifiers(report: AuditReport):
    for family in FAMILIES:
        found = probes(report, family.name)
        assert {(probe.view, probe.generator, probe.classifier) for probe in found} == {
            (view, "vae", classifier) for view in ("scene", "patch") for classifier in CLASSIFIERS
        }
        assert not any(probe.gate for probe in found)
        assert all(0 < probe.low <= probe.high <= 1 and 0 < probe.value <= 1 for probe in found)


def test_what_fakes_leave_in_their_pixels_is_reported_and_named(report: AuditReport):
    for probe in probes(report, "all-pixels"):
        assert probe.verdict == "reported"
        # the noise of the fakes is plain to see
        assert probe.low > 0.9
        first = probe.top_features[0]
        assert first.name.startswith(("noise", "spectrum", "dct", "grid"))
        assert len(first.distribution.edges) == 25
        assert sum(first.distribution.real) == pytest.approx(1)
        assert len(probe.items) == 8
        assert {name.rsplit("/")[-1] for name in probe.items[:4]} == {"real"}


def test_reals_against_reals_are_the_references(report: AuditReport):
    found = probes(report, "reference-split-half")
    assert {probe.view for probe in found} == {"scene", "patch"}
    assert {probe.verdict for probe in found} == {"reported"}
    # there is one source only
    assert probes(report, "reference-source-separability") == []


def test_the_spectra_are_those_of_the_reals_and_of_each_generator(report: AuditReport):
    assert [(spectrum.view, spectrum.member) for spectrum in report.spectra] == [
        ("patch", "real"),
        ("patch", "vae"),
        ("scene", "real"),
        ("scene", "vae"),
    ]
    real, fake = report.spectra[:2]
    assert len(real.frequencies) == len(real.power) == 16
    # noise lies over all frequencies, and the picture's own power over the low ones
    assert fake.power[-1] > real.power[-1]


def test_without_the_pixel_probe_only_the_gates_are_left(aligned: Dataset):
    report = audit(aligned, CONFIG.model_copy(update={"pixel_probe": False}), workers=1)
    assert {probe.name for probe in report.probes} == {"headers", "duplicates", "borders", "permutation"}


def test_the_report_survives_its_json_and_comes_out_the_same_twice(aligned: Dataset, report: AuditReport):
    assert AuditReport.model_validate_json(report.model_dump_json()) == report
    assert audit(aligned, CONFIG, workers=1) == report


def test_the_naive_mode_fails_and_names_format_size_and_tables(write_dataset: WriteDataset, picture: Picture):
    report = audit(write_dataset(60, naive(picture, None)), CONFIG, workers=1)
    (headers,) = probes(report, "headers")
    assert report.gate == "failed"
    assert headers.verdict == "fail"
    assert {"format", "width", "height", "quantisation_tables", "subsampling"} <= set(headers.fields)
    assert headers.fields["format"] == 60
    assert headers.fields["width"] == 60
    assert len(headers.examples) == 5
    message = gate_message(report)
    assert "\n" not in message
    for name in ("headers", "format", "width", "height", "quantisation_tables", "alignment.mode"):
        assert name in message


def test_resized_naive_reals_still_differ_in_format_and_tables(write_dataset: WriteDataset, picture: Picture):
    (headers,) = probes(audit(write_dataset(60, naive(picture, 64)), CONFIG, workers=1), "headers")
    assert {"format", "quantisation_tables"} <= set(headers.fields)
    assert "width" not in headers.fields


def test_what_mends_a_null_control_that_fails_depends_on_the_mode(
    write_dataset: WriteDataset, picture: Picture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(null_control, "_NETWORK_PAIRS", 20)
    view = ViewRules(name="patch", framing="patch", frame=32, size=32, generators=("vae",))
    pictures = [DeadLeaves(number, 256) for number in range(8)]
    rules = AlignmentRules(mode="naive", naive=NaiveRules(resize=32, quality=30))
    control = NullControl(pictures, (view,), rules, ScreenRules(min_side=64), windows=8, workers=1)
    config = CONFIG.model_copy(update={"null_control_pairs": 64, "bootstrap_draws": 20})
    found = probes(
        audit(write_dataset(40, naive(picture, 64)), config, null_control=control, workers=1), "null-control"
    )
    assert {probe.remedy for probe in found if probe.verdict == "fail"} == {remedy("headers", "", "paired")}


def test_one_pair_with_another_table_fails_the_dataset(write_dataset: WriteDataset, picture: Picture):
    def make(number: int) -> dict[str, bytes]:
        pixels = picture(number, 64)
        return {
            "real": encode(pixels, Encoding(quality=95)),
            "vae": encode(pixels, Encoding(quality=94 if number == 7 else 95)),
        }

    report = audit(write_dataset(40, make), CONFIG, workers=1)
    (headers,) = probes(report, "headers")
    assert report.gate == "failed"
    assert headers.fields == {"quantisation_tables": 1}
    assert headers.value == pytest.approx(1 / 40)
    assert headers.examples == ("7902699be42c8a8e-patch",)
    assert headers.examples[0] in gate_message(report)


def test_few_pairs_are_no_ground_for_a_verdict(write_dataset: WriteDataset, picture: Picture):
    def make(number: int) -> dict[str, bytes]:
        data = encode(picture(number, 64), Encoding())
        return {"real": data, "vae": data}

    report = audit(write_dataset(4, make), CONFIG, workers=1)
    assert report.gate == "passed"
    assert report.verdict == "too-few"
    counted = ("headers", "duplicates")
    assert {probe.verdict for probe in report.probes if probe.name not in counted} == {"too-few"}


def test_an_empty_dataset_does_not_pass_there_is_nothing_to_say(write_dataset: WriteDataset):
    report = audit(write_dataset(0, lambda _: {}), CONFIG, recaptioner=NoRecaptioner("none"), workers=1)
    assert (report.gate, report.verdict, report.pairs) == ("none", "none", 0)
    assert "nothing to audit" in gate_message(report)


def test_pixels_of_about_max_pairs_are_looked_at(aligned: Dataset):
    report = audit(aligned, AuditConfig(max_pairs=100, permutation_draws=50, pixel_probe=False), workers=1)
    (permutation,) = probes(report, "permutation")
    assert 85 <= permutation.pairs <= 112
    assert probes(report, "headers")[0].pairs == 120


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"real": b"no image", "vae": b"no image"}, "member real: not a readable"),
        ({"vae": b""}, "vae"),
        ({"real": encode(np.zeros((64, 64, 3), dtype=np.uint8), Encoding())}, "at least one fake"),
        ({name: encode(np.zeros((20, 20, 3), dtype=np.uint8), Encoding()) for name in ("real", "vae")}, "20"),
    ],
)
def test_what_cannot_be_read_is_named(write_dataset: WriteDataset, members: dict[str, bytes], expected: str):
    with pytest.raises(DatasetError, match=expected) as caught:
        audit(write_dataset(1, lambda _: members), CONFIG, workers=1)
    assert "5feceb66ffc86f38-scene" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pair_that_stands_twice_is_named(write_dataset: WriteDataset, picture: Picture):
    data = encode(picture(0, 64), Encoding())
    dataset = write_dataset(4, lambda _: {"real": data, "vae": data})
    first, second = (Path(dataset.root) / "shards" / f"train-{view}-000000.tar" for view in ("scene", "patch"))
    shutil.copy(first, second)
    with pytest.raises(DatasetError, match="5feceb66ffc86f38-scene: stands twice in the shards"):
        audit(dataset, CONFIG, workers=1)


def test_the_gravest_verdict_and_the_gate():
    probe = Probe(name="a", verdict="fail", pairs=1)
    assert audit_report((probe,), 1).gate == "passed"
    assert audit_report((probe,), 1).verdict == "fail"
    assert audit_report((probe.model_copy(update={"gate": True}),), 1).gate == "failed"
    assert audit_report((Probe(name="b", verdict="reported", pairs=1),), 1).verdict == "ok"
