"""Normalised images."""

import pytest
import torch

from classifier.normalising import normalised

MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_every_value_is_what_torchvision_computes(memory_format: torch.memory_format) -> None:
    images = torch.randint(0, 256, (3, 3, 17, 40), dtype=torch.uint8).contiguous(memory_format=memory_format)
    by_channel = (1, 3, 1, 1)
    expected = (images / 255).sub_(MEAN.view(by_channel)).div_(STD.view(by_channel))
    given = normalised(images, MEAN.view(by_channel), STD)
    assert torch.equal(given, expected)
    assert given.is_contiguous(memory_format=torch.channels_last)
