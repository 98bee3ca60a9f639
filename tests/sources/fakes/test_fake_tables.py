"""Published sets of labelled images in Parquet."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter, ValidationError

from manifests.errors import SourceError
from manifests.records import ExistingFake
from sources.base import Fetched, Listing
from sources.config import SourceConfig

SOURCE: TypeAdapter[SourceConfig] = TypeAdapter(SourceConfig)
Parquet = Callable[..., bytes]


def source(kind: str, **settings: Any):
    return SOURCE.validate_python({"type": kind, **settings}).open()


def put(root: Path, name: str, data: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def fetched(kind: str, tmp_path: Path, **settings: Any) -> list[tuple[Listing, bytes]]:
    """What a source lists, each with its bytes."""
    opened = source(kind, **settings)
    outcomes = list(opened.fetch(list(opened.list()), tmp_path))
    assert all(isinstance(outcome, Fetched) for _, outcome in outcomes)
    return [(listing, outcome.data) for listing, outcome in outcomes if isinstance(outcome, Fetched)]


def generators(kind: str, **settings: Any) -> list[str]:
    return [listing.made.generator if listing.made else "real" for listing in source(kind, **settings).list()]


def refused(kind: str, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        list(source(kind, **settings).list())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def defactify(hub_parquet: Parquet) -> bytes:
    return hub_parquet(
        {
            "Caption": ["a cat"] * 6,
            "Image": [b"%d" % number for number in range(6)],
            "Label_A": pa.array([0, 1, 1, 1, 1, 1], pa.int32()),
            "Label_B": pa.array(range(6), pa.int32()),
        }
    )


def test_defactify_numbers_its_generators(tmp_path: Path, hub_parquet: Parquet):
    put(tmp_path, "data/train-00000-of-00001.parquet", defactify(hub_parquet))
    put(tmp_path, "data/test-00000-of-00001.parquet", b"another split: not read")
    images = fetched("defactify", tmp_path, path=str(tmp_path))
    assert [data for _, data in images] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert generators("defactify", path=str(tmp_path)) == [
        "real",
        "stable_diffusion_2_1",
        "sdxl",
        "stable_diffusion_3",
        "dalle_3",
        "midjourney_v6",
    ]
    assert {listing.pair for listing, _ in images} == {"a cat"}
    assert [listing.source_caption for listing, _ in images] == ["a cat", "", "", "", "", ""]
    assert {listing.made.prompt for listing, _ in images if listing.made} == {"a cat"}


def test_defactify_is_found_on_the_hub_by_its_name(tmp_path: Path, hub: Any, hub_parquet: Parquet):
    repo = "Rajarshi-Roy-research/Defactify_Image_Dataset"
    hub.datasets[repo] = {"data/validation-00000-of-00001.parquet": defactify(hub_parquet)}
    hub.cards[repo] = {"license": "cc-by-4.0"}
    images = fetched("defactify", tmp_path, split="validation", only="fake")
    assert len(images) == 5
    assert {(listing.revision, listing.license, listing.terms) for listing, _ in images} == {
        (hub.commit, "cc-by-4.0", "open")
    }


def test_defactify_refuses_a_number_that_is_no_generator(tmp_path: Path, hub_parquet: Parquet):
    put(
        tmp_path,
        "train.parquet",
        hub_parquet({"Caption": ["a"], "Image": [b"0"], "Label_A": [1], "Label_B": [9]}),
    )
    assert "row 0, column 'Label_B': '9' is none of the set's generators" in refused("defactify", path=str(tmp_path))


def test_community_forensics_has_plain_bytes_and_thousands_of_generators(tmp_path: Path):
    table = pa.table(
        {
            "image_name": ["00000162.png", "1.png", "2.jpg"],
            "format": ["PNG", "PNG", "JPEG"],
            "resolution": ["[512, 512]"] * 3,
            "mode": ["RGB"] * 3,
            "image_data": [b"fake 0", b"fake 1", b"real"],
            "model_name": ["stabilityai/stable-diffusion-2", "Kandinsky-3", ""],
            "nsfw_flag": [False, True, False],
            "prompt": ["a moose", "", ""],
            "real_source": ["LAION", "LAION", "FFHQ"],
            "subset": ["Systematic"] * 3,
            "split": ["train"] * 3,
            "label": [1, 1, 0],
            "architecture": ["LatDiff", "PixDiff", ""],
        }
    )
    stream = io.BytesIO()
    pq.write_table(table, stream)
    put(tmp_path, "data/systematic/00000.parquet", stream.getvalue())
    put(
        tmp_path,
        "README.md",
        b"---\nlicense: cc-by-4.0\nconfigs:\n- config_name: default\n  data_files:\n  - split: Systematic\n"
        b"    path:\n    - data/systematic/*.parquet\n---\n",
    )
    images = fetched("community-forensics", tmp_path, path=str(tmp_path))
    assert [data for _, data in images] == [b"fake 0", b"fake 1", b"real"]
    assert [listing.made for listing, _ in images] == [
        ExistingFake(
            generator="stabilityai_stable_diffusion_2", prompt="a moose", settings={"architecture": "LatDiff"}
        ),
        ExistingFake(generator="kandinsky_3", settings={"architecture": "PixDiff"}),
        None,
    ]
    assert [listing.scores for listing, _ in images] == [{"nsfw": 0.0}, {"nsfw": 1.0}, {"nsfw": 0.0}]
    assert {listing.terms for listing, _ in images} == {"open"}


def test_openfake_names_its_labels(tmp_path: Path, hub_parquet: Parquet):
    columns = {
        "image": [b"0", b"1", b"2"],
        "prompt": ["a senator", "a protest", "a flood"],
        "label": ["real", "fake", "fake"],
        "model": ["", "flux.1-dev", ""],
        "type": ["", "base", ""],
        "release_date": ["", "2024-08", ""],
    }
    put(tmp_path, "core/train-00000-of-00001.parquet", hub_parquet(columns))
    images = fetched("openfake", tmp_path, path=str(tmp_path))
    assert generators("openfake", path=str(tmp_path)) == ["real", "flux_1_dev", "openfake"]
    assert images[0][0].source_caption == "a senator"
    assert images[1][0].made == ExistingFake(generator="flux_1_dev", prompt="a protest")
    assert {listing.terms for listing, _ in images} == {"research-only"}


ELSA_MODELS = (
    "DeepFloyd/IF-II-L-v1.0",
    "CompVis/stable-diffusion-v1-4",
    "stabilityai/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-xl-base-1.0",
)


@pytest.fixture
def elsa(tmp_path: Path, hub_parquet: Parquet) -> str:
    """Two rows of ELSA_D3, the second without an address."""
    columns: dict[str, Any] = {
        "id": ["37", "38"],
        "original_prompt": ["a dog", "a boat"],
        "positive_prompt": ["a photo of a dog", "a photo of a boat"],
        "negative_prompt": ["blurry", "blurry"],
        "url": ["http://photographs.example/37.jpg", ""],
    }
    for number, model in enumerate(ELSA_MODELS):
        columns |= {
            f"model_gen{number}": [model] * 2,
            f"width_gen{number}": [512, 640],
            f"height_gen{number}": [512, 480],
            f"num_inference_steps_gen{number}": [50, 50],
            f"filepath_gen{number}": ["/nas/secret.png"] * 2,
            f"image_gen{number}": [b"37 gen%d" % number, b"38 gen%d" % number],
        }
    put(tmp_path, "set/data/train-00000-of-00001.parquet", hub_parquet(columns))
    return str(tmp_path / "set")


def test_elsa_d3_has_four_fakes_of_a_photograph_that_lies_elsewhere(elsa: str):
    images = list(source("elsa-d3", path=elsa).list())
    assert [listing.source_id.rpartition(":")[2] for listing in images] == [
        "real",
        *("gen0", "gen1", "gen2", "gen3") * 2,
    ]
    assert [listing.pair for listing in images] == ["37"] * 5 + ["38"] * 4
    real, first = images[:2]
    assert (real.url, real.source_caption, real.terms) == ("http://photographs.example/37.jpg", "a dog", "unknown")
    assert first.made == ExistingFake(
        generator="deepfloyd_if_ii_l_v1_0",
        prompt="a photo of a dog",
        negative_prompt="blurry",
        settings={"width": 512, "height": 512, "num_inference_steps": 50},
    )


def test_a_model_of_elsa_d3_that_is_called_real_makes_fakes(tmp_path: Path, hub_parquet: Parquet):
    shared = ("id", "original_prompt", "positive_prompt", "negative_prompt")
    row: dict[str, Any] = {name: ["x"] for name in shared} | {"url": [""], "model_gen0": ["Real"], "image_gen0": [b"0"]}
    row |= {f"{name}_gen0": [64] for name in ("width", "height", "num_inference_steps")}
    put(tmp_path, "train.parquet", hub_parquet(row))
    assert generators("elsa-d3", path=str(tmp_path / "train.parquet"), fakes=["gen0"]) == ["elsa_d3"]


def test_elsa_d3_is_taken_by_fake_and_label(tmp_path: Path, elsa: str):
    images = fetched("elsa-d3", tmp_path, path=elsa, only="fake", fakes=["gen1", "gen3"])
    assert [data for _, data in images] == [b"37 gen1", b"37 gen3", b"38 gen1", b"38 gen3"]
    assert generators("elsa-d3", path=elsa, only="real") == ["real"]
    with pytest.raises(ValidationError, match="names no classes"):
        source("elsa-d3", path=elsa, limit_per_class=1)


def test_elsa_d3_fetches_photographs_from_their_addresses(tmp_path: Path, elsa: str, monkeypatch: pytest.MonkeyPatch):
    """Which of the two ways an image goes; what fetching itself does is tested where it is."""
    asked: list[str] = []

    def arrives(urls: list[str], *_: Any, **__: Any) -> list[bytes]:
        asked.extend(urls)
        return [b"photograph"] * len(urls)

    monkeypatch.setattr("sources.fetching.by_url.download", arrives)
    images = fetched("elsa-d3", tmp_path, path=elsa, fakes=["gen0"])
    assert [data for _, data in images] == [b"photograph", b"37 gen0", b"38 gen0"]
    assert asked == ["http://photographs.example/37.jpg"]


def test_labels_mean_what_their_names_say_whatever_their_order(tmp_path: Path, hub_parquet: Parquet):
    columns = {"image": [b"0", b"1", b"2"], "label": [0, 1, 1]}
    put(tmp_path, "a.parquet", hub_parquet(columns, {"label": ["fake", "real"]}))
    put(tmp_path, "b.parquet", hub_parquet(columns, {"label": ["human", "midjourney"]}))
    assert generators("labelled-parquet", path=str(tmp_path / "a.parquet"), generator="stylegan2") == [
        "stylegan2",
        "real",
        "real",
    ]
    assert generators("labelled-parquet", path=str(tmp_path / "b.parquet")) == ["real", "midjourney", "midjourney"]


def test_labels_by_number_do_not_go_past_the_names_of_the_classes(tmp_path: Path, hub_parquet: Parquet):
    put(tmp_path, "a.parquet", hub_parquet({"image": [b"0", b"1"], "label": [0, 1]}, {"label": ["fake", "real"]}))
    path = str(tmp_path / "a.parquet")
    words = refused("labelled-parquet", path=path, labels={"0": "real", "1": "fake"})
    assert "there is no class '0' in the column 'label'; its numbers stand for fake, real" in words
    assert generators("labelled-parquet", path=path, labels={"fake": "sdxl"}) == ["sdxl", "real"]


def test_the_recipe_says_what_numbers_and_other_words_mean(tmp_path: Path, hub_parquet: Parquet):
    columns = {
        "img": [b"0", b"1", b"2"],
        "kind": [0, 1, 2],
        "text": ["a", "b", "c"],
        "shows": ["cat", "dog", "dog"],
        "id": [7, 7, 8],
    }
    path = str(tmp_path / "train.parquet")
    put(tmp_path, "train.parquet", hub_parquet(columns))
    names = {
        "image_column": "img",
        "label_column": "kind",
        "prompt_column": "text",
        "class_column": "shows",
        "pair_column": "id",
    }
    words = refused("labelled-parquet", path=path, **names)
    assert "row 0, column 'kind': '0' is not known to mean real or fake" in words
    images = fetched(
        "labelled-parquet", tmp_path, path=path, labels={"0": "real", "1": "nano_banana", "2": "fake"}, **names
    )
    assert [(listing.made, listing.source_caption, listing.class_label, listing.pair) for listing, _ in images] == [
        (None, "a", "cat", "7"),
        (ExistingFake(generator="nano_banana", prompt="b"), "", "dog", "7"),
        (ExistingFake(generator="unknown", prompt="c"), "", "dog", "8"),
    ]


def test_a_column_of_generators_goes_before_the_label(tmp_path: Path, hub_parquet: Parquet):
    columns = {
        "image": [b"0", b"1", b"2"],
        "label": ["real", "AI-generated", "fake"],
        "model": ["fake?", "Nano Banana", "fake"],
    }
    put(tmp_path, "train.parquet", hub_parquet(columns))
    path = str(tmp_path / "train.parquet")
    assert generators("labelled-parquet", path=path, generator_column="model") == ["real", "nano_banana", "unknown"]


def test_tiny_genimage_numbers_labels_and_generators(tmp_path: Path, hub_parquet: Parquet):
    columns = {"image": [b"0", b"1", b"2"], "label": [0, 1, 1], "generator": [0, 4, 6]}
    names = {
        "label": ["real", "fake"],
        "generator": ["Real", "ADM", "BigGAN", "GLIDE", "Midjourney", "SD14", "SD15", "VQDM", "Wukong"],
    }
    put(tmp_path, "data/train-00000-of-00001.parquet", hub_parquet(columns, names))
    assert generators("labelled-parquet", path=str(tmp_path), generator_column="generator") == [
        "real",
        "midjourney",
        "sd15",
    ]


COCO_AI = {"coco_image": "real", "sdxl_image": "sdxl", "dalle_image": "dalle_3"}


def test_coco_ai_has_an_image_a_column(tmp_path: Path, hub_parquet: Parquet):
    columns = {
        "caption": ["a cat", "a bus"],
        "coco_image": [b"coco 0", b"coco 1"],
        "sdxl_image": [b"sdxl 0", b"sdxl 1"],
        "dalle_image": [b"dalle 0", b"dalle 1"],
    }
    put(tmp_path, "data/train-00000-of-00001.parquet", hub_parquet(columns))
    settings = {"path": str(tmp_path), "image_columns": COCO_AI, "caption_column": "caption"}
    images = fetched("paired-parquet", tmp_path, **settings)
    assert [data for _, data in images] == [b"coco 0", b"sdxl 0", b"dalle 0", b"coco 1", b"sdxl 1", b"dalle 1"]
    assert generators("paired-parquet", **settings) == ["real", "sdxl", "dalle_3"] * 2
    pairs = [listing.pair for listing, _ in images]
    assert pairs[0] == pairs[1] == pairs[2] != pairs[3] == pairs[4] == pairs[5]
    assert [listing.source_caption for listing, _ in images[:2]] == ["a cat", ""]
    assert images[1][0].made == ExistingFake(generator="sdxl", prompt="a cat")
    assert generators("paired-parquet", only="real", **settings) == ["real", "real"]
    assert "no column 'sd3_image'" in refused("paired-parquet", path=str(tmp_path), image_columns={"sd3_image": "fake"})


def test_a_share_of_the_rows_and_limits(tmp_path: Path, hub_parquet: Parquet):
    columns = {"image": [b"%d" % number for number in range(200)], "label": ["real", "fake"] * 100}
    put(tmp_path, "train.parquet", hub_parquet(columns, row_group_size=50))
    path = str(tmp_path / "train.parquet")
    assert 70 < len(generators("labelled-parquet", path=path, fraction=0.5)) < 130
    assert len(generators("labelled-parquet", path=path, limit=20)) == 20
    assert set(generators("labelled-parquet", path=path, only="real")) == {"real"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"label_column": "labels"}, "no column 'labels'; there are image"),
        ({"image_column": "label"}, "holds string, not images"),
        ({"only": "real"}, "no image passes the settings only = 'real'"),
    ],
)
def test_settings_that_do_not_fit_are_one_clear_line(
    tmp_path: Path, hub_parquet: Parquet, settings: dict[str, Any], words: str
):
    put(tmp_path, "train.parquet", hub_parquet({"image": [b"0"], "label": ["fake"]}))
    assert words in refused("labelled-parquet", path=str(tmp_path / "train.parquet"), **settings)


def test_text_that_is_not_utf_8_is_one_clear_line(tmp_path: Path):
    offsets, text = pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")
    prompts = pa.Array.from_buffers(pa.string(), 1, [None, offsets, text])
    pq.write_table(pa.table({"image": [b"0"], "label": ["fake"], "prompt": prompts}), tmp_path / "train.parquet")
    words = refused("labelled-parquet", path=str(tmp_path / "train.parquet"), prompt_column="prompt")
    assert "damaged ('utf-8' codec can't decode" in words


def test_a_set_without_a_name_needs_a_place():
    with pytest.raises(ValidationError, match="give either `repo`"):
        source("labelled-parquet")
    with pytest.raises(ValidationError, match="labels"):
        source("labelled-parquet", path="p", labels={"0": "not a name"})


def test_files_that_number_their_labels_differently_are_named(tmp_path: Path, hub_parquet: Parquet):
    for number, names in enumerate((["fake", "real"], ["real", "fake"])):
        table = hub_parquet({"image": [b"a", b"b"], "label": [0, 1]}, {"label": names})
        put(tmp_path, f"train-0000{number}-of-00002.parquet", table)
    words = "train-00001-of-00002.parquet: its numbers in 'label' stand for other classes than in files before it"
    assert words in refused("labelled-parquet", path=str(tmp_path))


def test_a_label_that_names_a_generator_and_reals_is_nobodys_guess(tmp_path: Path, hub_parquet: Parquet):
    put(tmp_path, "a.parquet", hub_parquet({"image": [b"a"], "label": ["sdxl_real"]}))
    assert "'sdxl_real' is not known to mean real or fake" in refused("labelled-parquet", path=str(tmp_path))
