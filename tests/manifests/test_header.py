from collections.abc import Callable

import pytest
from pydantic import ValidationError

from manifests import canonical
from manifests.header import Header, ShardInfo
from manifests.records import JpegCoding

LUMA, CHROMA = tuple(range(1, 65)), (17,) * 64


def test_a_header_is_one_line_and_is_read_back(make_header: Callable[..., Header]):
    header = make_header(
        recipe={"sources": [{"type": "folder", "path": "photos\n"}], "seed": 1, "ratio": 0.5, "none": None},
        shards=[ShardInfo(name="train-scene-000000.tar", split="train", view="scene", pairs=0)],
        jpeg_tables={"00ff": (LUMA, CHROMA)},
    )
    data = canonical.dumps(header)
    assert b"\n" not in data
    assert Header.model_validate_json(data) == header


def test_a_pair_s_jpeg_coding_is_found_by_its_digest(make_header: Callable[..., Header]):
    header = make_header(jpeg_tables={"00ff": (LUMA, CHROMA), "aa00": (LUMA,)})
    assert header.coding("00ff", "4:2:0") == JpegCoding(tables=(LUMA, CHROMA), subsampling="4:2:0")
    with pytest.raises(KeyError):
        header.coding("beef", "4:2:0")
    with pytest.raises(ValidationError):
        header.coding("00ff", "4:1:1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "---\nlicense: mit"),
        ("name", "<script>"),
        ("name", ""),
        ("shards", [{"name": "train-000000.tar", "split": "train", "view": "scene", "pairs": -1}]),
        ("shards", [{"name": "train-000000.tar", "split": "training", "view": "scene", "pairs": 1}]),
        ("a_field_of_nobody", 1),
    ],
)
def test_what_cannot_be_is_refused(make_header: Callable[..., Header], field: str, value: object):
    with pytest.raises(ValidationError, match=field):
        make_header(**{field: value})
