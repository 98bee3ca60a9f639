"""The pair rule: what two members of a pair may differ in is where their pixels came from, and nothing else.

The backbone: take pixels X that no JPEG has touched, let the real be R = JPEG(X), and let a perfect generator return
X's own region. After alignment both members must be equal to the byte. A window coded without its margin, other tables,
another subsampling, a shifted grid, truncation or a resize on one side each break that.
"""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manifests.errors import RejectedItem
from manifests.records import Encoding, ImageFacts, JpegCoding, Reason
from pixels.align import History, align_pair, align_single, final_encoding
from pixels.arrays import Pixels, to_bytes
from pixels.config import AlignmentRules, PredicateRules, ViewRules
from pixels.decode import decode
from pixels.frame import Framed, cut, plan_frame, plan_generated
from pixels.jpeg import jpeg_coding, recode
from pixels.resize import resize

SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
FINAL = Encoding(quality=97, subsampling="4:4:4")
DROP_NOTHING = PredicateRules(blank_deviation=0, uniform_share=1, uniform_tolerance=0, grey_chroma=0)
ORIENTATIONS = [(number, 0) for number in range(1, 9)] + [(1, 90), (1, 180), (1, 270)]


def view(framing: str, size: int = 64) -> ViewRules:
    return ViewRules.model_validate(
        {"name": "v", "framing": framing, "frame": 64, "size": size, "generators": ("perfect",)}
    )


def coded(pixels: Pixels, quality: int, subsampling: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def aligned_patch(
    untouched: Pixels, facts: ImageFacts, quality: int, subsampling: str, pair_id: str, *, size: int = 64
) -> dict[str, bytes]:
    """Align a JPEG of `untouched` with a fake that is `untouched` itself, as floats less than half a level off."""
    real = coded(untouched, quality, subsampling)
    coding = jpeg_coding(real)
    frame = plan_frame(facts, coding, view("patch", size), pair_id, "salt")
    framed = cut(decode(real), facts, frame)
    region = cut(untouched, facts, frame).region
    fake = to_bytes((region + np.random.default_rng(0).uniform(-0.4, 0.4, region.shape)) / 255)
    return align_pair(framed, {"perfect": fake}, facts, frame, History(own=coding), FINAL, DROP_NOTHING)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize(("orientation", "rotation"), ORIENTATIONS)
def test_a_perfect_patch_cannot_be_told_from_its_real(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], orientation: int, rotation: int, subsampling: str
):
    untouched = draw()
    facts = facts_of(untouched, orientation=orientation, rotation=rotation)
    members = aligned_patch(untouched, facts, 70, subsampling, "pair")
    assert members["real"] == members["perfect"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    width=st.integers(96, 170),
    height=st.integers(96, 170),
    quality=st.integers(1, 100),
    subsampling=st.sampled_from(SUBSAMPLINGS),
    turn=st.sampled_from(ORIENTATIONS),
    number=st.integers(0, 10_000),
    size=st.sampled_from([64, 48]),
)
def test_a_perfect_patch_of_any_coding_offset_and_orientation(
    draw: Callable[..., Pixels],
    facts_of: Callable[..., ImageFacts],
    *,
    width: int,
    height: int,
    quality: int,
    subsampling: str,
    turn: tuple[int, int],
    number: int,
    size: int,
):
    untouched = draw(width, height, seed=number)
    facts = facts_of(untouched, orientation=turn[0], rotation=turn[1])
    members = aligned_patch(untouched, facts, quality, subsampling, f"pair{number}", size=size)
    assert members["real"] == members["perfect"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_perfect_patch_of_a_photograph(
    reduced_photographs: list[Pixels], facts_of: Callable[..., ImageFacts], data: st.DataObject
):
    untouched = data.draw(st.sampled_from(reduced_photographs).filter(lambda pixels: min(pixels.shape[:2]) >= 96))
    turn = data.draw(st.sampled_from(ORIENTATIONS))
    facts = facts_of(untouched, orientation=turn[0], rotation=turn[1])
    quality, subsampling = data.draw(st.integers(30, 100)), data.draw(st.sampled_from(SUBSAMPLINGS))
    number = data.draw(st.integers(0, 10_000))
    members = aligned_patch(untouched, facts, quality, subsampling, f"pair{number}")
    assert members["real"] == members["perfect"]


def test_a_patch_of_a_lossless_real_passes_no_jpeg(draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts]):
    untouched = draw()
    facts = facts_of(untouched)
    frame = plan_frame(facts, None, view("patch"), "pair", "salt")
    framed = cut(untouched, facts, frame)
    members = align_pair(framed, {"perfect": framed.region}, facts, frame, History(), Encoding(format="PNG"))
    assert members["real"] == members["perfect"]
    assert np.array_equal(decode(members["perfect"]), framed.shown)


def test_a_patch_leaves_the_reals_own_pixels_alone(draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts]):
    untouched = draw()
    facts = facts_of(untouched)
    real = coded(untouched, 60, "4:2:0")
    frame = plan_frame(facts, jpeg_coding(real), view("patch"), "pair", "salt")
    framed = cut(decode(real), facts, frame)
    lossless = Encoding(format="PNG")
    members = align_pair(
        framed,
        {"other": cut(draw(seed=1), facts, frame).region},
        facts,
        frame,
        History(own=jpeg_coding(real)),
        lossless,
    )
    assert np.array_equal(decode(members["real"]), framed.shown)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    quality=st.integers(10, 100),
    subsampling=st.sampled_from([None, *SUBSAMPLINGS]),
    turn=st.sampled_from(ORIENTATIONS),
    number=st.integers(0, 10_000),
    size=st.sampled_from([64, 48, 40]),
)
def test_a_perfect_scene_cannot_be_told_from_its_real(
    draw: Callable[..., Pixels],
    facts_of: Callable[..., ImageFacts],
    *,
    quality: int,
    subsampling: str | None,
    turn: tuple[int, int],
    number: int,
    size: int,
):
    untouched = draw(150, 130, seed=number)
    facts = facts_of(untouched, orientation=turn[0], rotation=turn[1])
    frame = plan_frame(facts, None, view("scene", size), f"pair{number}", "salt")
    framed = cut(untouched, facts, frame)
    pool = jpeg_coding(coded(draw(), quality, subsampling)) if subsampling else None
    members = align_pair(framed, {"perfect": framed.shown.copy()}, facts, frame, History(pool=pool), FINAL)
    assert members["real"] == members["perfect"]


@pytest.mark.parametrize("size", [64, 48])
def test_both_members_of_a_scene_pass_the_drawn_coding_once_and_then_the_kernel(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], size: int
):
    real = coded(draw(), 90, "4:2:0")
    pool = jpeg_coding(coded(draw(), 45, "4:2:2"))
    facts = facts_of(draw())
    frame = plan_frame(facts, jpeg_coding(real), view("scene", size), "pair", "salt")
    framed = cut(decode(real), facts, frame)
    fake = draw(64, 64, seed=5)
    members = align_pair(framed, {"other": fake}, facts, frame, History(pool=pool), Encoding(format="PNG"))
    for name, pixels in (("real", framed.shown), ("other", fake)):
        passed = decode(coded(pixels, 45, "4:2:2"))
        reduced = Image.fromarray(passed).resize((size, size), Image.Resampling.LANCZOS)
        assert np.array_equal(decode(members[name]), np.array(reduced) if size < 64 else passed)


@pytest.mark.parametrize(("orientation", "rotation"), [(1, 0), (6, 0), (5, 0), (1, 90)])
@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
def test_the_fake_of_a_scene_loses_what_the_real_lost_before_it_was_reduced(
    reduced_photographs: list[Pixels],
    facts_of: Callable[..., ImageFacts],
    orientation: int,
    rotation: int,
    subsampling: str,
):
    untouched = next(pixels for pixels in reduced_photographs if min(pixels.shape[:2]) >= 112)
    facts = facts_of(untouched, orientation=orientation, rotation=rotation)
    real = coded(untouched, 60, subsampling)
    frame = plan_frame(facts, jpeg_coding(real), view("scene"), "pair", "salt")
    perfect = cut(untouched, facts, frame).shown

    def distance(history: History) -> float:
        """Root mean square, levels of 255, between the real and a fake that is the real's own content."""
        members = align_pair(
            cut(decode(real), facts, frame), {"perfect": perfect}, facts, frame, history, Encoding(format="PNG")
        )
        difference = decode(members["real"]).astype(float) - decode(members["perfect"])
        return float(np.sqrt((difference**2).mean()))

    # without subsampling only coefficients that are quantised to nothing are lost alike; the rest is noise
    share = 0.95 if subsampling == "4:4:4" else 0.75
    assert distance(History(own=jpeg_coding(real))) < share * distance(History())


def test_without_a_pool_a_scene_passes_no_jpeg(draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts]):
    facts = facts_of(draw())
    frame = plan_frame(facts, None, view("scene"), "pair", "salt")
    fake = draw(64, 64, seed=5)
    members = align_pair(cut(draw(), facts, frame), {"other": fake}, facts, frame, History(), Encoding(format="PNG"))
    assert np.array_equal(decode(members["other"]), fake)


@pytest.mark.parametrize("framing", ["scene", "patch"])
@pytest.mark.parametrize("size", [64, 48])
def test_all_members_have_one_size_and_one_encoding(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], framing: str, size: int
):
    real = coded(draw(), 80, "4:2:0")
    coding, facts = jpeg_coding(real), facts_of(draw())
    frame = plan_frame(facts, coding, view(framing, size), "pair", "salt")
    framed = cut(decode(real), facts, frame)
    side = framed.region.shape[0]
    fakes = {f"g{seed}": draw(side, side, seed=seed) for seed in (1, 2)}
    history = History(own=coding, pool=coding if framing == "scene" else None)
    members = align_pair(framed, fakes, facts, frame, history, Encoding(quality=91, subsampling="4:2:2"))
    assert list(members) == ["real", "g1", "g2"]
    assert {decode(data).shape for data in members.values()} == {(size, size, 3)}
    assert len({jpeg_coding(data) for data in members.values()}) == 1
    headers = {data[: data.index(b"\xff\xda")] for data in members.values()}
    assert len(headers) == 1


@pytest.mark.parametrize(
    "leak",
    [
        "other tables",
        "other subsampling",
        "grid shifted by 3 px",
        "no margin",
        "no second history",
        "truncation",
    ],
)
def test_the_backbone_has_the_power_to_see_each_leak(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], leak: str
):
    """The comparison is no tautology: done wrongly by hand, the same pair differs."""
    untouched, facts = draw(), facts_of(draw())
    real = coded(untouched, 70, "4:2:0")
    coding = jpeg_coding(real)
    frame = plan_frame(facts, coding, view("patch"), "pair", "salt")
    region = cut(untouched, facts, frame).region
    leaky = {
        "other tables": lambda: recode(region, jpeg_coding(coded(untouched, 72, "4:2:0"))),
        "other subsampling": lambda: recode(region, JpegCoding(tables=coding.tables, subsampling="4:4:4")),
        "grid shifted by 3 px": lambda: np.roll(recode(np.roll(region, 3, axis=1), coding), -3, axis=1),
        "no margin": lambda: np.pad(recode(region[16:-16, 16:-16], coding), ((16, 16), (16, 16), (0, 0))),
        "no second history": lambda: region,
        "truncation": lambda: recode(((region / 255 * 0.999999) * 255).astype(np.uint8), coding),
    }[leak]()
    window = cut(decode(real), facts, frame).shown
    assert np.array_equal(recode(region, coding)[16:-16, 16:-16], window)
    assert not np.array_equal(leaky[16:-16, 16:-16], window)


@pytest.mark.parametrize(
    ("fake", "reason"),
    [("black", Reason.BLANK), ("speck", Reason.NEAR_UNIFORM), ("grey", Reason.GREYSCALE)],
)
@pytest.mark.parametrize("side", ["fake", "real"])
def test_a_pair_is_dropped_when_either_member_fails_a_predicate(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts], fake: str, reason: Reason, side: str
):
    pixels = draw(64, 64)
    bad = {
        "black": np.zeros_like(pixels),
        "speck": np.where(np.arange(64)[:, None, None] < 2, pixels, np.uint8(90)),
        "grey": np.repeat(pixels[..., :1], 3, axis=2),
    }[fake]
    facts = facts_of(pixels)
    frame = plan_frame(facts, None, view("scene"), "pair", "salt")
    real, generated = (bad, pixels) if side == "real" else (pixels, bad)
    with pytest.raises(RejectedItem) as rejected:
        align_pair(Framed(shown=real, region=real), {"sd": generated}, facts, frame, History(), FINAL)
    assert rejected.value.reason is reason
    assert rejected.value.detail.startswith("real" if side == "real" else "sd")


def test_thresholds_of_the_predicates_are_the_callers(draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts]):
    pixels = draw(64, 64)
    facts = facts_of(pixels)
    frame = plan_frame(facts, None, view("scene"), "pair", "salt")
    framed = Framed(shown=pixels, region=pixels)
    with pytest.raises(RejectedItem):
        align_pair(framed, {}, facts, frame, History(), FINAL, PredicateRules(grey_chroma=400))


def test_a_fake_of_another_shape_than_was_asked_for_is_an_error(
    draw: Callable[..., Pixels], facts_of: Callable[..., ImageFacts]
):
    facts = facts_of(draw())
    frame = plan_frame(facts, None, view("patch"), "pair", "salt")
    framed = cut(draw(), facts, frame)
    with pytest.raises(ValueError, match=r"sd returned shape \(64, 64, 3\)"):
        align_pair(framed, {"sd": draw(64, 64)}, facts, frame, History(), FINAL)


def test_the_final_encoding_is_drawn_by_pair_and_salt_over_its_whole_range():
    rules = AlignmentRules(quality=(90, 93), subsamplings=("4:4:4", "4:2:0"))
    drawn = [final_encoding(rules, f"pair{number}", "salt") for number in range(200)]
    assert {(encoding.quality, encoding.subsampling) for encoding in drawn} == {
        (quality, subsampling) for quality in (90, 91, 92, 93) for subsampling in ("4:4:4", "4:2:0")
    }
    assert drawn == [final_encoding(rules, f"pair{number}", "salt") for number in range(200)]
    assert drawn != [final_encoding(rules, f"pair{number}", "pepper") for number in range(200)]
    assert final_encoding(AlignmentRules(format="PNG"), "pair", "salt").format == "PNG"


def test_an_image_that_stands_alone_is_reduced_and_encoded_as_members_are(draw: Callable[..., Pixels]):
    pixels = draw(64, 64)
    frame = plan_generated(ViewRules(name="v", framing="single", sources=("s",), frame=64, size=32, generators=("sd",)))
    data = align_single(pixels, frame, Encoding(format="PNG"), DROP_NOTHING)
    assert (decode(data) == resize(pixels, 32, "lanczos")).all()
    with pytest.raises(ValueError, match="expected 64x64"):
        align_single(pixels[:32], frame, FINAL, DROP_NOTHING)
    with pytest.raises(RejectedItem) as rejected:
        align_single(np.full_like(pixels, 9), frame, FINAL)
    assert rejected.value.reason is Reason.BLANK
