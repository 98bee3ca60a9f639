"""The network: a timm backbone with its head, and the normalisation that belongs to it."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from classifier.checkpoints import read_weights
from classifier.config import ClassifierConfig
from classifier.heads import OUTPUTS, Head, logit, mlp, one_sided
from classifier.normalising import normalised
from manifests.errors import ModelError, first_line, printable

Normalisation = tuple[tuple[float, float, float], tuple[float, float, float]]


class Network(nn.Module):
    """A backbone that takes images as they are.

    Attributes:
        backbone: a timm model with its head. Its `state_dict` has timm's own names.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Wrap a backbone.

        Args:
            backbone: maps (n, 3, S, S) float32 to (n, 1), or to (n, 2).
            mean: of the normalisation, by channel, for values in [0, 1].
            std: likewise.
        """
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @property
    def normalisation(self) -> Normalisation:
        """Mean and standard deviation by channel, to six digits."""
        mean, std = ([round(value, 6) for value in constant.flatten().tolist()] for constant in (self.mean, self.std))
        return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])

    def forward(self, images: Tensor) -> Tensor:
        """Logits of "fake", (n,) float32, of images (n, 3, S, S) uint8 RGB."""
        outputs: Tensor = self.backbone(self.normalised(images))
        return logit(outputs.float())

    def normalised(self, images: Tensor) -> Tensor:
        """What the backbone is given of images (n, 3, S, S) uint8 RGB: float32, of the same shape."""
        return normalised(images, self.mean, self.std)


def new_network(config: ClassifierConfig, image_size: int) -> Network:
    """The network that a training begins with; random weights come from torch's global generator.

    Args:
        config: backbone, its options and its first weights.
        image_size: side of the images it will see, pixels.

    Raises:
        ModelError: no such backbone, no such weights, or a backbone that does not take images of this size.
    """
    backbone = new_backbone(config.backbone, config.backbone_options, config.head, pretrained=config.pretrained)
    if config.weights:
        _load_all_but_the_head(backbone, Path(config.weights), config.checkpoint_prefix)
    network = _wrapped(backbone)
    try_out(network, image_size, f"classifier.backbone: {config.backbone}")
    return network.train()


def stored_network(
    backbone: str,
    options: Mapping[str, Any],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    weights: Path,
    *,
    head: Head = "linear",
) -> Network:
    """The network of a trained detector.

    Raises:
        ModelError: no such backbone, or the weights are missing, damaged or another backbone's.
    """
    try:
        model = new_backbone(backbone, options, head, pretrained=False)
    except ModelError as error:
        raise ModelError(f"{weights.parent}: {error}") from error
    _load_all(model, read_weights(weights), f"{weights}: not the weights of {backbone}")
    return Network(model, mean, std).to(memory_format=torch.channels_last)


def published_network(
    backbone: str,
    options: Mapping[str, Any],
    head: Head,
    weights: Path,
    prefixes: Mapping[str, str],
    *,
    fake_output: int = 1,
    normalisation: Normalisation | None = None,
) -> Network:
    """The network of a detector that somebody else trained.

    Args:
        backbone: name of a timm model.
        options: for `timm.create_model`.
        head: which head; a linear one may have one output or two.
        weights: the file.
        prefixes: see `classifier.prefixes.renamed`.
        fake_output: which of two outputs is fake.
        normalisation: mean and standard deviation; None: as timm says of the backbone.

    Raises:
        ModelError: the weights are missing, damaged or another architecture's.
    """
    model = new_backbone(backbone, options, head, pretrained=False)
    state = one_sided(read_weights(weights, prefixes), _head_name(model), fake_output)
    _load_all(model, state, f"{weights}: not the weights of {backbone} with a {head} head")
    return Network(model, *normalisation).to(memory_format=torch.channels_last) if normalisation else _wrapped(model)


def _wrapped(backbone: nn.Module) -> Network:
    published = _published_settings(backbone)
    return Network(backbone, published["mean"], published["std"]).to(memory_format=torch.channels_last)


def new_backbone(name: str, options: Mapping[str, Any], head: Head, *, pretrained: bool = False) -> nn.Module:
    """A timm model with a head of ours.

    Args:
        name: of the model.
        options: for `timm.create_model`.
        head: which head; its first weights are random.
        pretrained: whether the others are timm's published ones, or random too.

    Raises:
        ModelError: no such model, wrong options, weights that cannot be had, or a head that does not fit.
    """
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else "timm.list_models() names them all."
        raise ModelError(f"classifier.backbone: timm has no model {name!r}. {hint}")
    if "checkpoint_path" in options:
        # timm would read it, and not all of its versions refuse to unpickle
        raise ModelError("classifier.backbone_options: checkpoint_path is not taken: give classifier.weights = FILE.")
    try:
        model: nn.Module = timm.create_model(
            name, pretrained=pretrained, num_classes=OUTPUTS[head], in_chans=3, **options
        )
    except (RuntimeError, OSError) as error:
        if not pretrained:
            raise _refused(name, error) from error
        raise ModelError(
            f"classifier.pretrained: the weights of {name} cannot be had ({first_line(error)}). Download them "
            "and give weights = FILE, or set pretrained = false."
        ) from error
    except (TypeError, ValueError, LookupError, AttributeError, AssertionError, ArithmeticError) as error:
        raise _refused(name, error) from error
    if head == "mlp":
        _put_perceptron(model, name)
    return model


def _refused(name: str, error: Exception) -> ModelError:
    return ModelError(f"classifier.backbone_options: {name} does not take them ({first_line(error)}).")


def _put_perceptron(model: nn.Module, name: str) -> None:
    place = _published_settings(model)["classifier"]
    last = model.get_submodule(place) if isinstance(place, str) else None
    if not isinstance(last, nn.Linear):
        raise ModelError(f'classifier.head: {name} does not end in one linear layer: set head = "linear".')
    model.set_submodule(place, mlp(last.in_features))


def _load_all(model: nn.Module, state: Mapping[str, Tensor], complaint: str) -> None:
    own = model.state_dict()
    wrong = sorted(own.keys() ^ state.keys()) or [name for name in own if own[name].shape != state[name].shape]
    if wrong:
        what = "is missing" if wrong[0] not in state else "is unknown" if wrong[0] not in own else "has another shape"
        raise ModelError(f"{complaint} ({printable(wrong[0])} {what}, and {len(wrong) - 1} more). Give the right one.")
    model.load_state_dict(state)


def _load_all_but_the_head(backbone: nn.Module, path: Path, prefixes: Mapping[str, str]) -> None:
    """Load weights; those of the head only where they have its shape (a published one knows 1000 classes)."""
    state = read_weights(path, prefixes)
    own = backbone.state_dict()
    head = {name for name in own if name.startswith(_head_name(backbone))}
    fitting = {name: tensor for name, tensor in state.items() if name in own and tensor.shape == own[name].shape}
    missing = sorted(set(own) - set(fitting) - head)
    if missing:
        raise ModelError(
            f"{path}: not weights of this backbone: {missing[0]} and {len(missing) - 1} more are missing or of another shape."
        )
    backbone.load_state_dict(fitting, strict=False)


def _head_name(backbone: nn.Module) -> str:
    """Prefix of the names of the head's weights, as timm's own description of the model gives it."""
    return f"{_published_settings(backbone)['classifier']}."


def _published_settings(backbone: nn.Module) -> dict[str, Any]:
    """What timm knows of a model: `mean`, `std`, the name of its last layer (`classifier`)."""
    settings: Any = backbone.pretrained_cfg
    return dict(settings)


def try_out(network: Network, image_size: int, name: str) -> None:
    """Put the network into evaluation mode, and show it one black image.

    Args:
        network: any, on the device that it is to run on.
        image_size: side of the images that it is to see, pixels.
        name: what it is called in messages.

    Raises:
        ModelError: it does not take images of this size, or answers with no number.
    """
    black = torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8, device=network.mean.device)
    try:
        with torch.inference_mode():
            answer = network.eval()(black)
    except (AssertionError, IndexError, RuntimeError, ValueError) as error:
        why = printable(str(error).partition("\n")[0])
        raise ModelError(
            f"{name} does not take images of {image_size} pixels ({why}). Choose another image_size, or, for a vision "
            "transformer, set backbone_options.img_size."
        ) from error
    if answer.shape != (1,) or not torch.isfinite(answer).all():
        raise ModelError(f"{name} answers with no number: its weights or its normalisation are damaged. Give others.")
