from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Pictures = list[NDArray[np.uint8]]


@pytest.fixture
def parts(models: Path) -> tuple[Any, Any]:
    from transformers import BlipForConditionalGeneration, BlipProcessor

    model = BlipForConditionalGeneration.from_pretrained(models / "blip").eval()
    return model, BlipProcessor.from_pretrained(models / "blip")


def test_images_moved_as_bytes_are_what_the_processor_gives_bit_for_bit(parts: tuple[Any, Any]):
    import torch

    from generation.blip_model import normalized, resized, stacked

    processor = parts[1]
    rng = np.random.default_rng(0)
    # larger, smaller and of other shapes than the model's 32x32
    images = [
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in ((64, 64), (20, 50), (32, 32))
    ]
    rows = resized(processor.image_processor, images)
    assert [(row.dtype, tuple(row.shape)) for row in rows] == [(torch.uint8, (3, 32, 32))] * 3
    ours = normalized(processor.image_processor, stacked(rows, torch.device("cpu")))
    theirs = processor(images=images, return_tensors="pt")["pixel_values"]
    assert ours.dtype == theirs.dtype
    assert torch.equal(ours, theirs)


def test_fused_attention_sees_what_the_librarys_own_sees(parts: tuple[Any, Any], pictures: Pictures):
    import torch

    from generation.blip_model import fuse_attention

    model, processor = parts
    pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        own = model.vision_model(pixel_values=pixels).last_hidden_state
        names = set(model.state_dict())
        fuse_attention(model.vision_model)
        fused = model.vision_model(pixel_values=pixels).last_hidden_state
    assert set(model.state_dict()) == names
    assert torch.allclose(fused, own, atol=1e-5)
