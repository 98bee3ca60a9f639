import pytest
from pydantic import ValidationError

from audit.features import SMALLEST_SIDE as SMALLEST_AUDITED
from pixels.config import SMALLEST_SIDE, AlignmentRules, NaiveRules, ViewRules


def view(**changes: object) -> ViewRules:
    settings = {"name": "v", "framing": "scene", "frame": 128, "size": 96, "generators": ("sd",)}
    return ViewRules.model_validate(settings | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 129}, "never enlarged"),
        ({"size": 31}, "greater than or equal to 32"),
        ({"framing": "patch", "frame": 120}, "multiple of 16"),
        ({"framing": "patch", "margin": 0}, "greater than or equal to 16"),
        ({"framing": "patch", "margin": 24}, "multiple of 16"),
        ({"generators": ()}, "a pair needs at least one fake"),
        ({"generators": ("sd", "sd")}, "named twice"),
        ({"generators": ("real",)}, "name of another member"),
        ({"generators": ("S D",)}, "pattern"),
        ({"kernel": "nearest"}, "lanczos"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_view_that_cannot_be_made_is_refused(changes: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        view(**changes)


def test_members_are_never_smaller_than_the_audit_can_look_at():
    assert SMALLEST_SIDE == SMALLEST_AUDITED
    assert view(size=SMALLEST_SIDE).size == SMALLEST_SIDE
    with pytest.raises(ValidationError, match="greater than or equal to 32"):
        NaiveRules(resize=31)


def test_a_scene_may_have_any_frame():
    assert view(frame=100, size=100).frame == 100


def test_views_round_trip_through_their_own_dump():
    for framing in ("scene", "patch"):
        rules = view(framing=framing)
        assert ViewRules.model_validate(rules.model_dump()) == rules


@pytest.mark.parametrize("quality", [(95, 90), (0, 90), (90, 101)])
def test_a_quality_range_that_is_none_is_refused(quality: tuple[int, int]):
    with pytest.raises(ValidationError, match="lowest <= highest"):
        AlignmentRules(quality=quality)
