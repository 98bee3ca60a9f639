"""Lists of paths and labels."""

from pathlib import Path

import pytest

from audit.foreign import open_foreign
from tests.audit.foreign_sets import listed, put, refused, rows


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [("a.csv", ",", "utf-8"), ("a.csv", ";", "utf-8-sig"), ("a.tsv", "\t", "utf-8-sig")],
)
def test_a_list_of_paths(tmp_path: Path, name: str, delimiter: str, encoding: str):
    put(tmp_path, "x/a, b.jpg", "x/ü.png")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-c.png"
    put(tmp_path.parent, elsewhere.name)
    path = listed(
        tmp_path / name,
        [
            ["path", "label", "generator", "source", "split", "caption", "class"],
            ["x/a, b.jpg", "photo", "-", "coco", "val", 'two\nlines, "quoted"; and\ttabbed', "dog"],
            ["x/ü.png", "generated", "sdxl", "", "train", "", ""],
            [],
            [str(elsewhere), "Midjourney", "", "", "", "", ""],
        ],
        delimiter=delimiter,
        encoding=encoding,
    )
    for target in (path, tmp_path):  # a folder with one list is that list
        assert rows(target, "generator", "source", "split", "caption", "class_label") == [
            ("x/a, b.jpg", 0, "", "coco", "validation", 'two\nlines, "quoted"; and\ttabbed', "dog"),
            ("x/ü.png", 1, "sdxl", "", "train", "", ""),
            (str(elsewhere), 1, "Midjourney", "", "", "", ""),
        ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["../secret.jpg", "real"], "line 3, column 'path': '../secret.jpg' leads out"),
        (["link.jpg", "real"], "line 3, column 'path': 'link.jpg' leads out"),
        (["https://example.org/a.jpg", "real"], "is not the path of a local file"),
        (["gone.jpg", "real"], "line 3, column 'path': 'gone.jpg': there is no such file"),
        (["/dev/zero", "real"], "'/dev/zero': there is no such file"),
        ([" a.jpg", "real"], "' a.jpg': there is no such file; the blanks round it count"),
        (["  ", "real"], "'  ' is not the path of a local file"),
        (["x" * 5000, "real"], "... (5000 characters) cannot be a file's path"),
        (["/" + "x/" * 2500, "real"], "... (5001 characters) cannot be a file's path"),
        (["a.jpg", ""], "line 3, column 'label': there is no label"),
        (["a.jpg", "maybe"], "column 'label': these labels are not known to mean real or fake: 'maybe'"),
        (["a.jpg"], "line 3: 1 columns, the header has 2"),
        (["a.jpg", "real"], "holds no fakes (2 images"),
    ],
)
def test_a_broken_list_is_one_clear_line(tmp_path: Path, line: list[str], words: str):
    root = tmp_path / "root"
    put(root, "a.jpg")
    put(tmp_path, "secret.jpg")
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    message = refused(listed(root / "a.csv", [["path", "label"], ["a.jpg", "real"], line]))
    assert words in message
    assert len(message) < 1000


def test_blanks_round_a_path_are_part_of_it(tmp_path: Path):
    put(tmp_path, " a.jpg ", "b.jpg")
    path = listed(
        tmp_path / "a.csv", [["path", "label", "generator"], [" a.jpg ", " real", ""], ["b.jpg", "fake ", " sd"]]
    )
    assert rows(path, "generator") == [(" a.jpg ", 0, ""), ("b.jpg", 1, "sd")]
    assert [item.name for item in open_foreign(str(path)).pick({" a.jpg "})] == [" a.jpg "]


def test_lists_that_are_no_tables(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"path,label\n\xff\xfe,real\n")
    assert "not a CSV in UTF-8" in refused(path)
    assert "no label column 'label' among the columns path, kind" in refused(listed(path, [["path", "kind"]]))
    assert "no column of paths among the columns label, b" in refused(listed(path, [["label", "b"]]))
    assert "column 'path' stands there more than once" in refused(listed(path, [["path", "label", "path"]]))
    path.write_bytes(b"")
    assert "no label column" in refused(path)
    listed(tmp_path / "a.csv", [["path", "label"]])
    listed(tmp_path / "b.csv", [["path", "label"]])
    assert "several lists (a.csv, b.csv)" in refused(tmp_path)
