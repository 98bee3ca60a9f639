from itertools import pairwise

import pytest
import torch

from classifier.config import ClassifierConfig
from classifier.network import new_network
from classifier.optimiser import new_optimiser, set_rates
from classifier.schedule import Step

RATE = 1e-3


def moved(config: ClassifierConfig, rate: float = 1.0) -> dict[str, float]:
    """How far one optimiser step moves each weight whose gradient is not all but nought: the median of its elements."""
    torch.manual_seed(0)
    network = new_network(config, 32)
    optimiser = new_optimiser(network.backbone, config)
    set_rates(optimiser, config, Step(rate))
    before = {name: weights.detach().clone() for name, weights in network.backbone.named_parameters()}
    network(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)).square().sum().backward()
    optimiser.step()
    steps: dict[str, float] = {}
    for name, weights in network.backbone.named_parameters():
        felt = weights.grad.abs() > 1e-5
        if felt.any():
            steps[name] = float((weights.detach() - before[name]).abs()[felt].median())
    return steps


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_each_layer_takes_a_step_of_its_own_size(head: str):
    decay = 0.5
    config = ClassifierConfig(
        backbone="test_convnext2", head=head, layer_decay=decay, learning_rate=RATE, weight_decay=0.0
    )
    steps = moved(config)
    # AdamW's first step is the rate itself, whatever the gradient
    head_steps = [step for name, step in steps.items() if name.startswith("head.")]
    assert head_steps == pytest.approx([RATE] * len(head_steps), rel=0.02)
    rates = sorted({round(step / RATE, 3) for step in steps.values()}, reverse=True)
    layers = [rate for number, rate in enumerate(rates) if number == 0 or rate < 0.75 * rates[number - 1]]
    assert len(layers) >= 4
    assert [lower / upper for upper, lower in pairwise(layers)] == pytest.approx([decay] * (len(layers) - 1), rel=0.05)
    stem = [step for name, step in steps.items() if name.startswith("stem.")]
    assert stem
    assert max(stem) == pytest.approx(RATE * layers[-1], rel=0.05)


def test_without_layer_decay_all_layers_step_alike_as_far_as_the_schedule_says():
    config = ClassifierConfig(backbone="test_convnext2", learning_rate=RATE, weight_decay=0.0)
    steps = moved(config, rate=0.1)
    assert list(steps.values()) == pytest.approx([RATE / 10] * len(steps), rel=0.05)


@pytest.mark.parametrize("layer_decay", [None, 0.8])
def test_biases_and_norms_do_not_decay(layer_decay: float | None):
    config = ClassifierConfig(backbone="test_resnet", head="mlp", layer_decay=layer_decay, weight_decay=0.02)
    network = new_network(config, 32)
    optimiser = new_optimiser(network.backbone, config)
    decays = {id(weights): group["weight_decay"] for group in optimiser.param_groups for weights in group["params"]}
    for name, weights in network.backbone.named_parameters():
        assert decays.pop(id(weights)) == (0.0 if weights.ndim == 1 else 0.02), name
    assert not decays
