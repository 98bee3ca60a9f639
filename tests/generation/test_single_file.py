import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from generation.config import TextToImageConfig
from generation.open import open_generator
from generation.replay import ReplayRequest, open_replayer
from generation.requests import Generated, GenerationRequest
from manifests.errors import ModelError
from tests.generation.original_names import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny `sd` in one file, under the names of the original checkpoints."""
    file = tmp_path_factory.mktemp("checkpoints") / "fine-tuned.safetensors"
    write_checkpoint(models / "sd", file)
    return file


@pytest.fixture
def changed(checkpoint: Path, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """Write the checkpoint with some tensors changed."""
    from safetensors.torch import load_file, save_file

    def write(edit: Callable[[dict[str, Any]], None]) -> Path:
        tensors = load_file(checkpoint)
        edit(tensors)
        save_file(tensors, tmp_path / "changed.safetensors")
        return tmp_path / "changed.safetensors"

    return write


@pytest.fixture
def without_encoder() -> Callable[[dict[str, Any]], None]:
    """Take the text encoder out of a checkpoint."""

    def take_out(tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if name.startswith("cond_stage_model")]:
            del tensors[name]

    return take_out


def config(model: Path, folder: Path | str, **settings: Any) -> TextToImageConfig:
    return TextToImageConfig(name="tiny", model=str(model), config=str(folder), num_inference_steps=2, **settings)


def made(settings: TextToImageConfig) -> Generated:
    request = GenerationRequest("a-scene", "a red cube", None, 32, 32)
    (answer,) = next(open_generator(settings, "cpu", salt="").generate([request]))
    assert isinstance(answer, Generated)
    return answer


def test_a_checkpoint_gives_the_images_of_the_folder_that_it_was_made_from(models: Path, checkpoint: Path):
    one = made(config(checkpoint, models / "sd"))
    folder = made(TextToImageConfig(name="tiny", model=str(models / "sd"), num_inference_steps=2))
    assert one.pixels.tobytes() == folder.pixels.tobytes()
    assert one.fake.model == "fine-tuned.safetensors"
    assert one.fake.scheduler_config == folder.fake.scheduler_config
    assert len(one.fake.revision) == 16


def test_a_configs_folder_needs_no_weights(models: Path, checkpoint: Path, tmp_path: Path):
    shutil.copytree(models / "sd", tmp_path / "sd", ignore=shutil.ignore_patterns("*.safetensors"))
    bare, whole = (made(config(checkpoint, folder)) for folder in (tmp_path / "sd", models / "sd"))
    assert bare.pixels.tobytes() == whole.pixels.tobytes()
    assert bare.fake.revision == whole.fake.revision


def test_a_checkpoint_without_a_text_encoder_borrows_the_folders(
    models: Path,
    checkpoint: Path,
    changed: Callable[..., Path],
    without_encoder: Callable[[dict[str, Any]], None],
):
    file = changed(without_encoder)
    one = made(config(file, models / "sd"))
    assert one.pixels.tobytes() == made(config(checkpoint, models / "sd")).pixels.tobytes()


def test_a_replay_uses_the_same_checkpoint_or_none(models: Path, checkpoint: Path, changed: Callable[..., Path]):
    one = made(config(checkpoint, models / "sd"))
    request = ReplayRequest("a-scene", one.fake, None)
    (answer,) = next(open_replayer(config(checkpoint, models / "sd"), "cpu").replay([request]))
    assert isinstance(answer, Generated)
    assert answer.fake == one.fake
    other = changed(lambda tensors: tensors["first_stage_model.decoder.conv_out.bias"].add_(0.1))
    with pytest.raises(ModelError, match=f"holds other weights than the recipe asks for.*expected {one.fake.revision}"):
        next(open_replayer(config(other, models / "sd"), "cpu").replay([request]))


@pytest.mark.parametrize("name", ["model.diffusion_model.out.2.bias", "first_stage_model.encoder.conv_in.bias"])
def test_a_checkpoint_that_lacks_tensors_is_refused(models: Path, changed: Callable[..., Path], name: str):
    file = changed(lambda tensors: tensors.pop(name))
    with pytest.raises(ModelError, match=r"changed\.safetensors (has no values|cannot be loaded)") as caught:
        made(config(file, models / "sd"))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_model_is_refused(models: Path, checkpoint: Path):
    with pytest.raises(
        ModelError, match=r"cannot be loaded with the configs of .*sdxl; was it made from that"
    ) as caught:
        made(config(checkpoint, models / "sdxl"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK pickle"])
def test_a_damaged_checkpoint_is_an_error_of_one_line(models: Path, tmp_path: Path, content: bytes):
    file = tmp_path / "broken.safetensors"
    file.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read as safetensors") as caught:
        made(config(file, models / "sd"))
    assert "\n" not in str(caught.value)


def test_a_text_encoder_is_not_lent_from_pickles(
    models: Path, changed: Callable[..., Path], without_encoder: Callable[[dict[str, Any]], None], tmp_path: Path
):
    shutil.copytree(models / "sd", tmp_path / "sd", ignore=shutil.ignore_patterns("*.safetensors"))
    (tmp_path / "sd" / "text_encoder" / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match=r"has no weights.*pickled weights are never read"):
        made(config(changed(without_encoder), tmp_path / "sd"))


def test_a_missing_checkpoint_is_named(models: Path):
    with pytest.raises(ModelError, match=r"no checkpoint /missing/x\.safetensors"):
        made(config(Path("/missing/x.safetensors"), models / "sd"))


@pytest.mark.parametrize(
    ("model", "folder", "complaint"),
    [
        ("x.ckpt", "sd", "pickled weights are never read"),
        ("x.safetensors", "", "config is missing"),
        ("org/name", "sd", "config is for a checkpoint in one"),
    ],
)
def test_a_recipe_says_file_and_configs_together(model: str, folder: str, complaint: str):
    with pytest.raises(ValidationError, match=complaint):
        config(Path(model), folder)
