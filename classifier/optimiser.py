"""AdamW over groups of weights: no decay on biases and norms, and a rate for each layer where that is asked for."""

from typing import Any

from timm.optim._param_groups import param_groups_layer_decay, param_groups_weight_decay
from torch import nn
from torch.optim import AdamW

from classifier.config import ClassifierConfig
from classifier.schedule import Step


def new_optimiser(backbone: nn.Module, config: ClassifierConfig) -> AdamW:
    """AdamW (Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019) over a timm model.

    With `layer_decay` d, the head has the whole learning rate, the layer below it d times that, the next one d² times and
    so on (Clark et al., "ELECTRA", 2020; timm says which weights make a layer). The share is each group's `lr_scale`.

    Args:
        backbone: a timm model with its head.
        config: rate and decays.
    """
    named: Any = getattr(backbone, "no_weight_decay", set)
    undecayed: set[str] = named()
    groups: list[dict[str, Any]]
    if config.layer_decay is None:
        groups = param_groups_weight_decay(backbone, config.weight_decay, no_weight_decay_list=undecayed)
    else:
        groups = param_groups_layer_decay(
            backbone, config.weight_decay, no_weight_decay_list=undecayed, layer_decay=config.layer_decay
        )
    for group in groups:
        group.setdefault("lr_scale", 1.0)
        group["lr"] = config.learning_rate * group["lr_scale"]
    return AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)


def set_rates(optimiser: AdamW, config: ClassifierConfig, step: Step) -> None:
    """Make the next step of an optimiser what the schedule says."""
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * group["lr_scale"] * step.rate
        group["betas"] = (step.momentum, group["betas"][1])
