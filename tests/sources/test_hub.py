"""Image sets on the Hub: a Hub on this machine serves them as the real one does."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from manifests.errors import SourceError
from manifests.records import Reason
from sources.base import Fetched
from sources.hub import Hub, HubConfig
from sources.hub_presets import PRESETS
from sources.imagenet_classes import wnids

ANIMALS = ("cat", "dog", "wild")
REPO = "some/animals"


def image(number: int, size: int = 300) -> bytes:
    """Bytes that no compression makes smaller."""
    return b"".join(hashlib.sha256(f"{number}/{block}".encode()).digest() for block in range(size // 32 + 1))


@pytest.fixture
def animals(hub: Any, hub_parquet: Callable[..., bytes]) -> Any:
    """Two files of the split train, one of the split test."""
    hub.datasets[REPO] = {
        "README.md": b"",
        "data/train-00000-of-00002.parquet": hub_parquet(
            {"image": [image(n) for n in range(8)], "label": [n % 3 for n in range(8)]}, {"label": ANIMALS}
        ),
        "data/train-00001-of-00002.parquet": hub_parquet(
            {"image": [image(n) for n in range(8, 12)], "label": [2] * 4}, {"label": ANIMALS}
        ),
        "data/test-00000-of-00001.parquet": b"damaged: nobody asks for it",
    }
    hub.cards[REPO] = {"license": "cc-by-4.0"}
    return hub


def source(**settings: Any) -> Hub:
    return HubConfig.model_validate({"repo": REPO, "label_column": "label", **settings}).open()


def fetched(found: Hub, tmp_path: Path) -> list[Fetched]:
    """All that a source has."""
    outcomes = [outcome for _, outcome in found.fetch(list(found.list()), tmp_path)]
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, Fetched)]


def failure(found: Hub) -> str:
    with pytest.raises(SourceError) as caught:
        list(found.list())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_rows_of_the_split_are_listed_with_the_names_of_their_classes(animals: Any):
    listings = list(source().list())
    assert [listing.class_label for listing in listings] == [ANIMALS[n % 3] for n in range(8)] + ["wild"] * 4
    assert listings[0].source_id == "data/train-00000-of-00002.parquet:0"
    assert listings[8].source_id == "data/train-00001-of-00002.parquet:0"
    assert {(listing.revision, listing.license, listing.terms) for listing in listings} == {
        (animals.commit, "cc-by-4.0", "open")
    }
    assert all(listing.made is None for listing in listings)
    assert animals.sent["data/test-00000-of-00001.parquet"] == 0


def test_bytes_come_as_they_are_in_the_rows(animals: Any, tmp_path: Path):  # noqa: ARG001
    assert [outcome.data for outcome in fetched(source(), tmp_path)] == [image(n) for n in range(12)]


def test_listings_may_be_asked_for_in_any_order(animals: Any, tmp_path: Path):  # noqa: ARG001
    listings = list(source().list())
    asked = [listings[n] for n in (10, 0, 7, 1)]
    outcomes = list(source().fetch(asked, tmp_path))
    assert [listing for listing, _ in outcomes] == asked
    assert [getattr(outcome, "data", None) for _, outcome in outcomes] == [image(n) for n in (10, 0, 7, 1)]


def test_a_small_limit_transfers_a_small_part_of_the_files(hub: Any, hub_parquet: Callable[..., bytes], tmp_path: Path):
    images = [image(n, 100_000) for n in range(40)]
    data = hub_parquet({"image": images, "label": ["a"] * 40})
    hub.datasets[REPO] = {"data/train-00000-of-00001.parquet": data}
    found = source(limit=2, order="source")
    listings = list(found.list())
    listed = hub.sent.total()
    assert listed < 140_000  # two looks at the footer
    assert [getattr(o, "data", None) for _, o in found.fetch(listings, tmp_path)] == images[:2]
    assert hub.sent.total() - listed < 70_000 + len(data) / 9  # the footer and one row group of ten


def test_the_commit_that_was_listed_is_fetched_from(animals: Any, tmp_path: Path):
    found = source(limit=3)
    listings = list(found.list())
    del animals.cards[REPO]
    assert {listing.revision for listing in listings} == {animals.commit}
    assert all(isinstance(outcome, Fetched) for _, outcome in found.fetch(listings, tmp_path))
    for _, outcome in found.fetch(listings, tmp_path):
        assert isinstance(outcome, Fetched)
        assert outcome.image.revision == animals.commit


def test_class_limits_hold(animals: Any):  # noqa: ARG001
    assert sorted(listing.class_label for listing in source(limit_per_class=2).list()) == [
        "cat", "cat", "dog", "dog", "wild", "wild"
    ]  # fmt: skip


def test_the_card_says_where_splits_are_and_what_classes_are_called(hub: Any, hub_parquet: Callable[..., bytes]):
    hub.datasets[REPO] = {
        "first/a.parquet": hub_parquet({"image": [b"a"], "label": [1]}),
        "first/b.parquet": b"of another split",
        "second/a.parquet": b"of another subset",
    }
    hub.cards[REPO] = {
        "dataset_info": {
            "features": [{"name": "label", "dtype": {"class_label": {"names": {"0": "real", "1": "cake"}}}}]
        },
        "configs": [
            {
                "config_name": "one",
                "data_files": [
                    {"split": "held_out", "path": ["first/a*"]},
                    {"split": "train", "path": "first/b.parquet"},
                ],
            },
            {"config_name": "two", "data_files": "second/*"},
        ],
    }
    assert [listing.class_label for listing in source(subset="one", split="held_out").list()] == ["cake"]
    assert "no default subset: set `subset`; there are one, two" in failure(source())
    assert "no subset 'three'; there are one, two" in failure(source(subset="three"))
    assert "no Parquet files of the split 'test'; there are held_out, train" in failure(
        source(subset="one", split="test")
    )


def test_what_is_not_there_is_said_at_once_with_what_is(animals: Any):
    assert "the Hub has no such dataset" in failure(source(repo="some/thing"))
    assert "no revision 'v9'" in failure(source(revision="v9"))
    assert "no Parquet files of the split 'validation'; there are test, train" in failure(source(split="validation"))
    assert "no column 'labels'; there are image (bytes, path), label" in failure(source(label_column="labels"))
    assert "no column 'img'" in failure(source(image_column="img"))
    assert "the column 'label' holds int64, not images" in failure(source(image_column="label"))
    animals.gated.add(REPO)
    assert "accept terms" in failure(source())


def test_a_hub_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    assert "HF_HUB_OFFLINE is set" in failure(source())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "the Hub does not answer" in failure(source())


def test_a_damaged_file_is_named(animals: Any):  # noqa: ARG001
    assert "data/test-00000-of-00001.parquet: not Parquet" in failure(source(split="test"))


def test_a_copy_on_this_machine_is_read_alike(animals: Any, tmp_path: Path):
    for name, data in animals.datasets[REPO].items():
        path = tmp_path / "copy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "copy" / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# Animals\n")
    copy = source(repo="", path=str(tmp_path / "copy"))
    ours = [outcome.image for outcome in fetched(copy, tmp_path)]
    theirs = [outcome.image for outcome in fetched(source(), tmp_path)]
    apart = {"revision": "", "landing_url": ""}
    assert ours == [record.model_copy(update=apart) for record in theirs]
    one = source(repo="", path=str(tmp_path / "copy" / "data" / "train-00001*"))
    assert next(listing.source_id for listing in one.list()) == "train-00001-of-00002.parquet:0"


def test_a_card_that_is_no_yaml_is_named(animals: Any, tmp_path: Path):
    path = tmp_path / "train-00000-of-00001.parquet"
    path.write_bytes(animals.datasets[REPO]["data/train-00000-of-00002.parquet"])
    (tmp_path / "README.md").write_text("---\nlicense: [\n---\n")
    assert "README.md: its metadata is not YAML" in failure(source(repo="", path=str(tmp_path)))
    (tmp_path / "README.md").write_text("# No metadata at all\n")
    assert len(list(source(repo="", path=str(tmp_path)).list())) == 8


def test_rows_without_an_image_and_large_ones_are_rejected(hub: Any, hub_parquet: Callable[..., bytes], tmp_path: Path):
    data = hub_parquet({"image": [b"a", None, b"b" * 11]})
    hub.datasets[REPO] = {"train.parquet": data}
    found = source(label_column="", max_bytes=10)
    outcomes = [outcome for _, outcome in found.fetch(list(found.list()), tmp_path)]
    assert [getattr(outcome, "reason", None) for outcome in outcomes] == [None, Reason.NOT_FOUND, Reason.TOO_LARGE]


def test_fakes_name_what_made_them(hub: Any, hub_parquet: Callable[..., bytes]):
    columns = {"image": [b"a", b"b", b"c"], "model": ["SD 1.4", None, ""], "prompt": ["a cat", "", None]}
    hub.datasets[REPO] = {"train.parquet": hub_parquet(columns)}
    settings = {"label_column": "", "caption_column": "prompt"}
    mixed = [listing.made for listing in source(generator_column="model", **settings).list()]
    assert mixed[0] is not None
    assert (mixed[0].generator, mixed[0].prompt) == ("sd_1_4", "a cat")
    assert mixed[1:] == [None, None]
    made = [listing.made for listing in source(generator="sdxl", **settings).list()]
    assert {fake.generator for fake in made if fake} == {"sdxl"}
    assert len(made) == 3


def test_class_numbers_are_checked(hub: Any, hub_parquet: Callable[..., bytes]):
    hub.datasets[REPO] = {"train.parquet": hub_parquet({"image": [b"a", b"b"], "label": [-1, 2]})}
    assert "row 1, column 'label': 2 is none of the 2 classes" in failure(source(labels=("a", "b")))
    assert [listing.class_label for listing in source().list()] == ["-1", "2"]
    assert [listing.class_label for listing in source(labels=("a", "b", "c")).list()] == ["", "c"]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_know_their_columns(preset: str, hub: Any, hub_parquet: Callable[..., bytes]):
    known = PRESETS[preset]  # type: ignore[index]
    hub.datasets[known.repo] = {
        "data/train-00000-of-00001.parquet": hub_parquet({"image": [b"a"], known.label: [1]}),
        "data/corrupted-00000-of-00001.parquet": b"",
    }
    [listing] = HubConfig.model_validate({"preset": preset}).open().list()
    names = {"afhq": "dog", "beans": "bean_rust", "imagenet-1k": "n01443537"}
    assert listing.class_label == names.get(preset, "1")
    terms = {"afhq": "research-only", "imagenet-1k": "research-only", "beans": "open", "oxford-iiit-pet": "open"}
    assert listing.terms == terms.get(preset, "unknown")


def test_imagenet_has_its_thousand_classes():
    assert len(set(wnids())) == 1000
    assert list(wnids()) == sorted(wnids())


@pytest.mark.parametrize(
    "given_",
    [{}, {"repo": "a/b", "path": "c"}, {"repo": "beans"}, {"repo": "a/b", "limit_per_class": 3}, {"preset": "cars"}],
)
def test_settings_that_make_no_sense_are_refused(given_: dict[str, Any]):
    with pytest.raises(ValidationError):
        HubConfig.model_validate(given_)


@given(data=st.data())
@settings(max_examples=40)
def test_a_file_that_is_damaged_anywhere_is_read_or_named(
    data: st.DataObject, hub_parquet: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory
):
    damaged = bytearray(hub_parquet({"image": [image(n) for n in range(8)], "label": list("abababab")}))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "train.parquet"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged)
    found = source(repo="", path=str(path))
    message = "train.parquet"
    try:
        list(found.fetch(list(found.list()), folder))
    except SourceError as error:
        message = str(error)
    assert "train.parquet" in message
    assert "\n" not in message
