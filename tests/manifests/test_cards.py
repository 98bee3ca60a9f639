import fnmatch
import hashlib
import io
import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from manifests.cards import Composition, write_card, write_croissant
from manifests.header import Header
from manifests.records import Pair
from manifests.storage import Folder
from manifests.tables import write_manifest_parquet

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b |\n\n# A heading\r\rof **mine** _too_ `code` ~~gone~~",
    "![](https://example.org/track.gif) [here](javascript:alert(1)) <https://example.org>",
    "\\| \\\\| \\<b> &lt; &amp; $x$",
    "---\nlicense: mit\n---",
]


def parts(folder: Folder) -> tuple[dict[str, Any], str]:
    """The card's front matter, and the text below it."""
    empty, front, text = folder.read("README.md").decode().split("---\n", 2)
    assert empty == ""
    loaded = yaml.safe_load(front)
    assert isinstance(loaded, dict)
    return loaded, text


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def cells(text: str) -> list[str]:
    """The texts of all table cells, as a reader sees them; no cell may hold anything but text."""
    found, parsed = [], tokens(text)
    for opening, inline in itertools.pairwise(parsed):
        if opening.type in ("td_open", "th_open"):
            assert all(child.type in ("text", "text_special") for child in inline.children or [])
            found.append("".join(child.content for child in inline.children or []))
    return found


def write(folder: Folder, header: Header, pairs: Iterable[Pair]) -> tuple[dict[str, Any], str]:
    write_card(folder, header, Composition.of(pairs))
    return parts(folder)


def test_a_composition_counts_pairs_and_fakes(make_pair: Callable[..., Pair]):
    pairs = [
        make_pair(1),
        make_pair(1, view="patch", generators=("vae",)),
        make_pair(2, split="test", source="folder", license=""),
    ]
    composition = Composition.of(iter(pairs))
    assert composition.total == 3
    assert composition.pairs == {("train", "scene"): 1, ("train", "patch"): 1, ("test", "scene"): 1}
    assert composition.sources == {"noise": 2, "folder": 1}
    assert composition.licenses == {"CC0-1.0": 2, "not stated": 1}
    model = ("text-to-image", "example/painter", "0123abc")
    assert composition.generators == {("painter", *model): 2, ("vae", *model): 3}


def test_the_card_says_what_is_in_the_dataset(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    front, text = write(folder, make_header(), [make_pair(1), make_pair(2), make_pair(3, split="test")])
    assert front["pretty_name"] == "little-walls"
    assert front["task_categories"] == ["image-classification"]
    assert front["size_categories"] == ["n<1K"]
    parsed = itertools.pairwise(tokens(text))
    headings = [inline.content for opening, inline in parsed if opening.type == "heading_open"]
    assert headings == ["little-walls", "Composition"]
    assert cells(text)[:9] == ["split", "view", "pairs", "test", "scene", "1", "train", "scene", "2"]
    assert cells(text)[-2:] == ["CC0-1.0", "3"]


def test_the_card_counts_what_may_be_done_with_the_pixels(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    pairs = [make_pair(1, terms="open"), make_pair(2, terms="research-only"), make_pair(3, terms="open"), make_pair(4)]
    _, text = write(folder, make_header(), pairs)
    told = cells(text)
    place = told.index("terms of the source image")
    assert told[place + 2 : place + 8] == ["open", "2", "research-only", "1", "unknown", "1"]


def test_equal_datasets_have_equal_cards(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    pairs = [make_pair(number, source=f"source {number % 3}") for number in range(9)]
    first = write(folder, make_header(), pairs)
    assert write(folder, make_header(), pairs[::-1]) == first


@pytest.mark.parametrize("views", [["scene"], ["scene", "patch"], ["scene", "scene_2"], ["on", "null", "007"]])
def test_each_configuration_s_globs_match_its_own_shards_and_no_others(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair], views: list[str]
):
    pairs = [make_pair(1, view=view, split=split) for view in views for split in ("train", "test")]
    middle = {view: f"-{view}" if len(views) > 1 else "" for view in views}
    shards = {
        (view, split): {f"shards/{split}{middle[view]}-{number:06d}.tar" for number in range(2)}
        for view in views for split in ("train", "test")
    }  # fmt: skip
    names = [name for group in shards.values() for name in group]
    front, _ = write(folder, make_header(views=views), pairs)
    assert [config["config_name"] for config in front["configs"]] == views
    found = {
        (config["config_name"], files["split"]): set(fnmatch.filter(names, files["path"]))
        for config in front["configs"] for files in config["data_files"]
    }  # fmt: skip
    assert found == shards


def test_a_view_without_pairs_is_no_configuration(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    front, _ = write(folder, make_header(views=["scene", "patch"]), [make_pair(1, view="patch")])
    assert front["configs"] == [
        {"config_name": "patch", "data_files": [{"split": "train", "path": "shards/train-patch-*.tar"}]}
    ]
    front, _ = write(folder, make_header(), [])
    assert "configs" not in front


@pytest.mark.parametrize(
    ("pairs", "category"),
    [
        (0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (99_999, "10K<n<100K"), (999_999, "100K<n<1M"),
        (9_999_999, "1M<n<10M"), (10_000_000, "10M<n<100M"), (999_999_999, "100M<n<1B"), (1_000_000_000, "1B<n<10B"),
    ],
)  # fmt: skip
def test_the_size_category_is_one_that_hubs_know(
    folder: Folder, make_header: Callable[..., Header], pairs: int, category: str
):
    composition = Composition()
    composition.pairs["train", "scene"] = pairs
    write_card(folder, make_header(), composition)
    assert parts(folder)[0]["size_categories"] == [category]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_plain_text(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair], text: str
):
    front, body = write(folder, make_header(), [make_pair(1, license=text, source=text, model=text)])
    assert "license" not in front
    assert cells(body).count(" ".join(text.split())) == 4
    kinds = {token.type for token in tokens(body)}
    assert not kinds & {"html_block", "code_block", "fence", "hr", "blockquote_open", "bullet_list_open"}
    assert body.count("\n## ") == 1


@settings(max_examples=60)
@given(st.text('ab \\`*_[]()<>|~$&!#-\n\r\t\x85\u2028"', min_size=1, max_size=14))
def test_any_license_is_one_cell_of_plain_text(
    make_header: Callable[..., Header], make_pair: Callable[..., Pair], text: str
):
    folder = Folder.at("memory://card")
    _, body = write(folder, make_header(), [make_pair(1, license=text)])
    assert cells(body)[-2:] == [" ".join(text.split()), "1"]


def test_the_croissant_lists_the_files_and_the_table_s_columns(folder: Folder, make_header: Callable[..., Header]):
    digests = {
        name: hashlib.sha256(name.encode()).hexdigest() for name in ("shards/train-000000.tar", "manifest.parquet")
    }
    write_croissant(folder, make_header(), digests)
    description = json.loads(folder.read("croissant.json"))
    assert description["@type"] == "sc:Dataset"
    assert description["conformsTo"].startswith("http://mlcommons.org/croissant/")
    assert description["name"] == "little-walls"
    files = {file["@id"]: file for file in description["distribution"]}
    assert {name: file["sha256"] for name, file in files.items()} == digests
    assert files["shards/train-000000.tar"]["encodingFormat"] == "application/x-tar"
    assert all(file["contentUrl"] == name and file["@type"] == "cr:FileObject" for name, file in files.items())


def test_the_croissant_s_record_set_points_into_the_table(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    write_manifest_parquet(folder, [make_pair(1)])
    columns = pq.read_schema(io.BytesIO(folder.read("manifest.parquet"))).names
    write_croissant(folder, make_header(), {"manifest.parquet": "0" * 64})
    description = json.loads(folder.read("croissant.json"))
    (records,) = description["recordSet"]
    assert records["field"]
    ids = [field["@id"] for field in records["field"]]
    assert len(set(ids)) == len(ids)
    for field in records["field"]:
        assert field["@id"] == f"{records['@id']}/{field['name']}"
        assert field["source"]["fileObject"]["@id"] in {file["@id"] for file in description["distribution"]}
        assert field["source"]["extract"]["column"] in columns


def test_every_word_of_the_croissant_has_a_vocabulary(folder: Folder, make_header: Callable[..., Header]):
    write_croissant(folder, make_header(), {"manifest.parquet": "0" * 64})
    description = json.loads(folder.read("croissant.json"))
    context = description.pop("@context")
    schema_org = {"name", "description", "distribution", "contentUrl", "encodingFormat", "sha256"}

    def words(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(words(inner) for inner in value.values()))
        return set().union(*(words(inner) for inner in value)) if isinstance(value, list) else set()

    assert {word for word in words(description) if not word.startswith("@")} <= schema_org | set(context)
