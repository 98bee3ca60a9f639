"""The one door to the generators."""

from generation.config import MakerConfig, ReconstructConfig, TextToImageConfig
from generation.pipelines import load_pipeline
from generation.reconstruct import LoadedAutoencoder, Reconstruct
from generation.requests import ImageGenerator
from generation.text_to_image import TextToImage


def open_generator(config: MakerConfig, device: str, *, salt: str) -> ImageGenerator:
    """Load a generator's model.

    Args:
        config: one of the recipe's generators; a folder's path as it is from here.
        device: where the model runs: `cpu`, `cuda`, `cuda:1`, ...
        salt: the recipe's salt; with pair and generator it gives the seeds.

    Raises:
        ModelError: the model cannot be found or loaded.
    """
    match config:
        case TextToImageConfig():
            return TextToImage(load_pipeline(config, device), config, salt)
        case ReconstructConfig():
            return Reconstruct(LoadedAutoencoder(config, device), config)
