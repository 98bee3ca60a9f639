import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import DatasetError
from manifests.shards import Sample, read_shard, write_shard
from manifests.spans import index_shard


def shard(*members: tuple[str, dict[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    write_shard(stream, (Sample(key, images, {"pair_id": key}) for key, images in members))
    return stream.getvalue()


def foreign(name: str, kind: bytes = tarfile.REGTYPE, layout: int = tarfile.USTAR_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=layout) as tar:
        info = tarfile.TarInfo(name)
        info.type = kind
        info.linkname = "elsewhere"
        tar.addfile(info)
    return stream.getvalue()


SMALL = shard(("a-scene", {"real": b"R" * 700, "vae": b"V"}), ("b-scene", {"real": b"", "vae": b"W" * 512}))


@given(
    st.dictionaries(
        st.from_regex(r"[0-9a-f]{4}-[a-z]{1,5}", fullmatch=True),
        st.dictionaries(st.sampled_from(["real", "vae", "painter"]), st.binary(max_size=2000), min_size=1),
        max_size=5,
    )
)
def test_each_span_holds_the_member_that_reading_gives(content: dict[str, dict[str, bytes]]):
    data = shard(*content.items())
    spans = index_shard(io.BytesIO(data), "shard")
    found = {
        key: {name: data[span.offset : span.offset + span.size] for name, span in members.items()}
        for key, members in spans.items()
    }
    assert found == {sample.key: dict(sample.members) for sample in read_shard(io.BytesIO(data), "shard")}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tar",
        SMALL[:300],
        SMALL[:2048],
        foreign("a-scene.real.jpg", tarfile.SYMTYPE),
        foreign("a-scene.real.jpg", tarfile.LNKTYPE),
        foreign("a-scene.real.jpg", tarfile.CHRTYPE),
        foreign("../../etc/passwd"),
        foreign("/a-scene.real.jpg"),
        foreign("folder/a-scene.real.jpg"),
        foreign("a" * 99 + "/" + "b-scene.real.jpg"),
        foreign("é.real.jpg", layout=tarfile.PAX_FORMAT),
        foreign("a" * 150 + ".real.jpg", layout=tarfile.GNU_FORMAT),
        SMALL.replace(b"ustar", b"vstar", 1),
    ],
)
def test_anything_else_is_a_damaged_shard(data: bytes):
    with pytest.raises(DatasetError, match="damaged shard"):
        index_shard(io.BytesIO(data), "shard")


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_an_error_or_spans_within_the_file(place: int, change: int):
    data = bytearray(SMALL)
    data[place] ^= change
    try:
        spans = index_shard(io.BytesIO(bytes(data)), "shard")
    except DatasetError:
        return
    assert all(
        0 <= span.offset <= span.offset + span.size <= len(data) for of in spans.values() for span in of.values()
    )
