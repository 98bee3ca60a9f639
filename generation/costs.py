"""What an image of a published model costs: its matrix products, counted by torch on modules of the true shapes.

The configs of those shapes are what the models' folders state; weights do not matter for the count. Imports no model library.
"""

from dataclasses import dataclass

from generation.config import GeneratorConfig, ImageConditioned, ReconstructConfig, RetrieveConfig
from generation.grid import mean_calls


@dataclass(frozen=True)
class ModelCost:
    """A family of models.

    Attributes:
        names: what the Hub ids of the family have in them, lower case.
        side: of the square images that the counts are of, pixels.
        call: TFLOP of one row through the denoising network.
        decode: TFLOP of the decoder.
        embeds_guidance: whether the network is told the guidance scale, and is called once a step whatever it is.
    """

    names: tuple[str, ...]
    side: int
    call: float
    decode: float
    embeds_guidance: bool = False


# the first that fits: SDXL's ids hold those of others
_FAMILIES = (
    ModelCost(names=("sdxl", "stable-diffusion-xl"), side=1024, call=6.761, decode=10.47),
    ModelCost(names=("stable-diffusion-v1", "stable-diffusion-1", "sd-vae"), side=512, call=0.803, decode=2.51),
    ModelCost(names=("stable-diffusion-2",), side=768, call=2.149, decode=5.75),
    ModelCost(names=("stable-diffusion-3.5-large",), side=1024, call=31.12, decode=10.47),
    ModelCost(names=("flux.1",), side=1024, call=74.38, decode=10.47, embeds_guidance=True),
    ModelCost(names=("pixart-sigma-xl",), side=1024, call=6.634, decode=10.47),
    ModelCost(names=("sana_1600m",), side=1024, call=2.967, decode=8.37),
)


def tflop_an_image(config: GeneratorConfig, pixels: int) -> float | None:
    """TFLOP that an image takes; None where the model is of no family that was counted.

    Products grow with the area; those of attention grow faster, so that far above a family's side this is too little.

    Args:
        config: a generator of a recipe.
        pixels: of one image, width x height.
    """
    if isinstance(config, RetrieveConfig):
        return 0.0  # an encoder of texts takes next to nothing
    cost = next((cost for cost in _FAMILIES if any(name in config.model.lower() for name in cost.names)), None)
    if cost is None:
        return None
    # an encoder takes about as long as a decoder
    passes = 2 if isinstance(config, ReconstructConfig | ImageConditioned) else 1
    calls = 0.0 if isinstance(config, ReconstructConfig) else mean_calls(config, embeds_guidance=cost.embeds_guidance)
    return (passes * cost.decode + calls * cost.call) * pixels / cost.side**2
