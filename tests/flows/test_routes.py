"""Real photographs by two routes: a folder by class, and ImageNet's tar of tars. Same keys, pairs and pixels."""

import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.counts import stage_counts
from flows.folder import BuildFolder
from manifests.dataset import Dataset

Run = Callable[[Path, Path], Path]

pytestmark = pytest.mark.xdist_group("routes")

# every sixth photograph shows each reason; all of them, and text-to-image beside reconstruct, take ten times as long
ALL = bool(os.environ.get("TWINSET_TEST_ALL_PHOTOGRAPHS"))
STEP = 1 if ALL else 6
MODELS = Path(__file__).parents[2] / "demo" / "models"

RECIPE = """
name = "photographs"

[[sources]]
name = "photographs"
{source}

[[views]]
name = "scene"
framing = "scene"
frame = 256
size = 256
generators = ["vae"{sd}]

[[views]]
name = "patch"
framing = "patch"
frame = 256
size = 256
generators = ["vae"]

[caption]
source = "class-template"

[[generators]]
name = "vae"
method = "reconstruct"
model = "vae"
{sd_table}
[split]
group_by = ["class"]

[audit]
pixel_probe = false
permutation_draws = 50
"""

SD_TABLE = """
[[generators]]
name = "sd"
method = "text-to-image"
model = "{models}/stable-diffusion"
num_inference_steps = 2
"""


@pytest.fixture(scope="module")
def by_class(photographs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photographs as a folder `train/<wnid>/<wnid>_1.JPEG`, and as `train.tar` of a tar a class."""
    root = tmp_path_factory.mktemp("imagenet")
    (root / "train").mkdir()
    with tarfile.open(root / "train.tar", "w") as outer:
        for photograph in photographs[::STEP]:
            wnid = photograph.name.partition("_")[0]
            place = root / "train" / wnid / f"{wnid}_1.JPEG"
            place.parent.mkdir()
            shutil.copyfile(photograph, place)
            with tarfile.open(root / f"{wnid}.tar", "w") as inner:
                inner.add(place, arcname=place.name)
            outer.add(root / f"{wnid}.tar", arcname=f"{wnid}.tar")
            (root / f"{wnid}.tar").unlink()
    _save_small_autoencoder(root / "vae")
    return root


def _save_small_autoencoder(folder: Path) -> None:
    """A random AutoencoderTiny, quick at 256 x 256; its last layer is enlarged, or its pictures would be blank."""
    import torch
    from diffusers import AutoencoderTiny

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        autoencoder = AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8),
            decoder_block_out_channels=(8, 8, 8),
            num_encoder_blocks=(1, 1, 1),
            num_decoder_blocks=(1, 1, 1),
        )
        autoencoder.decoder.layers[-1].weight.mul_(15)
    autoencoder.save_pretrained(folder)


def write(root: Path, name: str, source: str, *, with_sd: bool) -> Path:
    path = root / f"{name}.toml"
    sd_table = SD_TABLE.format(models=MODELS) if with_sd else ""
    sd = ', "sd"' if with_sd else ""
    path.write_text(RECIPE.format(source=source, models=MODELS, sd=sd, sd_table=sd_table))
    return path


def pixels(dataset: Path) -> dict[str, dict[str, bytes]]:
    return {sample.key: dict(sample.members) for sample in Dataset.open(str(dataset)).samples()}


@pytest.mark.parametrize(
    "with_sd", [False, True] if ALL else [False], ids=lambda sd: "text-to-image" if sd else "reconstruct"
)
def test_folder_and_tar_give_the_same_pairs(by_class: Path, run_stages: Run, tmp_path: Path, *, with_sd: bool):
    limit = "limit = 12" if with_sd else ""
    folder = write(by_class, "folder", f'type = "folder"\npath = "train"\n{limit}', with_sd=with_sd)
    tar = write(by_class, "tar", f'type = "imagenet"\npath = "train.tar"\n{limit}', with_sd=with_sd)
    from_folder, from_tar = run_stages(folder, tmp_path / "folder"), run_stages(tar, tmp_path / "tar")
    assert pixels(from_folder) == pixels(from_tar)
    first, second = (
        [(pair.pair_id, pair.split, pair.image.class_label, pair.frame) for pair in Dataset.open(str(dataset)).pairs()]
        for dataset in (from_folder, from_tar)
    )
    assert first == second
    counts = {count.name: count for count in stage_counts(BuildFolder.open(str(tmp_path / "folder")))}
    for count in counts.values():
        assert count.seen == count.forwarded + sum(count.rejected.values()), count.name
    rejects = Counter(reject.reason for reject in Dataset.open(str(from_folder)).rejects())
    expected = Counter(
        reason for count in counts.values() for reason in count.rejected for _ in range(count.rejected[reason])
    )
    assert rejects == expected
    if not with_sd:
        assert counts["list"].seen == 240 / STEP
        assert counts["frame"].forwarded > 350 / STEP
        assert len(first) > 100 / STEP  # of a random autoencoder's pictures, many are grey
        assert rejects["greyscale"] > 0
        assert rejects["colour-profile"] > 0
        assert rejects["too-small"] > 0
    assert Dataset.open(str(from_folder)).audit_verdict == "passed"
