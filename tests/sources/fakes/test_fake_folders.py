"""Published sets of labelled images in folders."""

import logging
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from manifests.errors import SourceError
from sources.base import Fetched, Listing
from sources.config import SourceConfig

SOURCE: TypeAdapter[SourceConfig] = TypeAdapter(SourceConfig)


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def listings(kind: str, path: Path, **settings: Any) -> list[Listing]:
    return list(SOURCE.validate_python({"type": kind, "path": str(path)} | settings).open().list())


def listed(kind: str, path: Path, **settings: Any) -> dict[str, str]:
    """What each image is: `real`, or its generator."""
    found = listings(kind, path, **settings)
    return {listing.source_id: listing.made.generator if listing.made else "real" for listing in found}


def refused(kind: str, path: Path, **settings: Any) -> str:
    with pytest.raises(SourceError) as caught:
        listings(kind, path, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


GENIMAGE = {
    "ADM/imagenet_ai_0508_adm/train/ai/0_adm_1.PNG": "adm",
    "ADM/imagenet_ai_0508_adm/train/nature/n01440764_10027.JPEG": "real",
    "BigGAN/imagenet_ai_0419_biggan/val/ai/000_biggan_00052.png": "biggan",
    "Midjourney/imagenet_midjourney/val/ai/0_midjourney_1.png": "midjourney",
    "Midjourney/imagenet_midjourney/val/nature/ILSVRC2012_val_00000293.JPEG": "real",
    "VQDM/imagenet_ai_0419_vqdm/val/ai/0_vqdm_1.png": "vqdm",
    "glide/imagenet_glide/train/ai/GLIDE_1000_200_00_024_glide_00000.png": "glide",
    "stable_diffusion_v_1_4/imagenet_ai_0419_sdv4/train/ai/033_sdv4_00161.png": "stable_diffusion_v_1_4",
    "stable_diffusion_v_1_5/imagenet_ai_0424_sdv5/train/ai/033_sdv5_00161.png": "stable_diffusion_v_1_5",
    "wukong/imagenet_ai_0424_wukong/val/ai/033_wukong_00161.png": "wukong",
}


def test_genimage_names_generators_by_its_first_folders(tmp_path: Path):
    put(tmp_path, *GENIMAGE)
    assert listed("genimage", tmp_path) == GENIMAGE


def test_genimage_can_be_taken_by_split_generator_and_label(tmp_path: Path):
    put(tmp_path, *GENIMAGE)
    assert set(listed("genimage", tmp_path, split="validation").values()) == {
        "biggan",
        "midjourney",
        "vqdm",
        "wukong",
        "real",
    }
    assert sorted(listed("genimage", tmp_path, folders=["ADM"]).values()) == ["adm", "real"]
    assert set(listed("genimage", tmp_path, only="real").values()) == {"real"}
    assert "real" not in listed("genimage", tmp_path, only="fake").values()


def test_genimage_is_for_research_only(tmp_path: Path):
    put(tmp_path, *GENIMAGE)
    assert {listing.terms for listing in listings("genimage", tmp_path)} == {"research-only"}


def test_one_generator_of_genimage_is_named_after_its_own_folder(tmp_path: Path):
    root = tmp_path / "Midjourney"
    put(root, "imagenet_midjourney/train/ai/1.png", "imagenet_midjourney/train/nature/n01440764_1.JPEG")
    assert set(listed("genimage", root).values()) == {"midjourney", "real"}


def test_tiny_genimage_names_generators_in_the_folders_of_imagenet(tmp_path: Path):
    put(
        tmp_path,
        "imagenet_ai_0419_biggan/train/ai/1.png",
        "imagenet_ai_0419_biggan/train/nature/1.jpg",
        "imagenet_glide/val/ai/1.png",
        "imagenet_midjourney/val/nature/1.jpg",
    )
    assert sorted(listed("genimage", tmp_path).values()) == ["biggan", "glide", "real", "real"]


@pytest.mark.parametrize(("kind", "inside"), [("dda", ""), ("chameleon", "test/")])
def test_the_folder_that_a_set_was_put_into_is_no_generator(tmp_path: Path, kind: str, inside: str):
    put(tmp_path, f"Training-Set/{inside}real/1.jpg", f"Training-Set/{inside}fake/1.png")
    assert set(listed(kind, tmp_path).values()) == {"real", kind}


def test_dda_pairs_by_base_name(tmp_path: Path):
    put(tmp_path, "real/000000000009.jpg", "fake/000000000009.png", "real/000000000025.jpg")
    found = {listing.source_id: (listing.made is not None, listing.pair) for listing in listings("dda", tmp_path)}
    assert found == {
        "fake/000000000009.png": (True, "000000000009"),
        "real/000000000009.jpg": (False, "000000000009"),
        "real/000000000025.jpg": (False, "000000000025"),
    }


def test_evalgen_has_fakes_alone_with_their_prompts(tmp_path: Path):
    put(tmp_path, "Flux/a red apple_0.jpg", "Flux/a red apple_1.jpg", "OmniGen/two cats_0.jpg")
    found = [(listing.made.generator, listing.made.prompt) for listing in listings("evalgen", tmp_path) if listing.made]
    assert found == [("flux", "a red apple"), ("flux", "a red apple"), ("omnigen", "two cats")]


def test_df40_has_fakes_by_method_and_keeps_a_video_together(tmp_path: Path):
    put(
        tmp_path,
        "simswap/ff/frames/000_003/012.png",
        "blendface/ff/frames/000_003/013.png",
        "simswap/cdf/frames/id0_id1_0000/001.png",
        "DiT/ff/00001.png",
        "heygen/real/frames/v1/001.png",
        "heygen/fake/frames/v1/001.png",
    )
    found = {listing.source_id: listing for listing in listings("df40", tmp_path)}
    assert listed("df40", tmp_path) == {
        "DiT/ff/00001.png": "dit",
        "blendface/ff/frames/000_003/013.png": "blendface",
        "heygen/fake/frames/v1/001.png": "heygen",
        "heygen/real/frames/v1/001.png": "real",
        "simswap/cdf/frames/id0_id1_0000/001.png": "simswap",
        "simswap/ff/frames/000_003/012.png": "simswap",
    }
    pairs = {name: listing.pair for name, listing in found.items()}
    assert pairs["simswap/ff/frames/000_003/012.png"] == pairs["blendface/ff/frames/000_003/013.png"] == "ff/000_003"
    assert pairs["DiT/ff/00001.png"] == ""
    assert len(set(pairs.values())) == 5
    assert listed("df40", tmp_path / "heygen") == {
        "fake/frames/v1/001.png": "heygen",
        "real/frames/v1/001.png": "real",
    }


def test_artartai_reads_jfif_in_folders_that_stand_twice(tmp_path: Path):
    put(tmp_path, "AiArtData/AiArtData/a.jfif", "RealArt/RealArt/b.jpg")
    assert listed("artartai", tmp_path) == {"AiArtData/AiArtData/a.jfif": "artartai", "RealArt/RealArt/b.jpg": "real"}


def test_synthetic_super_genai_goes_by_names_and_not_by_order(tmp_path: Path):
    put(tmp_path, "Fake/a.png", "Real/a.png")
    assert listed("super-genai", tmp_path, generator="sdxl") == {"Fake/a.png": "sdxl", "Real/a.png": "real"}


def test_synthbuster_has_prompts_and_the_photographs_that_they_describe(tmp_path: Path):
    put(tmp_path, "dalle3/r000da54ft.png", "midjourney-v5/r000da54ft.png", "RAISE-1k/r000da54ft.TIF")
    (tmp_path / "prompts.csv").write_text(
        'image name (matching Raise-1k),Prompt,Negative Prompt\nr000da54ft,"a church, seen from\nbelow",\n'
    )
    found = listings("synthbuster", tmp_path)
    assert listed("synthbuster", tmp_path) == {
        "RAISE-1k/r000da54ft.TIF": "real",
        "dalle3/r000da54ft.png": "dalle3",
        "midjourney-v5/r000da54ft.png": "midjourney_v5",
    }
    assert {listing.pair for listing in found} == {"r000da54ft"}
    assert {listing.made.prompt for listing in found if listing.made} == {"a church, seen from\nbelow"}


def test_synthbuster_goes_without_its_prompts(tmp_path: Path):
    put(tmp_path, "glide/r000da54ft.png")
    [listing] = listings("synthbuster", tmp_path)
    assert listing.made is not None
    assert listing.made.prompt == ""


def test_wildrf_names_platforms_where_nobody_knows_the_generator(tmp_path: Path):
    put(
        tmp_path,
        "train/0_real/a.jpg",
        "train/1_fake/a.jpg",
        "test/reddit/0_real/a.jpg",
        "test/reddit/1_fake/a.jpg",
        "test/twitter/1_fake/b.jpg",
    )
    assert listed("wildrf", tmp_path) == {
        "test/reddit/0_real/a.jpg": "real",
        "test/reddit/1_fake/a.jpg": "wild_reddit",
        "test/twitter/1_fake/b.jpg": "wild_twitter",
        "train/0_real/a.jpg": "real",
        "train/1_fake/a.jpg": "wild",
    }
    assert set(listed("wildrf", tmp_path, split="test", folders=["reddit"])) == {
        "test/reddit/0_real/a.jpg",
        "test/reddit/1_fake/a.jpg",
    }


def test_a_folder_above_the_set_names_neither_generator_nor_platform(tmp_path: Path):
    put(
        tmp_path, "GenImage/ADM/imagenet_ai_0508_adm/val/ai/1.png", "GenImage/ADM/imagenet_ai_0508_adm/val/nature/1.png"
    )
    assert set(listed("genimage", tmp_path).values()) == {"adm", "real"}
    put(tmp_path / "w", "WildRF/test/reddit/0_real/1.jpg", "WildRF/test/reddit/1_fake/1.jpg")
    assert set(listed("wildrf", tmp_path / "w").values()) == {"wild_reddit", "real"}
    put(tmp_path / "s", "synthbuster/dalle2/1.png")
    assert set(listed("synthbuster", tmp_path / "s").values()) == {"dalle2"}
    assert set(listed("synthbuster", tmp_path / "s/synthbuster/dalle2").values()) == {"dalle2"}


@pytest.mark.parametrize("kind", ["evalgen", "synthbuster"])
def test_photographs_do_not_pass_for_a_set_of_fakes_alone(tmp_path: Path, kind: str):
    put(tmp_path, "holidays/1.jpg", "2.jpg")
    assert "<generator>/" in refused(kind, tmp_path)


def test_chameleon_has_one_folder_a_label(tmp_path: Path):
    put(tmp_path, "test/0_real/0a4dcb15.jpg", "test/1_fake/1b.jpg")
    assert sorted(listed("chameleon", tmp_path).values()) == ["chameleon", "real"]


def test_aigcdetectbenchmark_has_classes_below_some_generators(tmp_path: Path):
    put(
        tmp_path,
        "test/ADM/0_real/a.png",
        "test/ADM/1_fake/a.png",
        "test/progan/airplane/0_real/a.png",
        "test/progan/airplane/1_fake/a.png",
    )
    found = listings("aigcdetectbenchmark", tmp_path)
    assert sorted(listed("aigcdetectbenchmark", tmp_path).values()) == ["adm", "progan", "real", "real"]
    assert [listing.class_label for listing in found] == ["", "", "airplane", "airplane"]


def test_the_recipes_generator_counts_where_folders_tell_no_two_apart(tmp_path: Path):
    put(tmp_path, "Dataset/Train/Real/a.png", "Dataset/Train/Fake/a.png")
    assert set(listed("labelled-folder", tmp_path, generator="stylegan").values()) == {"real", "stylegan"}
    assert set(listed("labelled-folder", tmp_path).values()) == {"real", "dataset"}
    put(tmp_path, "More/Train/Real/a.png", "More/Train/Fake/a.png")
    assert set(listed("labelled-folder", tmp_path, generator="stylegan").values()) == {"real", "dataset", "more"}


def test_a_labelled_folder_takes_the_recipes_words(tmp_path: Path):
    put(tmp_path, "Photos/1.jpg", "MJ v6/1.jpg", "Extra/2.jpg", "real/3.jpg")
    labels = {"Photos": "real", "MJ v6": "midjourney_v6", "Extra": "fake"}
    assert listed("labelled-folder", tmp_path, labels=labels, generator="other") == {
        "Extra/2.jpg": "other",
        "MJ v6/1.jpg": "midjourney_v6",
        "Photos/1.jpg": "real",
        "real/3.jpg": "real",
    }
    pairs = listings("labelled-folder", tmp_path, labels=labels, pair_by_name=True)
    assert [listing.pair for listing in pairs] == ["2", "1", "1", "3"]
    with pytest.raises(ValidationError, match="labels"):
        listings("labelled-folder", tmp_path, labels={"MJ": "MJ v6"})


@pytest.mark.parametrize(
    "kind",
    [
        "aigcdetectbenchmark",
        "artartai",
        "chameleon",
        "dda",
        "df40",
        "evalgen",
        "genimage",
        "super-genai",
        "synthbuster",
    ],
)
def test_a_set_is_named_after_its_type(kind: str):
    config = SOURCE.validate_python({"type": kind, "path": "p"})
    assert config.name == config.open().name == kind
    assert SOURCE.validate_python({"type": kind, "path": "p", "name": "mine"}).open().name == "mine"


def test_a_share_is_taken_by_hash_and_a_smaller_one_lies_in_a_larger_one(tmp_path: Path):
    put(tmp_path, *(f"{label}/{number}.jpg" for label in ("real", "fake") for number in range(200)))
    half, quarter = (set(listed("labelled-folder", tmp_path, fraction=share)) for share in (0.5, 0.25))
    assert 160 < len(half) < 240
    assert 70 < len(quarter) < 130
    assert quarter < half


def test_limits_and_shares_take_pairs_as_a_whole(tmp_path: Path):
    put(tmp_path, *(f"{label}/{number}.jpg" for label in ("real", "fake") for number in range(100)))
    for settings in ({"limit": 40}, {"fraction": 0.3}):
        pairs = Counter(listing.pair for listing in listings("dda", tmp_path, **settings))
        assert 15 < len(pairs) < 50
        assert set(pairs.values()) == {2}


def test_limits_of_df40_take_frames_of_many_videos(tmp_path: Path):
    put(tmp_path, *(f"simswap/ff/frames/{video:03d}/{n}.png" for video in range(20) for n in range(10)))
    assert len({listing.pair for listing in listings("df40", tmp_path, limit=20)}) > 5


def test_limits_hold_over_both_labels(tmp_path: Path):
    put(tmp_path, *(f"{label}/{number}.jpg" for label in ("real", "fake") for number in range(5)))
    assert len(listed("labelled-folder", tmp_path, limit=4)) == 4
    assert set(listed("labelled-folder", tmp_path, limit=2, order="source").values()) == {"unknown"}


def test_a_zip_of_a_set_is_read_in_place(tmp_path: Path):
    path = tmp_path / "synthbuster.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("synthbuster/dalle3/r1.png", "synthbuster/glide/r1.png", "synthbuster/prompts.csv"):
            archive.writestr(name, name)
    source = SOURCE.validate_python({"type": "synthbuster", "path": str(path), "root": "synthbuster"}).open()
    found = list(source.list())
    assert [(listing.made.generator, listing.pair) for listing in found if listing.made] == [
        ("dalle3", "r1"),
        ("glide", "r1"),
    ]
    outcomes = [outcome for _, outcome in source.fetch(found, tmp_path)]
    assert [outcome.data for outcome in outcomes if isinstance(outcome, Fetched)] == [
        b"synthbuster/dalle3/r1.png",
        b"synthbuster/glide/r1.png",
    ]


def test_each_of_several_archives_stands_for_a_folder(tmp_path: Path):
    for name in ("ADM", "wukong"):
        with tarfile.open(tmp_path / f"{name}.tar", "w") as archive:
            for label in ("ai", "nature"):
                archive.addfile(tarfile.TarInfo(f"imagenet_ai_0508_{name}/val/{label}/1.png"))
    assert sorted(listed("genimage", tmp_path / "*.tar").values()) == ["adm", "real", "real", "wukong"]
    assert sorted(listed("genimage", tmp_path / "ADM.tar").values()) == ["adm", "real"]


def test_fetched_bytes_carry_what_made_them(tmp_path: Path):
    put(tmp_path, *GENIMAGE)
    source = SOURCE.validate_python({"type": "genimage", "path": str(tmp_path), "only": "fake"}).open()
    for listing, outcome in source.fetch(list(source.list()), tmp_path):
        assert isinstance(outcome, Fetched)
        assert outcome.data == listing.source_id.encode()
        assert outcome.image.made is not None
        assert outcome.image.made.generator == GENIMAGE[listing.source_id]


def test_images_outside_the_layout_are_passed_over_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    put(tmp_path, "real/1.jpg", "fake/1.jpg", "thumbnails/1.jpg", "cover.png")
    with caplog.at_level(logging.WARNING):
        assert set(listed("labelled-folder", tmp_path)) == {"real/1.jpg", "fake/1.jpg"}
    assert "2 images lie outside" in caplog.text


def test_a_folder_of_another_layout_is_named_with_what_is_there(tmp_path: Path):
    put(tmp_path, "cats/1.jpg", "dogs/1.jpg")
    words = refused("genimage", tmp_path)
    assert "{train,val}/{ai,nature}" in words
    assert "'cats', 'dogs'" in words
    assert "named 'Photos'" in refused("labelled-folder", tmp_path, labels={"Photos": "real", "cats": "fake"})
    assert "no such folder" in refused("dda", tmp_path / "nowhere")


def test_settings_that_leave_nothing_are_named(tmp_path: Path):
    put(tmp_path, "test/0_real/1.jpg", "test/1_fake/1.jpg")
    words = refused("chameleon", tmp_path, split="train", folders=["0_real"])
    assert "split = 'train', folders = ('0_real',)" in words
    assert "'test/0_real'" in words
    assert "no folder of images is named 'tset'" in refused("chameleon", tmp_path, folders=["0_real", "tset"])


def test_labels_are_read_in_a_zip_that_windows_made(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("real\\a.jpg", "fake\\a.jpg", "/fake/../fake/b.jpg"):
            member = zipfile.ZipInfo("x")
            member.filename = name
            archive.writestr(member, name.encode())
    found = listings("labelled-folder", tmp_path / "set.zip", generator="g", pair_by_name=True)
    assert [(entry.made is not None, entry.pair) for entry in found] == [(False, "a"), (True, "a"), (True, "b")]


def test_a_folder_of_reals_among_the_fakes_is_named(tmp_path: Path):
    put(tmp_path, "fake/real/a.png", "fake/sdxl/b.png", "real/x/c.png")
    assert "the folder 'fake/real' lies among the fakes, but 'real' means real" in refused(
        "labelled-folder", tmp_path, generator="g"
    )
