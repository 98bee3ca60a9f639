"""A trained detector: weights and settings in a folder, images in, probabilities of "fake" out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from classifier.augmentation import centre
from classifier.network import Network, stored_network
from classifier.report import CONFIG, WEIGHTS, DetectorConfig
from manifests.errors import ModelError
from manifests.storage import Folder

_BATCH = 256


@dataclass(frozen=True)
class Detector:
    """A network in evaluation mode and all that belongs to it.

    Attributes:
        network: the network, on the device it is to run on.
        config: its settings.
    """

    network: Network
    config: DetectorConfig

    @classmethod
    def load(cls, directory: str | Path, device: str = "cpu") -> "Detector":
        """Load what a training wrote.

        Args:
            directory: holds `model.safetensors` and `config.json`.
            device: a torch device.

        Raises:
            ModelError: a file is missing or damaged, or not a detector's.
        """
        directory = Path(directory)
        config = _read_config(directory / CONFIG)
        network = stored_network(config.backbone, config.backbone_options, config.mean, config.std, directory / WEIGHTS)
        return cls(network.to(device).eval(), config)

    def save(self, directory: Path) -> None:
        """Write `model.safetensors` (the backbone's weights, timm's names) and `config.json`."""
        folder = Folder.at(str(directory))
        state = {name: tensor.cpu().contiguous() for name, tensor in self.network.backbone.state_dict().items()}
        folder.write(WEIGHTS, safetensors.torch.save(state, metadata={"format": "pt"}))
        folder.write(CONFIG, self.config.model_dump_json(indent=2).encode())

    def with_threshold(self, threshold: float) -> "Detector":
        """The same network with another threshold."""
        return Detector(self.network, self.config.model_copy(update={"threshold": threshold}))

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Probability of "fake" of each image, judged by its central window.

        The low bits of a score may change with the images beside it: a batch's size decides the order of the sums.

        Args:
            images: (H, W, 3) uint8 RGB each, of any sizes from `config.image_size` up.

        Returns:
            (n,) float32 in [0, 1]; an image is called fake when this is above `config.threshold`.

        Raises:
            DatasetError: an image is smaller than `config.image_size`.
        """
        windows = [centre(image, self.config.image_size) for image in images]
        scores = [self._scores(windows[start : start + _BATCH]) for start in range(0, len(windows), _BATCH)]
        return np.concatenate([np.empty(0, np.float32), *scores])

    def _scores(self, windows: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        device = self.network.mean.device
        batch = torch.from_numpy(np.stack(windows)).permute(0, 3, 1, 2).to(device)
        with torch.inference_mode():
            # in 64 bits, so that a confident score is rounded once and not flattened to 1
            scores: NDArray[np.float32] = torch.sigmoid(self.network(batch).double()).float().cpu().numpy()
        return scores


def _read_config(path: Path) -> DetectorConfig:
    try:
        return DetectorConfig.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no detector here. Give the folder that `twinset train` wrote.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{path}: not a detector's settings ({place}: {first['msg']}). Train it again.") from error
