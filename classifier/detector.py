"""A trained detector: weights and settings in a folder, images in, probabilities of "fake" out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from classifier.config import ClassifierConfig
from classifier.images import read_pixels
from classifier.network import Network, stored_network, try_out
from classifier.report import CONFIG, WEIGHTS, DetectorConfig
from classifier.timm_config import KEYS, timm_keys
from classifier.transforms import Preprocessing
from manifests.errors import ModelError, first_complaint
from manifests.storage import Folder

_BATCH = 256
_MAX_CONFIG_BYTES = 16 * 2**20
"""A detector's settings are a few thousand."""


@dataclass(frozen=True)
class Detector:
    """A network in evaluation mode and all that belongs to it.

    Attributes:
        network: the network, on the device it is to run on.
        config: its settings.
        runner: what gives the network's logits faster than the network itself, (n, 3, S, S) uint8 to (n,); None: nothing.
    """

    network: Network
    config: DetectorConfig
    runner: Callable[[torch.Tensor], torch.Tensor] | None = None

    @classmethod
    def load(cls, directory: str | Path, device: str = "cpu") -> "Detector":
        """Load what a training wrote.

        Args:
            directory: holds `model.safetensors` and `config.json`.
            device: a torch device.

        Raises:
            ModelError: a file is missing or damaged, or not a detector's, or they do not fit one another.
        """
        directory = Path(directory)
        config = _read_config(directory / CONFIG)
        network = stored_network(
            config.backbone, config.backbone_options, config.mean, config.std, directory / WEIGHTS, head=config.head
        )
        network.to(device)
        try_out(network, config.image_size, f"{directory}: {config.backbone}")
        return cls(network, config)

    def save(self, directory: Path) -> None:
        """Write `model.safetensors` (the backbone's weights, timm's names) and `config.json` (timm's keys, and ours)."""
        folder = Folder.at(str(directory))
        state = {name: tensor.cpu().contiguous() for name, tensor in self.network.backbone.state_dict().items()}
        folder.write(WEIGHTS, safetensors.torch.save(state, metadata={"format": "pt"}))
        folder.write(CONFIG, config_file(self.config))

    def with_threshold(self, threshold: float) -> "Detector":
        """The same network with another threshold."""
        return replace(self, config=self.config.model_copy(update={"threshold": threshold}))

    def with_temperature(self, temperature: float) -> "Detector":
        """The same network with another temperature of its calibrated probabilities."""
        return replace(self, config=self.config.model_copy(update={"temperature": temperature}))

    def predict(self, images: Sequence[NDArray[np.uint8] | str | Path]) -> NDArray[np.float32]:
        """Probability of "fake" of each image, judged by its central window.

        The low bits of a score may change with the images beside it: a batch's size decides the order of the sums.

        Args:
            images: files, or (H, W, 3) uint8 RGB arrays, of any sizes from `config.image_size` up.

        Returns:
            (n,) float32 in [0, 1]; an image is called fake when this is above `config.threshold`.

        Raises:
            DatasetError: a file cannot be read as an image, or an image is smaller than `config.image_size`.
        """
        pixels = [read_pixels(Path(image)) if isinstance(image, str | Path) else image for image in images]
        return self.window_scores([self.config.preprocessing.window(image) for image in pixels])

    def window_scores(self, windows: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """What `predict` gives, of images that `config.preprocessing` has made windows of before: (n,)."""
        # in 64 bits, so that a confident score is rounded once and not flattened to 1
        scores: NDArray[np.float32] = torch.sigmoid(torch.from_numpy(self.window_logits(windows))).float().numpy()
        return scores

    def logits(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """What `predict` gives the sigmoids of: (n,)."""
        return self.window_logits([self.config.preprocessing.window(image) for image in images])

    def window_logits(self, windows: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """What `logits` gives, of images that `config.preprocessing` has made windows of before: (n,).

        Raises:
            ModelError: the network answers one of them with no number.
        """
        batches = [self._logits(windows[start : start + _BATCH]) for start in range(0, len(windows), _BATCH)]
        logits = np.concatenate([np.empty(0, np.float64), *batches])
        if np.isnan(logits).any():
            # no number is above a threshold: it would pass for a verdict
            raise ModelError(f"{self.config.backbone} answers with no number: its weights are damaged. Give others.")
        return logits

    def _logits(self, windows: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        device = self.network.mean.device
        batch = torch.from_numpy(np.stack(windows)).permute(0, 3, 1, 2).to(device)
        with torch.inference_mode():
            logits: NDArray[np.float64] = (self.runner or self.network)(batch).double().cpu().numpy()
        return logits


def described(
    network: Network,
    training: ClassifierConfig,
    image_size: int,
    *,
    generators: tuple[str, ...],
    sources: tuple[str, ...] = (),
    dataset_name: str,
    dataset_digest: str = "",
    threshold: float = 0.5,
    run: str = "",
) -> DetectorConfig:
    """The settings of a network that was trained as `training` says, and what is known of it beside; see `DetectorConfig`.

    Args:
        network: the network.
        training: how it was trained, or would have been.
        image_size: side of the square that it sees, pixels.
        generators: the fakes it was trained on.
        sources: where the reals came from.
        dataset_name: of what it was trained on.
        dataset_digest: likewise; empty where there is none.
        threshold: an image is called fake when its score is above.
        run: sha256 of all that decided the outcome; empty when it was not trained here.
    """
    mean, std = network.normalisation
    view = Preprocessing.of(training, image_size)
    return DetectorConfig(
        twinset=version("twinset"),
        backbone=training.backbone,
        backbone_options=training.backbone_options,
        head=training.head,
        image_size=view.size,
        fit=view.fit,
        resize_to=view.resize_to,
        resize_kernel=view.kernel,
        mean=mean,
        std=std,
        threshold=threshold,
        generators=generators,
        sources=sources,
        dataset_name=dataset_name,
        dataset_digest=dataset_digest,
        training=training,
        run=run,
    )


def config_file(config: DetectorConfig) -> bytes:
    """The content of `config.json`."""
    return json.dumps({**timm_keys(config), **config.model_dump(mode="json")}, indent=2).encode()


def _read_config(path: Path) -> DetectorConfig:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_CONFIG_BYTES + 1)
        if len(data) > _MAX_CONFIG_BYTES:
            raise ModelError(
                f"{path}: not a detector's settings (more than {_MAX_CONFIG_BYTES} bytes). Train it again."
            )
        content = json.loads(data)
        if isinstance(content, dict):
            content = {key: value for key, value in content.items() if key not in KEYS}
        return DetectorConfig.model_validate(content)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{path}: no detector here. Give the folder that `twinset train` wrote.") from error
    except ValidationError as error:
        raise ModelError(f"{path}: not a detector's settings ({first_complaint(error)}). Train it again.") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a detector's settings (not JSON: {error}). Train it again.") from error
