"""Bad input: one clear line, a non-zero exit, nothing half-written."""

import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.errors import DatasetError, SourceError
from tests.command_line import twinset

Recipe = Callable[..., Path]

pytestmark = pytest.mark.xdist_group("bad-input")


def refused(path: Path, out: Path) -> str:
    """The one line of a build that is refused."""
    result = twinset("build", path, "--out", out)
    assert result.returncode == 1, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert not (out / "dataset").exists()
    assert not [found for found in out.rglob("*") if ".partial-" in found.name]
    return lines[0]


def test_unknown_key(recipe: Recipe, tmp_path: Path):
    line = refused(recipe(replace={"size = 8": "sise = 8"}), tmp_path / "out")
    assert "unknown key `chunks.sise`; valid keys here are size" in line
    assert not (tmp_path / "out").exists()


def test_wrong_value(recipe: Recipe, tmp_path: Path):
    assert "`views.1.framing` = 'wide'" in refused(
        recipe(replace={'framing = "patch"': 'framing = "wide"'}), tmp_path / "out"
    )


def test_missing_source(recipe: Recipe, tmp_path: Path):
    assert "nowhere" in refused(recipe(photographs=tmp_path / "nowhere"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_model_without_weights(recipe: Recipe, tmp_path: Path):
    hollow = tmp_path / "hollow"
    hollow.mkdir()
    (hollow / "config.json").write_text("{}")
    path = recipe()
    path.write_text(re.sub(r'model = ".*/blip"', f'model = "{hollow}"', path.read_text()))
    assert f"model folder {hollow} has no weights" in refused(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_csv_header(recipe: Recipe, scenes: Path, tmp_path: Path):
    (tmp_path / "images.csv").write_text("id,url\n1,http://127.0.0.1/1.jpg\n")
    path = recipe(replace={f'type = "folder"\npath = "{scenes}"': 'type = "open-images"\ncsv = "images.csv"'})
    line = refused(path, tmp_path / "out")
    assert "images.csv" in line
    assert "ImageID" in line


def test_truncated_tar(recipe: Recipe, run_stages: Callable[[Path, Path], Path], scenes: Path, tmp_path: Path):
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as tar:
        for photograph in sorted(scenes.rglob("*.jpg"))[:3]:
            tar.add(photograph, arcname=f"ILSVRC2012_val_{photograph.stem.zfill(8)}.JPEG")
    data = whole.read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) // 2])
    path = recipe(
        replace={f'type = "folder"\npath = "{scenes}"': 'type = "imagenet"\nsplit = "validation"\npath = "cut.tar"'}
    )
    with pytest.raises(SourceError, match=r"cut\.tar"):  # its first image is whole: the first stage finds out
        run_stages(path, tmp_path / "out")
    assert not (tmp_path / "out" / "dataset").exists()


def test_output_folder_of_another_recipe(recipe: Recipe, tmp_path: Path):
    from flows.folder import BuildFolder
    from flows.recipe import load_recipe
    from flows.stages.listing import ListStage

    out = tmp_path / "out"
    path = recipe()
    other = BuildFolder(load_recipe(path), str(path.parent), str(out))
    other.claim()
    ListStage(other).run(0)
    line = refused(recipe(replace={"size = 8": "size = 9"}), out)
    assert "built from another recipe; it differs in chunks.size" in line


def test_full_disk(recipe: Recipe, run_stages: Callable[[Path, Path], Path], tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    try:
        subprocess.run(
            [shutil.which("mount") or "", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(out)],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs root")
    try:
        with pytest.raises(DatasetError, match=r"the disk is full\. Free some space and run the same command again"):
            run_stages(recipe(), out)
        assert not [found for found in out.rglob("*") if ".partial-" in found.name]
    finally:
        subprocess.run([shutil.which("umount") or "", "-l", str(out)], check=True)
