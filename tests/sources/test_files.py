"""Files of sources as they really come: compressed, cut off, damaged, on servers in trouble, without line breaks."""

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from manifests.errors import SourceError
from sources.files import open_file, read_lines
from sources.paths import find_files

TEXT = b"".join(b"line %d\n" % number for number in range(5000))


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


def failure(path: Path | str) -> str:
    with pytest.raises(SourceError) as caught, open_file(str(path), compression="infer") as stream:
        stream.read()
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("xz", lzma.compress), ("zst", zstd)])
def test_a_compressed_file_is_read_and_a_cut_or_damaged_one_is_named(
    tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]
):
    whole = compress(TEXT)
    path = tmp_path / f"a.csv.{ending}"
    path.write_bytes(whole)
    with open_file(str(path), compression="infer") as stream:
        assert stream.read() == TEXT
    path.write_bytes(whole[:-20])
    assert f"a.csv.{ending}: " in failure(path)
    path.write_bytes(whole[:20] + b"\x55" * 60 + whole[80:])
    assert f"a.csv.{ending}: " in failure(path)
    path.write_bytes(b"no such thing")
    assert f"a.csv.{ending}: " in failure(path)


def test_a_server_in_trouble_is_one_clear_line(server: Any):
    server.routes |= {
        "/500.csv": lambda handler: handler.answer(b"", status=500),
        "/short.csv": lambda handler: handler.answer(b"url\n", length=1000),
        "/loop.csv": lambda handler: handler.answer(b"", status=302, Location="/loop.csv"),
    }
    for name in ("500", "short", "loop", "missing"):
        assert f"{name}.csv: " in failure(server.url(f"/{name}.csv"))
    assert "its server does not answer" in failure("http://127.0.0.1:9/a.csv")
    with pytest.raises(SourceError, match=r"500\.csv: "):
        find_files(server.url("/500.csv"), [".csv"])


@pytest.mark.parametrize("url", ["foo://a.csv", "a\0.csv", "data:text"])
def test_a_path_that_is_none_is_refused(url: str):
    with pytest.raises(SourceError), open_file(url):
        pass


def test_what_goes_wrong_in_the_reader_is_not_taken_for_the_files_fault(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(TEXT)
    with pytest.raises(ZeroDivisionError), open_file(str(tmp_path / "a.csv")):
        raise ZeroDivisionError


def test_a_file_without_line_breaks_is_not_read_whole(tmp_path: Path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x" * 2**25, compresslevel=1))
    with (
        pytest.raises(SourceError, match="line 1 is longer than"),
        open_file(str(tmp_path / "a.csv.gz"), compression="infer") as stream,
    ):
        next(read_lines(stream, "a.csv.gz"))
