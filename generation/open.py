"""The one door to the generators."""

from generation.config import MakerConfig, ReconstructConfig
from generation.diffusion import Diffusion
from generation.pipelines import load_pipeline
from generation.reconstruct import LoadedAutoencoder, Reconstruct
from generation.requests import ImageGenerator


def open_generator(config: MakerConfig, device: str, *, salt: str) -> ImageGenerator:
    """Load a generator's model.

    Args:
        config: one of the recipe's generators; a folder's path as it is from here.
        device: where the model runs: `cpu`, `cuda`, `cuda:1`, ...
        salt: the recipe's salt; with pair and generator it gives the seeds.

    Raises:
        ModelError: the model cannot be found or loaded.
    """
    if isinstance(config, ReconstructConfig):
        return Reconstruct(LoadedAutoencoder(config, device), config)
    return Diffusion(load_pipeline(config, device), config, salt)
