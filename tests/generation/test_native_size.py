import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.buckets import BUCKETS, check_native_size, nearest_bucket
from generation.config import TextToImageConfig
from generation.native_size import require_native_size
from manifests.errors import ModelError


def test_buckets_are_of_about_a_megapixel_and_come_turned():
    assert len(set(BUCKETS)) == len(BUCKETS)
    assert set(BUCKETS) == {(height, width) for width, height in BUCKETS}
    for width, height in BUCKETS:
        assert width % 64 == height % 64 == 0
        assert 0.85 < width * height / 1024**2 <= 1.03


@pytest.mark.parametrize(
    ("window", "bucket"),
    [((500, 500), (1024, 1024)), ((3, 2), (1216, 832)), ((1080, 1920), (768, 1344)), ((9, 1), (2048, 512))],
)
def test_the_nearest_bucket_is_that_of_the_nearest_aspect(window: tuple[int, int], bucket: tuple[int, int]):
    assert nearest_bucket(*window) == bucket


@given(st.sampled_from(BUCKETS), st.integers(1, 5))
def test_a_bucket_is_its_own_nearest(bucket: tuple[int, int], scale: int):
    width, height = bucket
    found = nearest_bucket(width * scale, height * scale)
    assert found[0] * height == found[1] * width
    check_native_size("sdxl", 1024, width * scale, height * scale)


def _folder(folder: Path, pipeline: str, sample_size: int) -> Path:
    contents = {
        "model_index.json": {"_class_name": pipeline},
        "unet/config.json": {"sample_size": sample_size},
        "vae/config.json": {"block_out_channels": [1, 2, 3, 4]},
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def config(**more: object) -> TextToImageConfig:
    return TextToImageConfig.model_validate({"name": "xl", **more})


def test_a_model_on_this_machine_is_asked_before_work_begins(tmp_path: Path):
    xl = config(model=str(_folder(tmp_path / "xl", "StableDiffusionXLPipeline", 128)))
    with pytest.raises(ModelError, match="generator xl: 512x512 is below the native size of its SDXL model, 1024x1024"):
        require_native_size(xl, 512)
    require_native_size(xl, 1024)
    require_native_size(config(model=str(_folder(tmp_path / "tiny", "StableDiffusionXLPipeline", 8))), 64)
    require_native_size(config(model=str(_folder(tmp_path / "sd", "StableDiffusionPipeline", 64))), 256)


def test_a_published_model_is_known_by_its_preset(tmp_path: Path):
    with pytest.raises(ModelError, match="512x512 is below the native size"):
        require_native_size(config(preset="sdxl"), 512)
    require_native_size(config(preset="sdxl"), 1024)
    require_native_size(config(preset="sd14"), 256)
    # what nothing here tells is seen when the model is opened
    require_native_size(config(model="org/unknown"), 64)
    require_native_size(config(model=str(tmp_path)), 64)
