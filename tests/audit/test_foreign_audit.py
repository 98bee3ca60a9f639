"""The audit of other people's sets: what leaks has to be found however the images lie, or whether they can be read."""

from collections import Counter
from collections.abc import Iterable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from audit.config import AuditConfig
from audit.evidence import gather_foreign
from audit.foreign import ForeignItem
from audit.grouping import group_names
from audit.probes.references import halves_of, split_half
from audit.report import AuditReport, Probe
from audit.run import audit_foreign

CONFIG = AuditConfig(max_pairs=100, folds=2, permutation_draws=50, bootstrap_draws=50, pixel_probe=False)


def picture(number: int, kind: str, mode: str = "RGB") -> bytes:
    coarse = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(coarse).resize((40, 40), Image.Resampling.BICUBIC).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def item(number: int, label: int, data: bytes, **fields: str) -> ForeignItem:
    given = {"name": f"{label}/{number:04d}", "generator": "gan" * label, "source": "", "split": "", "caption": ""}
    return ForeignItem(
        **{**given, **fields, "data": data, "label": label, "class_label": fields.get("class_label", "")}
    )


def audited(items: Iterable[ForeignItem]) -> AuditReport:
    return audit_foreign(items, CONFIG, workers=1)


def of(report: AuditReport, name: str) -> list[Probe]:
    return [probe for probe in report.probes if probe.name == name]


def test_what_lies_behind_the_first_images_is_looked_at_too():
    # 150 fakes like the reals, then 150 of another format: a sample by order would see the first hundred only
    items = [item(number, 0, picture(number, "JPEG")) for number in range(300)]
    items += [item(number, 1, picture(1000 + number, "JPEG" if number < 150 else "PNG")) for number in range(300)]
    verdicts = {probe.verdict for probe in of(audited(items), "headers")}
    assert verdicts == {"fail"}


@pytest.mark.parametrize("broken", [range(40), range(20)])
def test_fakes_that_cannot_be_read_where_reals_can_fail_the_set(broken: range):
    items = [item(number, 0, picture(number, "JPEG")) for number in range(40)]
    items += [
        item(number, 1, picture(99 + number, "PNG", "RGBA" if number in broken else "RGB")) for number in range(40)
    ]
    report = audited(items)
    (probe,) = of(report, "unreadable")
    assert (probe.verdict, report.gate) == ("fail", "failed")


def test_many_generators_of_few_images_are_judged_together():
    items = [item(number, 0, picture(number, "JPEG")) for number in range(60)]
    items += [item(number, 1, picture(99 + number, "PNG"), generator=f"g{number % 30}") for number in range(60)]
    together = [probe for probe in of(audited(items), "headers") if not probe.generator]
    assert {probe.verdict for probe in together} == {"fail"}


def test_statistics_are_taken_of_a_bounded_number_of_images_whatever_the_number_of_generators():
    items = [item(number, 0, picture(number, "JPEG")) for number in range(130)]
    items += [
        item(number, 1, picture(500 + number, "JPEG"), generator="rare" if number % 13 == 0 else f"g{number % 3}")
        for number in range(260)
    ]
    evidence = gather_foreign(items, CONFIG, workers=1)
    counted = Counter(image.tag.generator for image in evidence.measured)
    assert len(evidence.images) == 390
    assert counted[""] == CONFIG.max_pairs
    assert counted.total() == 2 * CONFIG.max_pairs
    assert counted["rare"] == 20, "all that there are"
    assert {counted[f"g{number}"] for number in range(3)} <= {26, 27}
    again = gather_foreign(items[::-1], CONFIG, workers=1)
    assert {image.tag.name for image in again.measured} == {image.tag.name for image in evidence.measured}


def test_near_duplicates_stay_on_one_side_of_the_references():
    reals = [item(number, 0, picture(number % 12, "JPEG")) for number in range(96)]
    evidence = gather_foreign(reals, CONFIG, workers=1)
    group_of = group_names(evidence.images, "unpaired")
    first, second = halves_of(evidence.measured, np.random.default_rng(0), group_of)
    assert len(first) == len(second) == 48
    assert not {group_of[image.tag.name] for image in first} & {group_of[image.tag.name] for image in second}
    # in folds that part copies of one picture each would be known by its copies
    (probe, _) = split_half(evidence.measured, "", "", CONFIG, group_of)
    assert probe.value is not None
    assert probe.value < 0.9


def test_one_caption_for_all_reals_is_seen():
    items = [item(number, 0, picture(number, "JPEG"), caption="a photo") for number in range(40)]
    items += [
        item(number, 1, picture(99 + number, "JPEG"), caption=f"a painting of {number} cats") for number in range(40)
    ]
    assert {probe.verdict for probe in of(audited(items), "text")} == {"fail"}


def test_a_file_under_both_labels_is_a_duplicate():
    items = [
        item(number, label, picture(number, "JPEG"), name=f"{number}.jpg") for label in (0, 1) for number in range(20)
    ]
    (probe,) = of(audited(items), "duplicates")
    assert probe.verdict == "fail"


def test_one_path_in_two_splits_is_told_in_words():
    items = [item(number, number % 2, picture(number, "JPEG")) for number in range(20)]
    items += [item(0, 0, picture(0, "JPEG"), name="0/0000", split=split) for split in ("train", "test")]
    (probe,) = of(audited(items), "duplicates")
    assert probe.verdict == "fail"
    assert "0/0000" in probe.detail


def test_the_same_report_twice_though_some_bytes_are_no_image():
    items = [item(number, number % 2, picture(number, "JPEG")) for number in range(40)]
    items += [item(100 + number, number % 2, b"no image") for number in range(4)]
    assert audited(items) == audited(items)
    assert "0x" not in of(audited(items), "unreadable")[0].detail
