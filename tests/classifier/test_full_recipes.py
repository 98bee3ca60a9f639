"""One optimiser step of each published detector's recipe on its true backbone, weights at random."""

import os
import tomllib
from pathlib import Path

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from classifier.config import ClassifierConfig
from classifier.network import Network, new_backbone, new_network
from classifier.optimiser import new_optimiser, set_rates
from classifier.schedule import step_at

RECIPES = Path(__file__).parents[2] / "recipes"
LARGE = pytest.mark.skipif(
    "TWINSET_LARGE_BACKBONES" not in os.environ,
    reason="a step of this backbone takes half a minute and 4 GB: set TWINSET_LARGE_BACKBONES=1",
)


def classifier_of(recipe: str) -> ClassifierConfig:
    table = tomllib.loads((RECIPES / f"{recipe}.toml").read_text("utf-8"))["classifier"]
    return ClassifierConfig.model_validate({**table, "pretrained": False})


@pytest.mark.parametrize("recipe", ["convnext-continual", "realfake"])
def test_a_step_of_the_large_recipes_reaches_every_weight(recipe: str):
    config = classifier_of(recipe)
    # shapes alone, without numbers: all that the step with numbers below needs memory and time for
    with torch.device("meta"):
        network = Network(new_backbone(config.backbone, config.backbone_options, config.head), (0.5,) * 3, (0.5,) * 3)
        optimiser = new_optimiser(network.backbone, config)
        set_rates(optimiser, config, step_at(0.5, config))
        images = torch.zeros(2, 3, config.image_size, config.image_size, dtype=torch.uint8)
        binary_cross_entropy_with_logits(network(images), torch.tensor([0.0, 1.0])).backward()
    optimiser.step()
    assert set(optimiser.state) == set(network.parameters())
    rates = {group["lr"] for group in optimiser.param_groups}
    # the head, 36 blocks, and below them the layers that take pixels in
    assert len(rates) == (38 if config.layer_decay else 1)


@pytest.mark.parametrize(
    ("recipe", "parameters"),
    [
        ("sdxl-detector", 24_559_170),
        ("distilled", 4_008_829),
        pytest.param("convnext-continual", 87_693_825, marks=LARGE),
        pytest.param("realfake", 196_231_873, marks=LARGE),
    ],
)
def test_one_step_of_the_full_recipe(recipe: str, parameters: int):
    config = classifier_of(recipe)
    torch.manual_seed(0)
    network = new_network(config, config.image_size)
    assert sum(weights.numel() for weights in network.parameters()) == parameters
    optimiser = new_optimiser(network.backbone, config)
    set_rates(optimiser, config, step_at(0.5, config))
    first, *_, last = [weights.detach().clone() for weights in network.parameters()]
    images = torch.randint(0, 256, (3, 3, config.image_size, config.image_size), dtype=torch.uint8)
    loss = binary_cross_entropy_with_logits(network(images), torch.tensor([0.0, 1.0, 1.0]))
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(weights).all() for weights in network.parameters())
    # those between them may stand still at first: residual branches begin at nought
    assert not torch.equal(first, next(network.parameters()))
    assert not torch.equal(last, list(network.parameters())[-1])
