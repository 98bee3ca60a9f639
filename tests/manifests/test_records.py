from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from manifests import canonical
from manifests.records import LABELS, SPLITS, Caption, Fake, Frame, Pair, Reason, Reject, SourceImage

TEXT = st.text(max_size=12)


@settings(max_examples=60)
@given(
    real=st.fixed_dictionaries(dict.fromkeys(("author", "title", "url", "class_label", "source_id"), TEXT)),
    caption=st.builds(
        Caption,
        text=TEXT,
        cleaned=TEXT,
        model=TEXT,
        decoding=st.dictionaries(
            TEXT, TEXT | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(-9, 9), max_size=3
        ),
    ),
    fake=st.fixed_dictionaries({"seed": st.integers(0, 2**63 - 1), "guidance_scale": st.floats(0, 20), "prompt": TEXT}),
    ratio=st.floats(1, 8),
)
def test_a_pair_is_one_line_and_is_read_back_with_the_same_bytes(
    make_pair: Callable[..., Pair], real: dict[str, str], caption: Caption, fake: dict[str, Any], ratio: float
):
    plain = make_pair(1)
    pair = plain.model_copy(
        update={
            "image": plain.image.model_copy(update=real),
            "caption": caption,
            "fakes": {name: each.model_copy(update=fake) for name, each in plain.fakes.items()},
            "frame": plain.frame.model_copy(update={"ratio": ratio}),
        }
    )
    data = canonical.dumps(pair)
    assert len(data.splitlines()) == 1
    again = Pair.model_validate_json(data)
    assert again == pair
    assert canonical.dumps(again) == data


def test_records_are_frozen(make_pair: Callable[..., Pair]):
    pair = make_pair(1)
    with pytest.raises(ValidationError, match="frozen"):
        pair.split = "test"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (SourceImage, "key", "0123456789ABCDEF"),
        (SourceImage, "key", "0123456789abcdef\n"),
        (SourceImage, "sha256", "0" * 63),
        (SourceImage, "colour", "red"),
        (Frame, "view", "scene/.."),
        (Frame, "side", 0),
        (Frame, "ratio", float("nan")),
        (Fake, "generator", "SD14"),
        (Fake, "generator", ""),
        (Fake, "method", "painting"),
        (Fake, "seed", -1),
        (Fake, "device", None),
        (Pair, "split", "validate"),
        (Pair, "shard", "../train-000000.tar"),
        (Pair, "history", "similar"),
        (Reject, "reason", "ugly"),
        (Reject, "stage", "cook"),
    ],
)
def test_what_cannot_be_is_refused(make_pair: Callable[..., Pair], kind: type, field: str, value: object):
    pair = make_pair(1)
    reject = Reject(key="k", stage="screen", reason=Reason.BLANK)
    whole = {SourceImage: pair.image, Frame: pair.frame, Fake: pair.fakes["vae"], Pair: pair, Reject: reject}[kind]
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({**whole.model_dump(), field: value})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_every_reason_can_be_written_and_read():
    for reason in Reason:
        reject = Reject(key="k", stage="screen", reason=reason)
        assert Reject.model_validate_json(canonical.dumps(reject)) == reject
        assert str(reason) == reason.value == reason.value.lower()


def test_the_words_for_splits_and_labels_are_the_usual_ones():
    assert SPLITS == ("train", "validation", "test")
    assert LABELS == {"real": 0, "fake": 1}


def test_an_image_that_stands_alone_has_one_member_and_a_label(make_single: Callable[..., Pair]):
    real, fake = make_single(1), make_single(2, generator="painter")
    assert [(pair.label, pair.generator, list(pair.members)) for pair in (real, fake)] == [
        (0, "", ["image"]),
        (1, "painter", ["image"]),
    ]
    assert Pair.model_validate_json(canonical.dumps(fake)) == fake


@pytest.mark.parametrize(
    ("framing", "names"), [("single", ["real"]), ("single", ["image", "real"]), ("scene", ["image"])]
)
def test_members_fit_the_framing(make_single: Callable[..., Pair], framing: str, names: list[str]):
    record = make_single(1).model_dump()
    record["frame"]["framing"] = framing
    record["members"] = dict.fromkeys(names, record["members"]["image"])
    with pytest.raises(ValidationError, match="members"):
        Pair.model_validate(record)
