"""Blends of a real and its own fake, which take the fake's place and are fakes still.

After Chen et al., "Dual Data Alignment Makes AI-Generated Image Detector Easier Generalizable" (arXiv 2505.14359): a fake
that is half real has little left to be told by but the traces of its making. Only members of one pair are blended: two
pictures that have nothing to do with one another are not.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from classifier.augmentations.step import in_order
from pixels.arrays import Pixels
from pixels.dct import dct_matrix

Mode = Literal["pixels", "frequencies"]
Part = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Blend:
    """How a fake is blended with its real.

    Attributes:
        mode: `pixels`: a weighted mean; `frequencies`: the real's high frequencies over the fake's low ones.
        share: of the real: its weight, or its part of each frequency axis; 0 leaves the fake as it is.
    """

    mode: Mode
    share: float

    def apply(self, real: Pixels, fake: Pixels) -> Pixels:
        """The blend of two images of (S, S, 3); it is a fake."""
        mixed = self._mean(real, fake) if self.mode == "pixels" else self._frequencies(real, fake)
        blend: Pixels = np.rint(mixed).clip(0, 255).astype(np.uint8)
        return blend

    def _mean(self, real: Pixels, fake: Pixels) -> NDArray[np.float32]:
        # from the fake on, so that two equal images give that image exactly
        start = fake.astype(np.float32)
        return start + np.float32(self.share) * (real - start)

    def _frequencies(self, real: Pixels, fake: Pixels) -> NDArray[np.float32]:
        """The fake, changed by what the two differ in at high frequencies (in the DCT of the whole window)."""
        side = real.shape[0]
        matrix = dct_matrix(side)
        start = fake.astype(np.float32)
        coefficients = matrix @ np.moveaxis(real - start, 2, 0) @ matrix.T
        kept = round((1 - self.share) * side)
        coefficients[:, :kept, :kept] = 0
        highs = matrix.T @ coefficients @ matrix
        return start + np.moveaxis(highs, 0, 2).astype(np.float32, copy=False)


class BlendConfig(BaseModel):
    """How often fakes are blended with their reals, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: float = Field(default=0.2, gt=0, le=1, description="that a pair's fakes are blended with its real")
    modes: tuple[Mode, ...] = Field(default=("pixels", "frequencies"), min_length=1, description="one of them is drawn")
    share: Annotated[tuple[Part, Part], AfterValidator(in_order)] = Field(
        default=(0.0, 0.8),
        description="range of the real's weight, or of its part of each frequency axis, from the top",
    )

    def draw(self, rng: np.random.Generator) -> Blend:
        """One blend."""
        return Blend(self.modes[rng.integers(len(self.modes))], float(rng.uniform(*self.share)))
