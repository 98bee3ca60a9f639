"""What turns a backbone's features into one logit: timm's own linear layer, or a small perceptron with two outputs."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

Head = Literal["linear", "mlp"]
OUTPUTS: dict[Head, int] = {"linear": 1, "mlp": 2}

_HIDDEN = 512


def mlp(features: int) -> nn.Sequential:
    """The perceptron of the published SDXL detector: (n, features) float32 to (n, 2), first real, then fake.

    Dropout, linear, batch norm, ReLU, dropout, linear: on the 2048 features of a ResNet-50 it has 1,051,138 parameters.
    """
    return nn.Sequential(
        nn.Dropout(0.3),
        nn.Linear(features, _HIDDEN),
        nn.BatchNorm1d(_HIDDEN),
        nn.ReLU(inplace=True),
        nn.Dropout(0.15),
        nn.Linear(_HIDDEN, OUTPUTS["mlp"]),
    )


def logit(outputs: Tensor) -> Tensor:
    """Logit of "fake", (n,), of a head's outputs.

    Two outputs under a softmax say what their difference says under a sigmoid, cross-entropy and label smoothing
    included, so that everything after the head is the same for both.

    Args:
        outputs: (n, 1), the logit itself; or (n, 2), real and fake.
    """
    return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == OUTPUTS["mlp"] else outputs[:, 0]


def one_sided(state: Mapping[str, Tensor], head: str, fake_output: int) -> dict[str, Tensor]:
    """Weights of somebody else's head as ours has them.

    Two outputs of a linear head become one, their difference, which is the same under a sigmoid as they are under a
    softmax; those of a perceptron are put in our order.

    Args:
        state: weights by name.
        head: what the names of the head's weights begin with, e.g. `fc.`.
        fake_output: which of two outputs is fake.
    """
    found = dict(state)
    for kind in ("weight", "bias"):
        linear, last = state.get(f"{head}{kind}"), state.get(f"{head}5.{kind}")
        if linear is not None and len(linear) == OUTPUTS["mlp"]:
            found[f"{head}{kind}"] = linear[[fake_output]] - linear[[1 - fake_output]]
        if last is not None and len(last) == OUTPUTS["mlp"]:
            found[f"{head}5.{kind}"] = last[[1 - fake_output, fake_output]]
    return found
