import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from manifests.errors import DatasetError
from manifests.storage import Folder

FULL_DISK = Path("/dev/full")


def all_names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_what_is_written_is_read_back(folder: Folder):
    folder.write("reports/audit.json", b"0123456789")
    assert folder.read("reports/audit.json") == b"0123456789"
    assert folder.read_range("reports/audit.json", 3, 4) == b"3456"
    assert folder.size("reports/audit.json") == 10
    with folder.open("reports/audit.json") as stream:
        assert stream.read(2) == b"01"
    assert folder.child("reports").read("audit.json") == b"0123456789"


def test_a_file_can_be_written_again(folder: Folder):
    folder.write("a", b"a longer text")
    folder.write("a", b"short")
    assert (folder.read("a"), folder.size("a")) == (b"short", 5)


def test_what_is_not_there_has_no_size_and_cannot_be_read(folder: Folder):
    assert folder.size("a") is None
    assert folder.names() == []
    assert folder.files() == []
    with pytest.raises(FileNotFoundError):
        folder.read("a")
    folder.write("a", b"")
    assert folder.size("a") == 0
    assert folder.size("a/b") is None


def test_names_are_those_of_the_folder_and_files_those_below_it(folder: Folder):
    for name in ("b", "a", "shards/d", "shards/c", "shards/deep/e"):
        folder.write(name, b"")
    assert folder.names() == ["a", "b"]
    assert folder.files() == ["a", "b", "shards/c", "shards/d", "shards/deep/e"]
    assert folder.child("shards").names() == ["c", "d"]


def test_many_files_are_read_at_once_and_what_is_not_there_is_left_out(folder: Folder):
    folder = folder.child("a [b]")
    for name in ("one", "two", "deep/three"):
        folder.write(name, name.encode())
    assert folder.sizes() == {"one": 3, "two": 3}
    assert folder.read_all(["two", "none", "deep/three", "one"]) == {
        "two": b"two",
        "deep/three": b"deep/three",
        "one": b"one",
    }
    assert folder.read_all([]) == {}
    assert folder.child("none").sizes() == {}


def test_of_two_that_claim_a_file_in_a_store_one_has_it(tmp_path: Path):
    folder = Folder.at(f"memory://{tmp_path.name}")
    assert folder.claim("lease", b"first")
    assert not folder.claim("lease", b"second")
    assert folder.read("lease") == b"first"


def test_what_is_removed_is_gone(folder: Folder):
    for name in ("a", "b", "shards/c"):
        folder.write(name, b"")
    folder.remove("a")
    folder.remove("never there")
    assert folder.files() == ["b", "shards/c"]
    folder.remove_all()
    folder.remove_all()
    assert folder.files() == []


@pytest.mark.parametrize("before", [None, b"as it was"])
def test_a_block_that_raises_leaves_the_file_as_it_was(folder: Folder, before: bytes | None):
    if before is not None:
        folder.write("a", before)

    def fail() -> None:
        with folder.create("a") as stream:
            stream.write(b"half of it")
            stream.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert folder.files() == ([] if before is None else ["a"])
    assert before is None or folder.read("a") == before
    assert not folder.is_local or all_names(Path(folder.root)) == ([] if before is None else ["a"])


def test_a_file_appears_only_when_it_is_whole(folder: Folder):
    with folder.create("a") as stream:
        stream.write(b"half of it")
        stream.flush()
        assert folder.size("a") is None
        assert folder.names() == folder.files() == []
    assert folder.files() == ["a"]


def test_a_killed_write_leaves_nothing_under_the_name_and_sweep_removes_the_rest(tmp_path: Path):
    program = (
        "import sys\n"
        "from manifests.storage import Folder\n"
        "with Folder.at(sys.argv[1]).create('shards/a.tar') as stream:\n"
        "    stream.write(bytes(100_000))\n"
        "    stream.flush()\n"
        "    print('writing', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=pipe, stdout=pipe) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.kill()
    folder = Folder.at(str(tmp_path))
    folder.write("shards/b.tar", b"whole")
    assert folder.size("shards/a.tar") is None
    assert folder.files() == ["shards/b.tar"]
    assert len(all_names(tmp_path / "shards")) == 2
    folder.sweep()
    assert all_names(tmp_path / "shards") == ["b.tar"]


@pytest.mark.skipif(not FULL_DISK.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # the temporary file is the device that has no room left: what is written to it fails as on a full disk
    monkeypatch.setattr("manifests.storage.secrets.token_hex", lambda _bytes: "full")
    (tmp_path / "a.partial-full").symlink_to(FULL_DISK)
    with pytest.raises(DatasetError, match=f"^{tmp_path}: the disk is full. Free some space") as caught:
        Folder.at(str(tmp_path)).write("a", bytes(100_000))
    assert "\n" not in str(caught.value)
    assert all_names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EDQUOT, "the quota of disk space is used up. Free some space"),
        (errno.EFBIG, "a file would grow larger than is allowed here. Raise the limit"),
    ],
)
def test_other_limits_of_a_disk_are_one_clear_line(tmp_path: Path, number: int, told: str):
    with (
        pytest.raises(DatasetError, match=f"^{tmp_path}: {told}") as caught,
        Folder.at(str(tmp_path)).create("a"),
    ):
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(caught.value)
    assert all_names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_a_file_beyond_the_limit_is_one_clear_line(tmp_path: Path):
    program = f"from manifests.storage import Folder; Folder.at({str(tmp_path)!r}).write('a', bytes(10_000))"
    limited = f'ulimit -f 1; exec "{sys.executable}" -B -c "{program}"'
    done = subprocess.run(["sh", "-c", limited], capture_output=True, text=True, check=False)  # noqa: S607
    assert "DatasetError" in done.stderr.splitlines()[-1]
    assert "larger than is allowed here" in done.stderr.splitlines()[-1]
    assert all_names(tmp_path) == []


@pytest.mark.parametrize("below", ["file", "file/deeper"])
def test_a_folder_that_cannot_be_one_is_one_clear_line(tmp_path: Path, below: str):
    (tmp_path / "file").write_bytes(b"")
    folder = Folder.at(str(tmp_path / below))
    assert folder.size("a") is None
    with pytest.raises(DatasetError, match=r"file.*: cannot write here .*Choose another folder") as caught:
        folder.write("a", b"")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="no such file system there")
def test_a_file_system_that_takes_no_files_is_one_clear_line():
    for ask in (lambda: Folder.at("/proc").write("a", b""), Folder.at("/proc/a").check_writable):
        with pytest.raises(DatasetError, match=r"^/proc.*: cannot write here .*Choose another folder"):
            ask()


def test_asking_whether_a_folder_can_be_written_leaves_nothing(folder: Folder, tmp_path: Path):
    folder.write("a", b"1")
    folder.check_writable()
    assert folder.files() == ["a"]
    Folder.at(str(tmp_path / "new")).check_writable()
    assert not (tmp_path / "new").exists()


def test_another_error_of_the_system_stays_as_it_is(folder: Folder):
    def fail() -> None:
        with folder.create("a"):
            raise FileNotFoundError("something else is missing")

    with pytest.raises(FileNotFoundError, match="something else"):
        fail()


@pytest.mark.parametrize("url", ["nowhere://bucket/set", "nosuchprotocol::x"])
def test_a_url_of_no_known_file_system_is_one_clear_line(url: str):
    with pytest.raises(DatasetError, match=f"^{url}: cannot be opened"):
        Folder.at(url)


def test_a_file_is_in_the_folder_that_its_path_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folders = {url: Folder.of_file(url) for url in ("/x.onnx", "x.onnx", "below/x.onnx", f"{tmp_path}/deep/x.onnx")}
    assert {name for _, name in folders.values()} == {"x.onnx"}
    assert [folder.root for folder, _ in folders.values()] == [
        "/",
        str(tmp_path),
        str(tmp_path / "below"),
        str(tmp_path / "deep"),
    ]


def test_a_folder_says_where_it_is(tmp_path: Path):
    assert str(Folder.at(str(tmp_path))) == str(tmp_path)
    assert str(Folder.at(f"{tmp_path}/")) == str(tmp_path)
    assert str(Folder.at("memory://set/part")) == "memory:///set/part"
    assert Folder.at(str(tmp_path)).is_local
    assert not Folder.at("memory://set").is_local
