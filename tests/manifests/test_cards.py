import fnmatch
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from manifests.cards import write_card
from manifests.composition import Composition
from manifests.datasheet import Audited, Withheld
from manifests.header import Header
from manifests.records import Pair
from manifests.storage import Folder

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


def after(text: str, heading: str, columns: int, rows: int = 1) -> list[str]:
    """The cells of a table's first rows, by the heading of its first column."""
    told = cells(text)
    place = told.index(heading) + columns
    return told[place : place + columns * rows]


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
    assert headings == [
        "little-walls", "Composition", "Motivation", "Collection", "Generators", "Licences", "Preprocessing", "Audit", "Uses",
        "Known limits", "Distribution", "Maintenance",
    ]  # fmt: skip
    assert cells(text)[:9] == ["split", "view", "pairs", "test", "scene", "1", "train", "scene", "2"]
    assert after(text, "licence of the real", 3) == ["CC0-1.0", "cc0-1.0", "3"]


def test_the_card_counts_what_may_be_done_with_the_pixels(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    pairs = [make_pair(1, terms="open"), make_pair(2, terms="research-only"), make_pair(3, terms="open"), make_pair(4)]
    _, text = write(folder, make_header(), pairs)
    assert after(text, "terms of the source image", 2, rows=3) == ["open", "2", "research-only", "1", "unknown", "1"]


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
    assert front["license"] == "other"
    assert text not in front.values()
    assert cells(body).count(" ".join(text.split())) == 4
    kinds = {token.type for token in tokens(body)}
    assert not kinds & {"html_block", "code_block", "fence", "hr", "blockquote_open"}
    assert body.count("\n## ") == 11


@settings(max_examples=30)
@given(st.text('ab \\`*_[]()<>|~$&!#-\n\r\t\x85\u2028"', min_size=1, max_size=14))
def test_any_license_is_one_cell_of_plain_text(
    make_header: Callable[..., Header], make_pair: Callable[..., Pair], text: str
):
    folder = Folder.at("memory://card")
    _, body = write(folder, make_header(), [make_pair(1, license=text)])
    told = after(body, "licence of the real", 3)
    assert (told[0], told[2]) == (" ".join(text.split()), "1")


def test_the_hub_is_told_the_licence_that_all_parts_have(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    def licensed(*texts: str) -> dict[str, Any]:
        pairs = [make_pair(number, license=text, generators=()) for number, text in enumerate(texts)]
        front, _ = write(folder, make_header(), pairs)
        return {name: front[name] for name in front if name.startswith("license")}

    assert licensed("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/") == {"license": "cc0-1.0"}
    mixed = {"license": "other", "license_name": "of-each-part", "license_link": "ATTRIBUTION.csv"}
    assert licensed("CC0-1.0", "MIT") == licensed("MIT", "ask me") == licensed("") == mixed
    assert licensed() == {}


def test_the_hub_is_told_the_fields_and_the_number_of_samples(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    front, _ = write(folder, make_header(), [make_pair(1), make_pair(2), make_pair(3, split="test")])
    (info,) = front["dataset_info"]
    assert info["config_name"] == "scene"
    assert [(split["name"], split["num_examples"]) for split in info["splits"]] == [("train", 2), ("test", 1)]
    assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"])
    names = [feature["name"] for feature in info["features"]]
    assert names == ["json", "painter.jpg", "real.jpg", "vae.jpg", "__key__", "__url__"]
    naive = make_header(recipe={"alignment": {"mode": "naive"}})
    front, _ = write(folder, naive, [make_pair(1)])
    assert "features" not in front["dataset_info"][0]


def test_the_card_says_what_the_audit_found_and_what_is_withheld(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    audited = Audited("failed", 9, (("grid", "scene, *vae*", "fail", "0.912"),))
    composition = Composition.of([make_pair(1, terms="open")])
    shards = [{"name": "train-000000.tar", "split": "train", "view": "scene", "pairs": 1}]
    write_card(
        folder, make_header(shards=shards), composition, audited, Withheld({"unknown": 2, "research-only": 1}, 4)
    )
    _, text = parts(folder)
    assert after(text, "probe", 4) == ["grid", "scene, *vae*", "fail", "0.912"]
    assert "**failed**, on 9 pairs" in text
    assert "3 of 4 pairs (1 research-only, 2 unknown) are not in the shards" in text
    assert "twinset rebuild complete.jsonl --out DIR" in text


def test_fakes_are_declared_in_the_terms_of_the_iptc(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    _, text = write(folder, make_header(), [make_pair(1)])
    told = after(text, "generator", 7)
    assert told == [
        "painter",
        "text-to-image",
        "example/painter",
        "0123abc",
        "not stated",
        "trainedAlgorithmicMedia",
        "1",
    ]


def test_the_hub_s_own_library_takes_the_card(
    folder: Folder, make_header: Callable[..., Header], make_pair: Callable[..., Pair]
):
    from huggingface_hub import DatasetCard

    write(folder, make_header(views=["scene", "on"]), [make_pair(1), make_pair(2, view="on")])
    data = DatasetCard(folder.read("README.md").decode()).data.to_dict()
    assert [config["config_name"] for config in data["configs"]] == ["scene", "on"]
    assert data["task_categories"] == ["image-classification"]
