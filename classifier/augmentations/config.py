"""What may be done to a pair while training; imports no model library."""

from pydantic import BaseModel, ConfigDict, Field

from classifier.augmentations.affine import AffineConfig
from classifier.augmentations.blending import BlendConfig
from classifier.augmentations.colour import ColourConfig
from classifier.augmentations.cutout import CutoutConfig
from classifier.augmentations.degradation import BlurConfig, NoiseConfig, ResampleConfig
from classifier.augmentations.recoding import RecodeConfig
from classifier.augmentations.step import PositiveRange, ShareRange


class AugmentationConfig(BaseModel):
    """What may be done to a pair while training: every draw is the same for all members of the pair.

    Steps that are not named are not taken. Those that are named follow one another in the order given here: what
    happens to a picture before it is encoded, then its encodings, and last of all the rectangle that nobody sends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    random_crop: bool = Field(default=True, description="a random window; otherwise the central one, as in evaluation")
    crop_scale: ShareRange | None = Field(
        default=None,
        description='the window has this share of the image\'s area and is then resized (fit = "resize" only); None: '
        "the window has image_size pixels a side",
    )
    crop_ratio: PositiveRange = Field(
        default=(3 / 4, 4 / 3), description="range of such a window's width over its height"
    )
    flip: float = Field(default=0.5, ge=0, le=1, description="probability of a left-right flip")
    blend: BlendConfig | None = None
    affine: AffineConfig | None = None
    colour: ColourConfig | None = None
    blur: BlurConfig | None = None
    resample: ResampleConfig | None = None
    noise: NoiseConfig | None = None
    recode: RecodeConfig | None = None
    cutout: CutoutConfig | None = None
