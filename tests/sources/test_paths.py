"""From a path of a recipe to files."""

from pathlib import Path

import pytest

from manifests.errors import SourceError
from sources.paths import find_files, is_file, is_folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b/2.tar", "a/1.tar", "a/deep/3.tar", "a/note.txt", ".cache/4.tar", "5.tar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ["5.tar", "a/1.tar", "a/deep/3.tar", "b/2.tar"]),
        ("a/", ["1.tar", "deep/3.tar"]),
        ("a/note.txt", ["note.txt"]),
        ("*.tar", ["5.tar"]),
        ("*/*.tar", [".cache/4.tar", "a/1.tar", "b/2.tar"]),
        ("a/**/*.tar", ["1.tar", "deep/3.tar"]),
        ("[ab]/?.tar", ["a/1.tar", "b/2.tar"]),
        ("{a,b}", ["a/1.tar", "a/deep/3.tar", "b/2.tar"]),
        ("{a/1,b/2}.tar", ["a/1.tar", "b/2.tar"]),
        ("{a,b}/*.tar", ["a/1.tar", "b/2.tar"]),
    ],
)
def test_names_start_from_the_fixed_part_of_the_path(tree: Path, path: str, names: list[str]):
    found = find_files(f"{tree}/{path}", (".tar",))
    assert [file.name for file in found] == names
    for file in found:
        place = Path(file.url.removeprefix("file://"))
        assert place.read_bytes().endswith(place.name.encode())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "there is nothing"),
        ("z*.tar", "no file fits the pattern; there are 4 entries in"),
        ("c/*.tar", "and there is no folder"),
        ("{a,c}", "c: there is nothing"),
        ("{a", "cannot be"),
        ("b", "no files that end in .zip"),
    ],
)
def test_what_is_not_there_is_one_line_that_says_what_is(tree: Path, path: str, words: str):
    with pytest.raises(SourceError) as caught:
        find_files(f"{tree}/{path}", (".zip",) if path == "b" else (".tar",))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_may_have_a_name_like_a_pattern(tmp_path: Path):
    (tmp_path / "set [1]").mkdir()
    (tmp_path / "set [1]" / "a.tar").write_bytes(b"")
    assert [file.name for file in find_files(str(tmp_path / "set [1]"), (".tar",))] == ["a.tar"]


def test_a_protocol_that_nobody_knows_is_named():
    for ask in (is_file, is_folder, lambda path: find_files(path, ())):
        with pytest.raises(SourceError, match=r"nothing://a: cannot be opened"):
            ask("nothing://a")


def test_files_and_folders_are_told_apart(tree: Path):
    assert is_folder(str(tree / "a"))
    assert not is_folder(str(tree / "5.tar"))
    assert is_file(str(tree / "5.tar"))
    assert not is_file(str(tree))
