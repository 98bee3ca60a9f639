import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from generation.presence import require_text_encoder, require_weights
from manifests.errors import ModelError


def test_folders_with_safetensors_and_hub_ids_pass(tmp_path: Path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").touch()
    require_weights(str(tmp_path))
    require_weights("org/name")


def test_a_folder_with_pickled_weights_is_refused(tmp_path: Path):
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match="has no weights"):
        require_weights(str(tmp_path))


@pytest.mark.parametrize("model", ["/missing", "./missing"])
def test_a_missing_folder_is_named(model: str):
    with pytest.raises(ModelError, match=f"no model folder {model}"):
        require_weights(model)


def text_encoder(folder: Path, kind: str, *tensors: str, tokenizer: bool = True) -> str:
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    save_file({name: np.zeros(1, np.float32) for name in tensors}, folder / "model.safetensors")
    if tokenizer:
        (folder / "tokenizer.json").touch()
    return str(folder)


@pytest.mark.parametrize(("kind", "tensor"), [("bert", "embeddings"), ("clip_text_model", "text_projection.weight")])
def test_text_encoders_and_hub_ids_pass(tmp_path: Path, kind: str, tensor: str):
    require_text_encoder(text_encoder(tmp_path, kind, tensor))
    require_text_encoder("org/name")


def test_the_text_encoder_of_a_generator_projects_nothing_and_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no text_projection\.weight"):
        require_text_encoder(text_encoder(tmp_path, "clip_text_model", "text_model.embeddings"))


def test_a_text_encoder_without_its_tokenizer_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="no tokenizer"):
        require_text_encoder(text_encoder(tmp_path, "bert", "embeddings", tokenizer=False))


@pytest.mark.parametrize("text", ["[]", "{", '{"is_encoder_decoder": true}'])
def test_what_is_no_text_encoder_is_refused(tmp_path: Path, text: str):
    folder = text_encoder(tmp_path, "bert", "embeddings")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"config\.json"):
        require_text_encoder(folder)
