import hashlib

import pytest

from manifests.files import WrittenFile, describe
from manifests.storage import Folder


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_file_is_described_by_name_digest_and_size(folder: Folder, size: int):
    data = bytes(size)
    folder.write("shards/a.tar", data)
    expected = WrittenFile(name="shards/a.tar", sha256=hashlib.sha256(data).hexdigest(), size=size)
    assert describe(folder, "shards/a.tar") == expected
