"""Settings of screening, framing and alignment."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from manifests.records import FramingName, GeneratorName, Subsampling, ViewName

LARGEST_MCU = 16
"""Pixels; the MCU of 4:2:0, the largest that is written here. It is a multiple of the other MCUs and of a VAE's 8."""

Kernel = Literal["lanczos", "bicubic", "box"]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PredicateRules(_Settings):
    """When an image is blank, near-uniform or grey. Asked of every real, and of every final member of a pair."""

    blank_deviation: float = Field(
        default=1.0, ge=0, description="blank: no channel's standard deviation reaches this, levels of 255"
    )
    uniform_share: float = Field(
        default=0.95, gt=0, le=1, description="near-uniform: at least this share of the pixels has the median colour"
    )
    uniform_tolerance: int = Field(
        default=4, ge=0, le=255, description="... within this many levels of 255 in every channel"
    )
    grey_chroma: float = Field(
        default=4.0, ge=0, description="grey: 99 % of the pixels have less chroma than this, levels of 255 in CbCr"
    )


class ScreenRules(_Settings):
    """What a real image has to be before anything is spent on it."""

    min_side: int = Field(default=64, ge=16, description="shorter side, pixels")
    max_pixels: int = Field(
        default=100_000_000, ge=1, le=178_956_970, description="width times height; larger images are never decoded"
    )
    predicates: PredicateRules = PredicateRules()


class ViewRules(_Settings):
    """One way of framing the reals, and the generators that answer it."""

    name: ViewName
    framing: FramingName
    frame: int = Field(
        gt=0, description="F: side of the framed image, pixels; what a text-to-image generator is asked for"
    )
    size: int = Field(gt=0, description="S: side of the final members, pixels; at most `frame`")
    margin: int = Field(
        default=LARGEST_MCU,
        ge=LARGEST_MCU,
        multiple_of=LARGEST_MCU,
        description="patch framing: pixels kept round the window through VAE and JPEG, then cut off",
    )
    kernel: Kernel = "lanczos"
    generators: tuple[GeneratorName, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.size > self.frame:
            raise ValueError(f"size {self.size} is larger than frame {self.frame}: members are never enlarged")
        if self.framing == "patch" and self.frame % LARGEST_MCU:
            raise ValueError(f"frame {self.frame} of a patch view must be a multiple of {LARGEST_MCU}")
        if len(set(self.generators)) < len(self.generators):
            raise ValueError("a generator is named twice")
        if "real" in self.generators:
            raise ValueError("`real` is the name of the real member: call the generator something else")
        return self


class NaiveRules(_Settings):
    """How reals are stored in the naive mode."""

    resize: int | None = Field(
        default=None, gt=0, description="side of the square that reals are cut and resized to; none: bytes as they came"
    )
    quality: int = Field(default=75, ge=1, le=100, description="JPEG quality of the resized reals")


class AlignmentRules(_Settings):
    """How the members of a pair are made equal, or, in the naive mode, are not."""

    mode: Literal["aligned", "naive"] = "aligned"
    format: Literal["JPEG", "PNG"] = "JPEG"
    quality: tuple[int, int] = Field(
        default=(90, 98), description="lowest and highest JPEG quality of the final encode, drawn a pair"
    )
    subsamplings: tuple[Subsampling, ...] = Field(
        default=("4:4:4", "4:2:0"), min_length=1, description="of the final encode, drawn a pair"
    )
    naive: NaiveRules = NaiveRules()

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.quality
        if not 1 <= low <= high <= 100:
            raise ValueError(f"quality {low} to {high}: expected 1 <= lowest <= highest <= 100")
        return self
