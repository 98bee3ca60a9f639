"""Whose folder it is: what a build may take, what it must leave alone, and how a folder may be named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.counts import is_finished
from flows.folder import BuildFolder
from flows.recipe import load_recipe
from flows.stages.listing import ListStage
from manifests import canonical
from manifests.errors import DatasetError, SourceError

Recipe = Callable[..., Path]


def folder(path: Path, out: Path | str) -> BuildFolder:
    return BuildFolder(load_recipe(path), str(path.parent), str(out))


def test_the_dataset_inside_a_build_is_no_place_for_another(recipe: Recipe, tmp_path: Path):
    path = recipe()
    build = folder(path, tmp_path / "out")
    build.claim()
    build.dataset.write("manifest.jsonl", b"{}\n")
    with pytest.raises(DatasetError, match="not empty, and not a build's folder"):
        folder(path, tmp_path / "out" / "dataset").claim()
    assert build.dataset.files() == ["manifest.jsonl"]


def test_a_file_is_no_folder(recipe: Recipe, tmp_path: Path):
    (tmp_path / "letter.txt").write_text("dear reader")
    build = folder(recipe(), tmp_path / "letter.txt")
    assert not is_finished(build)
    with pytest.raises(DatasetError, match=r"letter\.txt: not empty, and not a build's folder"):
        build.claim()


def test_a_build_is_found_from_inside(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder(recipe(), tmp_path / "out").claim()
    monkeypatch.chdir(tmp_path / "out")
    for url in (".", "dataset", "dataset/", str(tmp_path / "out" / "dataset"), f"file://{tmp_path}/out"):
        assert BuildFolder.open(url).path == tmp_path / "out"


def test_a_folder_by_url_or_from_home_is_a_local_path(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder(recipe(), "~/out").path == tmp_path / "out"
    assert folder(recipe(), f"file://{tmp_path}/out").path == tmp_path / "out"
    with pytest.raises(DatasetError, match="not a folder of this machine"):
        _ = folder(recipe(), "memory://out").path


def test_a_dataset_of_an_earlier_recipe_is_withdrawn(recipe: Recipe, tmp_path: Path):
    build = folder(recipe(), tmp_path / "out")
    build.claim()
    ListStage(build).run(0)
    names = ["index.json", "index.sha256", "manifest.jsonl", "shards/train-000000.tar"]
    for name in names:
        build.dataset.write(name, b"of the earlier recipe")
    build.claim()
    folder(recipe(), tmp_path / "out").claim(redo=True)
    assert build.dataset.files() == names
    folder(recipe(replace={"size = 8": "size = 9"}), tmp_path / "out").claim(redo=True)
    assert build.dataset.files() == ["shards/train-000000.tar"]


def test_a_source_without_images_is_an_error(recipe: Recipe, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    build = folder(recipe(photographs=tmp_path / "empty"), tmp_path / "out")
    build.claim()
    with pytest.raises(SourceError, match="source folder: no images in it"):
        ListStage(build).run(0)
    assert ListStage(build).pending() == [0]


def test_a_build_whose_recipe_had_a_setting_that_is_gone_is_named_and_may_be_taken_over(recipe: Recipe, tmp_path: Path):
    build = folder(recipe(), tmp_path / "out")
    build.claim()
    ListStage(build).run(0)
    state = canonical.loads(build.work.read("recipe.json"))
    state["recipe"]["chunks"]["colour"] = "red"
    build.work.write("recipe.json", canonical.dumps(state))
    with pytest.raises(DatasetError, match=r"it differs in chunks\.colour\. Choose another --out, or give --redo"):
        build.claim()
    build.claim(redo=True)
    assert "colour" not in canonical.loads(build.work.read("recipe.json"))["recipe"]["chunks"]
