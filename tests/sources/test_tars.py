"""Tars whose headers say what no tar holds."""

import io
import tarfile
from typing import Any

import pytest

from manifests.errors import SourceError
from sources.tars import walk


def tar(attributes: dict[str, str], data: bytes = b"x" * 512) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.jpg")
        member.size, member.pax_headers = len(data), attributes
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}


@pytest.mark.parametrize(
    "attributes", [SPARSE | {"GNU.sparse.realsize": "5"}, {"GNU.sparse.map": "a,b"}, {"size": "x"}]
)
def test_an_odd_header_is_one_clear_line(attributes: dict[str, str]):
    with pytest.raises(SourceError, match=r"a\.tar: (not a whole tar|cut off)"):
        list(walk(io.BytesIO(tar(attributes)), "a.tar", only_files=False))


def test_a_header_that_claims_to_be_huge_is_not_read():
    class Endless(io.BytesIO):
        longest = 0

        def read(self, size: Any = -1) -> bytes:
            self.longest = max(self.longest, size)
            return super().read(min(size, 2**16))

    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 2**33
    stream = Endless(header.tobuf(tarfile.GNU_FORMAT) + bytes(2**17))
    with pytest.raises(SourceError, match="a header of more than"):
        list(walk(stream, "a.tar", size=2**34))
    assert stream.longest < 2**20
