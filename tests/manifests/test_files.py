import hashlib
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.files import WrittenFile, create_described, describe
from manifests.storage import Folder


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_file_is_described_by_name_digest_and_size(folder: Folder, size: int):
    data = bytes(size)
    folder.write("shards/a.tar", data)
    expected = WrittenFile(name="shards/a.tar", sha256=hashlib.sha256(data).hexdigest(), size=size)
    assert describe(folder, "shards/a.tar") == expected


@given(st.lists(st.binary(max_size=3000), max_size=6))
def test_a_file_is_described_while_it_is_written_as_it_is_when_it_is_read(parts: list[bytes]):
    folder = Folder.at(f"memory://{uuid.uuid4()}")
    with create_described(folder, "manifest.jsonl") as stream:
        for part in parts:
            assert stream.write(part) == len(part)
            assert stream.tell() == stream.file.size
    assert stream.file == describe(folder, "manifest.jsonl")
    assert folder.read("manifest.jsonl") == b"".join(parts)
    folder.remove_all()


def test_a_file_that_is_not_written_to_its_end_is_not_there(folder: Folder):
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"), create_described(folder, "a") as stream:
        stream.writelines(parts())
    assert folder.files() == []
