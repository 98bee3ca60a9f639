"""Lists of prompts, and folders of generated images with prompts beside them."""

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from manifests.errors import SourceError
from sources.base import Fetched, accept
from sources.fakes.prompted_folder import PromptedFolderConfig
from sources.prompts import PromptsConfig


def prompts(path: Path, **settings: Any):
    return PromptsConfig(path=str(path), **settings).open()


def listed(path: Path, **settings: Any) -> list[tuple[str, str]]:
    return [(listing.source_id, listing.source_caption) for listing in prompts(path, **settings).list()]


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        listed(path, **settings)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    return str(caught.value)


def test_a_text_file_has_one_prompt_a_line(tmp_path: Path):
    path = tmp_path / "prompts.txt"
    path.write_bytes("\ufeffa red apple \r\n\n  ein Bär, gemalt".encode())
    assert listed(path) == [("1-0", "a red apple"), ("3-0", "ein Bär, gemalt")]


def test_each_prompt_stands_for_as_many_images_as_asked(tmp_path: Path):
    path = tmp_path / "prompts.txt.gz"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    source = prompts(path, images_per_prompt=3, license="CC0-1.0")
    listings = list(source.list())
    assert [listing.source_id for listing in listings] == ["1-0", "1-1", "1-2", "2-0", "2-1", "2-2"]
    assert {(listing.variant, listing.terms) for listing in listings} == {("prompt", "open")}
    outcomes = [outcome for _, outcome in source.fetch(listings, tmp_path)]
    assert [outcome.data for outcome in outcomes if isinstance(outcome, Fetched)] == [
        b"a\n0",
        b"a\n1",
        b"a\n2",
        b"b\n0",
        b"b\n1",
        b"b\n2",
    ]
    assert all(isinstance(outcome, Fetched) and outcome.image.variant == "prompt" for outcome in outcomes)


def test_the_prompts_of_a_csv_may_hold_newlines(tmp_path: Path):
    path = tmp_path / "diffusion_prompts.csv"
    path.write_text('id,prompt,url\n7,"a castle,\n""gothic"",\nat night",https://a.example/1.png\n8,b,\n')
    assert listed(path) == [("1-0", 'a castle,\n"gothic",\nat night'), ("2-0", "b")]


def test_json_lines_and_tsv(tmp_path: Path):
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"text": text, "n": 1}) + "\n" for text in ("a\nb", "c")))
    (tmp_path / "p.tsv").write_text("text\tn\na, b\t1\n")
    assert listed(tmp_path / "p.jsonl", column="text") == [("1-0", "a\nb"), ("2-0", "c")]
    assert listed(tmp_path / "p.tsv", column="text") == [("1-0", "a, b")]


def test_limits_choose_among_the_images(tmp_path: Path):
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(f"prompt {number}" for number in range(20)))
    few, more = (set(listed(path, images_per_prompt=2, limit=limit)) for limit in (5, 15))
    assert len(few) == 5
    assert len(more) == 15
    assert few < more
    with pytest.raises(ValidationError, match="no classes"):
        prompts(path, limit_per_class=2)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.csv", b"prompt,n\na,1\n,2\n", "line 3, 'prompt': empty"),
        ("p.csv", b'prompt,n\n"a\nb",1\nc\n', "line 4: 1 columns, the header has 2"),
        ("p.csv", b"text,n\na,1\n", "line 2, 'prompt': nothing .* there are text, n"),
        ("p.csv", b"prompt,\x1b[31m\n\xff,1\n", "not a CSV in UTF-8"),
        ("p.csv", b'prompt\n"a\n', "after line 2: not a CSV"),
        ("p.csv", b"prompt,prompt\na,b\n", "stands twice"),
        ("p.jsonl", b'{"prompt": "a"}\n\n{"prompt": 3}\n', "line 3, 'prompt': int"),
        ("p.jsonl", b'{"prompt": "a"}\n{"prompt"\n', "line 2: not JSON"),
        ("p.jsonl", b'["a"]\n', "line 1: list"),
        ("p.jsonl", b'{"prompt": "\\ud800"}\n', "line 1, 'prompt': holds half of a character"),
        ("p.txt", b"a\n\xff\n", "not UTF-8"),
        ("p.csv.gz", b"no gzip", "cannot be read"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, name: str, text: bytes, words: str):
    (tmp_path / name).write_bytes(text)
    message = refused(tmp_path / name)
    assert name in message
    with pytest.raises(SourceError, match=words):
        listed(tmp_path / name)


def test_a_missing_list_is_one_clear_line(tmp_path: Path):
    assert "no such file" in refused(tmp_path / "nowhere.csv")


def test_the_same_prompt_gives_the_same_bytes_in_any_row(tmp_path: Path):
    (tmp_path / "p.txt").write_text("a\nb\na\n")
    source = prompts(tmp_path / "p.txt")
    keys = [outcome.image.key for _, outcome in source.fetch(list(source.list()), tmp_path)]  # type: ignore[union-attr]
    assert keys[0] == keys[2] != keys[1]


def folder(path: Path, **settings: Any):
    return PromptedFolderConfig(path=str(path), **{"generator": "midjourney", **settings}).open()


def made(path: Path, **settings: Any) -> list[tuple[str, str, str]]:
    return [
        (listing.source_id, listing.made.generator, listing.made.prompt)
        for listing in folder(path, **settings).list()
        if listing.made
    ]


def test_synthetic_midjourney_folder_with_a_text_file_beside_each_image(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "day").mkdir()
    for name in ("day/a.png", "b.webp", "c.jpg", "d.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "day/a.txt").write_text("a lighthouse --ar 3:2 --v 6\n")
    (tmp_path / "b.txt").write_text("\ufeffein Hafen")
    (tmp_path / "d.txt").write_text("x" * 70_000)
    with caplog.at_level(logging.WARNING):
        assert made(tmp_path) == [
            ("b.webp", "midjourney", "ein Hafen"),
            ("day/a.png", "midjourney", "a lighthouse --ar 3:2 --v 6"),
        ]
    assert "2 images without a prompt" in caplog.text


def test_a_prompt_is_not_read_through_a_link_that_leads_out(tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.png").write_bytes(b"a")
    (root / "a.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceError, match="none of them has a prompt"):
        made(root)


def test_synthetic_midjourney_folder_with_one_csv(tmp_path: Path):
    images, table = tmp_path / "images", tmp_path / "prompts.csv"
    (images / "x").mkdir(parents=True)
    for name in ("a.png", "b.png", "x/c.png"):
        (images / name).write_bytes(name.encode())
    table.write_text('file,text\na.png,"one\ntwo"\nb,three\nx/c.png,four\n')
    settings = {"csv": str(table), "file_column": "file", "prompt_column": "text"}
    assert [prompt for _, _, prompt in made(images, **settings)] == ["one\ntwo", "three", "four"]
    source = folder(images, **settings)
    for listing, outcome in source.fetch(list(source.list()), tmp_path):
        assert isinstance(outcome, Fetched)
        assert outcome == accept(listing, listing.source_id.encode(), "prompted-folder")
    with pytest.raises(SourceError, match=r"prompts.csv: line 2, 'file_name': nothing"):
        made(images, csv=str(table))
