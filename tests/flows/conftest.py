"""A small world of photographs and recipes over it, run through the real stages with the demo's own models."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[2] / "demo" / "models"

RECIPE = """
name = "small"

[[sources]]
type = "folder"
path = "{photographs}"

[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 64
generators = ["sd", "vae"]

[[views]]
name = "patch"
framing = "patch"
frame = 64
size = 64
generators = ["vae"]

[caption]
source = "blip"
model = "{models}/blip"

[[generators]]
name = "sd"
method = "text-to-image"
model = "{models}/stable-diffusion"
num_inference_steps = 2
guidance_scale = 4.0

[[generators]]
name = "vae"
method = "reconstruct"
model = "{models}/stable-diffusion"

[split]
group_by = ["pair"]

[chunks]
size = 8

[shards]
pairs = 10

[limits]
drop_rate = 1.0

[audit]
folds = 2
permutation_draws = 50
bootstrap_draws = 50
"""


@pytest.fixture(scope="session", autouse=True)
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Prefect's own database apart from the user's."""
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 rendered photographs in a folder, a truncated one and a page called .jpg among them."""
    from demo.photographs import take_photograph

    folder = tmp_path_factory.mktemp("scenes")
    for number in range(24):
        photograph = take_photograph(number)
        place = folder / f"class{number % 4}"
        place.mkdir(exist_ok=True)
        (place / f"{number:03d}{photograph.suffix}").write_bytes(photograph.data)
    whole = (folder / "class0" / "000.jpg").read_bytes()
    (folder / "class0" / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "class1" / "page.jpg").write_bytes(b"<!doctype html><title>not here</title>")
    return folder


@pytest.fixture(scope="session")
def recipe_text(scenes: Path) -> str:
    """The recipe over the scenes."""
    return RECIPE.format(photographs=scenes, models=MODELS)


@pytest.fixture
def recipe(scenes: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a recipe over the scenes; `extra` is appended, `replace` maps text of the recipe to other text."""

    def write(extra: str = "", replace: dict[str, str] | None = None, photographs: Path = scenes) -> Path:
        text = RECIPE.format(photographs=photographs, models=MODELS) + extra
        for old, new in (replace or {}).items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "small.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def run_stages() -> Callable[[Path, Path], Path]:
    """Run a recipe's stages one after the other in this process, without Prefect."""
    from flows.folder import BuildFolder
    from flows.recipe import load_recipe
    from flows.stages.audit import build_stages

    def run(path: Path, out: Path) -> Path:
        build = BuildFolder(load_recipe(path), str(path.parent), str(out))
        build.claim()
        for stage in build_stages(build):
            for index in stage.pending():
                stage.run(index)
            stage.finish()
        return out / "dataset"

    return run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, recipe_text: str) -> Path:
    """One finished build, shared by the tests that only look."""
    from flows.folder import BuildFolder
    from flows.recipe import load_recipe
    from flows.stages.audit import build_stages

    folder = tmp_path_factory.mktemp("built")
    path = folder / "small.toml"
    path.write_text(recipe_text)
    build = BuildFolder(load_recipe(path), str(folder), str(folder / "out"))
    build.claim()
    for stage in build_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    return folder / "out"
