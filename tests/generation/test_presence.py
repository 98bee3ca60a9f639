from pathlib import Path

import pytest

from generation.presence import require_weights
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
