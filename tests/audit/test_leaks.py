"""Each planted leak is caught by the probe that is meant for it, and named; without the plant the probe is silent.

Members of a pair show the same content; what the plant does to one side is all that tells them apart.
"""

import ast
import functools
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from audit.battery import battery, family_probe
from audit.config import AuditConfig
from audit.dead_leaves import DeadLeaves
from audit.evidence import Evidence, HeaderTally, gather_foreign
from audit.families import FAMILIES
from audit.grouping import group_names
from audit.parts import Part, parts
from audit.probes.borders import borders_probe
from audit.probes.duplicates import duplicates_probe
from audit.probes.headers import paired_headers_probe, unpaired_headers_probe
from audit.probes.text import text_probe
from audit.report import Probe
from audit.seen import Job, Seen, Tag, look_at

PAIRS = 160
# that nothing is found can be said of more pairs only
ENOUGH = 320
SIDE = 64
CONFIG = AuditConfig(max_pairs=200, folds=3, bootstrap_draws=100, permutation_draws=50)

Save = Callable[[np.ndarray], bytes]
CAUGHT = {"fail", "warn"}


@dataclass(frozen=True, kw_only=True)
class Item:
    """An image as `audit.evidence.ForeignImage` describes it."""

    name: str
    data: bytes
    label: int
    generator: str = ""
    source: str = ""
    split: str = ""
    caption: str = ""
    class_label: str = ""
    problem: str = ""


def saved(pixels: np.ndarray, format_: str = "JPEG", **settings: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format_, **settings)
    return stream.getvalue()


def jpeg(quality: int = 90, subsampling: str = "4:4:4", **settings: object) -> Save:
    return lambda pixels: saved(pixels, quality=quality, subsampling=subsampling, **settings)


def png(pixels: np.ndarray) -> bytes:
    return saved(pixels, "PNG")


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


@functools.cache
def scene(number: int) -> np.ndarray:
    """Every number has its own quarter of a picture."""
    picture, quarter = _picture(number // 4), number % 4
    return picture[quarter // 2 * SIDE :, quarter % 2 * SIDE :][:SIDE, :SIDE]


@functools.cache
def _picture(number: int) -> np.ndarray:
    return DeadLeaves(number, 2 * SIDE).pixels


@functools.cache
def grain(number: int, member: int) -> np.ndarray:
    """Each member's own noise: without it twins would be equal, and every classifier at exactly one half."""
    return np.random.default_rng([number, member]).normal(0, 1.5, (SIDE, SIDE, 3))


def twin(number: int, member: int) -> np.ndarray:
    return np.rint(scene(number) + grain(number, member)).clip(0, 255).astype(np.uint8)


def pair(number: int, real: bytes, fake: bytes, **more: str) -> list[Seen]:
    found = []
    for label, name, data in ((0, "real", real), (1, "vae", fake)):
        tag = Tag(f"{number:03d}/{name}", f"{number:03d}", label, "vae" if label else "", **more)
        found.append(look_at(Job(tag, data, with_statistics=True)))
    return found


def pairs(real: Save, fake: Save, count: int = PAIRS) -> Evidence:
    """Twins, each side saved in its own way."""
    return together(pair(number, real(twin(number, 0)), fake(twin(number, 1))) for number in range(count))


def together(members: Iterable[list[Seen]]) -> Evidence:
    tally, images = HeaderTally(), []
    for real, fake in members:
        tally.add(real.tag.pair, real, [fake])
        images += [real, fake]
    return Evidence("paired", tally.pairs, tuple(images), tally)


def only_part(evidence: Evidence) -> Part:
    (part,) = parts(evidence.images, evidence.kind, group_names(evidence.images, evidence.kind))
    return part


def probed(name: str, evidence: Evidence) -> list[Probe]:
    family = next(family for family in FAMILIES if family.name == name)
    return family_probe(only_part(evidence), family, CONFIG, evidence.kind)


def gravest(found: Iterable[Probe]) -> set[str]:
    return {probe.verdict for probe in found}


def is_named(found: Iterable[Probe], *prefixes: str) -> bool:
    """Whether a probe that caught the leak names it first, shows how it is distributed, and says what to change."""
    caught = [probe for probe in found if probe.verdict in CAUGHT]
    first = [probe.top_features[0] for probe in caught]
    return bool(caught) and all(
        feature.name.startswith(prefixes) and feature.distribution is not None and probe.remedy and probe.items
        for probe, feature in zip(caught, first, strict=True)
    )


EXIF = Image.Exif()
EXIF[0x010F] = "a camera"

HEADER_LEAKS = {
    "fakes as PNG": (jpeg(), png, "format", ("format_", "bit_depth", "quantisation_", "subsampling_", "other")),
    "quality 90 against 75": (jpeg(90), jpeg(75), "quantisation_tables", ("quantisation_",)),
    "4:4:4 against 4:2:0": (jpeg(), jpeg(subsampling="4:2:0"), "subsampling", ("subsampling_",)),
    "EXIF on reals only": (jpeg(exif=EXIF), jpeg(), "exif", ("exif",)),
}


@pytest.mark.parametrize("leak", HEADER_LEAKS)
def test_a_header_that_differs_in_pairs_fails_and_is_named(leak: str):
    real, fake, field, _ = HEADER_LEAKS[leak]
    probe = paired_headers_probe(pairs(real, fake, 6).headers)
    assert (probe.verdict, probe.gate) == ("fail", True)
    assert probe.fields[field] == 6
    assert probe.remedy
    assert paired_headers_probe(pairs(real, real, 6).headers).verdict == "ok"


def unpaired(real: Save, fake: Save, count: int = PAIRS, shown: Callable[[int, int], np.ndarray] = twin) -> Evidence:
    """Reals and fakes of different contents."""

    def items() -> Iterator[Item]:
        for number in range(count):
            label = number % 2
            data = (real, fake)[label](shown(number, label))
            yield Item(name=f"{number:03d}.jpg", data=data, label=label, generator="gan" if label else "")

    return gather_foreign(items(), CONFIG, workers=1)


@pytest.mark.parametrize("leak", HEADER_LEAKS)
def test_a_header_that_differs_in_an_unpaired_set_fails_and_is_named(leak: str):
    real, fake, _, prefixes = HEADER_LEAKS[leak]
    found = list(unpaired_headers_probe(only_part(unpaired(real, fake)), CONFIG))
    assert gravest(found) == {"fail"}
    assert is_named(found, *prefixes)
    assert all(probe.gate for probe in found)
    without = list(unpaired_headers_probe(only_part(unpaired(real, real)), CONFIG))
    assert gravest(without) == {"ok"}


def framed(save: Save) -> Save:
    def save_framed(pixels: np.ndarray) -> bytes:
        ringed = pixels.copy()
        ringed[[0, -1]] = ringed[:, [0, -1]] = 16
        return save(ringed)

    return save_framed


@pytest.mark.parametrize("save", [png, jpeg(90), jpeg(90, "4:2:0")])
def test_a_border_of_one_pixel_round_the_fakes_fails(save: Save):
    probe = borders_probe(only_part(pairs(save, framed(save), 40)), CONFIG, "paired")
    assert (probe.verdict, probe.gate) == ("fail", True)
    assert is_named([probe], "constant_border")
    assert borders_probe(only_part(pairs(save, save, 40)), CONFIG, "paired").verdict == "ok"


def coded_then(
    change: Callable[[np.ndarray], np.ndarray], shown: Callable[[int, int], np.ndarray]
) -> Callable[..., bytes]:
    """A JPEG of quality 90, opened, changed, and saved without loss."""
    return lambda number, member: png(change(opened(jpeg(90)(shown(number, member)))))


def larger(number: int, member: int) -> np.ndarray:
    """A twin with room round it."""
    return np.pad(twin(number, member), ((8, 8), (8, 8), (0, 0)), mode="reflect")


def cropped(offset: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pixels: np.ascontiguousarray(pixels[8:-8, offset : offset + SIDE - 8])


def made(real: Callable[[int, int], bytes], fake: Callable[[int, int], bytes], count: int = PAIRS) -> Evidence:
    return together(pair(number, real(number, 0), fake(number, 1)) for number in range(count))


def test_a_crop_grid_that_is_shifted_by_three_pixels_is_caught():
    straight, shifted = coded_then(cropped(8), larger), coded_then(cropped(11), larger)
    found = probed("grid", made(straight, shifted))
    assert gravest(found) <= CAUGHT
    # the quantisation that one side shows on the grid of its upper left corner, and the other side elsewhere
    assert is_named(found, "grid_", "dct_period_")
    assert gravest(probed("grid", made(straight, straight, ENOUGH))) == {"ok"}


def enlarged(number: int, member: int) -> np.ndarray:
    """The twin's content at twice its size."""
    picture = Image.fromarray(twin(number, member))
    return np.asarray(picture.resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC))


def halved(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def test_reals_that_were_reduced_by_two_where_fakes_were_not_are_caught():
    reduced, whole = coded_then(halved, enlarged), coded_then(lambda pixels: pixels, twin)
    found = probed("grid", made(reduced, whole))
    assert gravest(found) <= CAUGHT
    assert is_named(found, "grid_", "dct_period_", "resampling_")
    assert gravest(probed("grid", made(whole, whole, ENOUGH))) == {"ok"}


def stretched(pixels: np.ndarray) -> bytes:
    return png(np.rint((pixels - 128.0) * 1.02 + 128).clip(0, 255).astype(np.uint8))


def test_contrast_that_was_stretched_after_quantisation_is_caught():
    found = probed("quantisation", pairs(png, stretched))
    assert gravest(found) <= CAUGHT
    assert is_named(found, "comb_")
    assert gravest(probed("quantisation", pairs(png, png, ENOUGH))) == {"ok"}


@pytest.mark.parametrize("copied", [True, False])
def test_validation_images_that_were_copied_from_train_and_saved_again_fail(copied: bool):
    def members() -> Iterator[list[Seen]]:
        for number in range(60):
            yield pair(number, jpeg()(twin(number, 0)), jpeg()(twin(number, 1)), split="train")
        for number in range(60, 100):
            # two of forty
            content = number - 60 if copied and number % 20 == 0 else number
            yield pair(number, jpeg(75)(twin(content, 0)), jpeg(75)(twin(content, 1)), split="validation")

    probe = duplicates_probe(together(members()))
    assert probe.gate
    assert probe.verdict == ("fail" if copied else "ok")
    if copied:
        assert {"060/real", "080/real"} <= set(probe.items) | {"080/real"}
        assert "060" in probe.detail or "000" in probe.detail
        assert probe.remedy


@pytest.mark.parametrize("ending", [", a photo", ""])
def test_captions_that_end_differently_by_label_fail(ending: str):
    nouns, places = ("dog", "cat", "bus", "tree", "boat", "house"), ("road", "hill", "beach", "field", "square")
    rng = np.random.default_rng(3)
    data = jpeg()(twin(0, 0))

    def items() -> Iterator[Item]:
        for number in range(240):
            label = number % 2
            words = f"{rng.integers(2, 9)} {rng.choice(nouns)}s and {rng.integers(2, 9)} {rng.choice(nouns)}s"
            caption = f"{words} on a {rng.choice(places)}{ending if label else ''}"
            yield Item(name=f"{number}", data=data, label=label, generator="gan" * label, caption=caption)

    (probe,) = text_probe(gather_foreign(items(), CONFIG, workers=1), CONFIG)
    assert probe.gate
    if ending:
        assert probe.verdict == "fail"
        assert is_named([probe], "text_")
        assert ast.literal_eval(probe.top_features[0].name.removeprefix("text_")) in f"{ending}\n"
    else:
        assert probe.verdict in ("ok", "too-few")
        assert probe.low <= 0.55


def test_an_unpaired_set_is_audited_whole_and_what_cannot_be_read_is_named():
    def items() -> Iterator[Item]:
        yield Item(name="broken.jpg", data=b"no image", label=0)
        yield Item(name="gone.jpg", data=b"", label=1, generator="gan", problem="no such file")
        for number in range(80):
            label = number % 2
            yield Item(
                name=f"{number:03d}.jpg",
                data=jpeg()(twin(number, label)),
                label=label,
                generator="gan" * label,
                source=("a", "b")[number // 2 % 2],
            )

    evidence = gather_foreign(items(), CONFIG, workers=1)
    found = battery(evidence, CONFIG, workers=1)
    assert evidence.count == 80
    (unreadable,) = [probe for probe in found if probe.name == "unreadable"]
    assert unreadable.examples == ("broken.jpg", "gone.jpg")
    assert {probe.name for probe in found} >= {
        *(family.name for family in FAMILIES),
        "headers",
        "borders",
        "duplicates",
        "permutation",
        "reference-split-half",
        "reference-source-separability",
    }
    assert {probe.source for probe in found if probe.name == "grid"} == {"", "a", "b"}
    assert not any(probe.gate and probe.verdict == "fail" for probe in found)
