"""What the steps of an augmentation have in common: settings with a probability, from which one step is drawn."""

from abc import ABC, abstractmethod
from typing import Annotated, Protocol, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pixels.arrays import Pixels

Number = TypeVar("Number", int, float)


class Step(Protocol):
    """One thing that is done to every member of a pair, all its numbers drawn already."""

    def apply(self, pixels: Pixels) -> Pixels:
        """Do it to an image of (S, S, 3) uint8 RGB; the result has the same shape."""


class StepConfig(BaseModel, ABC):
    """Settings of one kind of step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: float = Field(default=0.5, gt=0, le=1, description="that the step is taken, drawn for a whole pair")

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Step:
        """One step of this kind."""


def in_order(limits: tuple[Number, Number]) -> tuple[Number, Number]:
    """Check that a range is given with its lower end first.

    Raises:
        ValueError: it is not.
    """
    if limits[0] > limits[1]:
        raise ValueError(f"must be two numbers, the lower one first, not [{limits[0]}, {limits[1]}]")
    return limits


Positive = Annotated[float, Field(gt=0)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(in_order)]
Share = Annotated[float, Field(gt=0, le=1)]
ShareRange = Annotated[tuple[Share, Share], AfterValidator(in_order)]
Quality = Annotated[int, Field(ge=1, le=100)]
QualityRange = Annotated[tuple[Quality, Quality], AfterValidator(in_order)]
Count = Annotated[int, Field(ge=1)]
CountRange = Annotated[tuple[Count, Count], AfterValidator(in_order)]


def logarithmic(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A number from a range of ratios: a half and a double are equally likely."""
    low, high = np.log(limits)
    return float(np.exp(rng.uniform(low, high)))
