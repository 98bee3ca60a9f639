"""Settings of screening, framing and alignment."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from manifests.parts import AnyImage
from manifests.records import IMAGE, FramingName, GeneratorName, Subsampling, ViewName

LARGEST_MCU = 16
"""Pixels; the MCU of 4:2:0, the largest that is written here. It is a multiple of the other MCUs and of a VAE's 8."""

SMALLEST_SIDE = 32
"""Pixels a side of a final member: the least that the audit's statistics can be asked of."""

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


class SafetyRules(_Settings):
    """A local model that is asked whether an image is unsafe: every source image, and every fake's native pixels."""

    model: str = Field(
        min_length=1,
        description="an image-classification model of transformers: Hub id, or a folder with config, safetensors and "
        "image processor",
    )
    revision: str = Field(
        default="",
        description="branch, tag or commit of a Hub model; for a folder, the digest that its weights must have "
        "(empty: the Hub's default branch, or any weights)",
    )
    unsafe_labels: tuple[str, ...] = Field(min_length=1, description="the model's own names of the classes to keep out")
    threshold: float = Field(
        default=0.5, gt=0, le=1, description="an image is `unsafe` from this probability of the unsafe classes on"
    )
    batch_size: int = Field(default=16, gt=0, description="images a call of the model: a fixed slice of the chunk")


class ScreenRules(_Settings):
    """What an image has to be before anything is spent on it."""

    min_side: int = Field(default=64, ge=16, description="shorter side, pixels")
    max_pixels: int = Field(
        default=100_000_000, ge=1, le=178_956_970, description="width times height; larger images are never decoded"
    )
    predicates: PredicateRules = PredicateRules()
    declared_generated: Literal["reject", "keep"] = Field(
        default="reject", description="what becomes of images given as real whose file says that they are generated"
    )
    max_scores: dict[str, FiniteFloat] = Field(
        default_factory=dict, description="largest values of the source's scores, by name: `punsafe = 0.1`"
    )
    min_scores: dict[str, FiniteFloat] = Field(
        default_factory=dict, description="smallest values of the source's scores, by name: `aesthetic = 5.0`"
    )
    missing_scores: Literal["reject", "keep"] = Field(
        default="keep", description="what becomes of images that lack a score with a limit"
    )
    deny: tuple[str, ...] = Field(
        default=(),
        description="paths or fsspec URLs of lists of images that must not be used: sha256, md5 or 64-bit perceptual "
        "hash, one a line",
    )
    deny_radius: int = Field(
        default=3, ge=0, le=15, description="bits within which a perceptual hash is one that `deny` lists"
    )
    safety: SafetyRules | None = None


class ViewRules(_Settings):
    """One way of framing the reals, and the generators that answer it; or images that stand alone, of either label."""

    name: ViewName = Field(description="the recipe's name for the view: the last part of its pairs' ids")
    framing: FramingName = Field(
        description="`scene`, `patch`: pairs of a real and its fakes; `single`: each image stands alone"
    )
    sources: tuple[str, ...] = Field(
        default=(),
        description="the sources whose images go into the view; all real ones when empty. A single view names its own",
    )
    frame: int = Field(
        gt=0,
        description="F: side of the framed image, pixels; what a text-to-image generator is asked for. `size`, unless it "
        "says otherwise, in a single view",
    )
    size: int = Field(ge=SMALLEST_SIDE, description="S: side of the final members, pixels; at most `frame`")
    margin: int = Field(
        default=LARGEST_MCU,
        ge=LARGEST_MCU,
        multiple_of=LARGEST_MCU,
        description="patch framing: pixels kept round the window through VAE and JPEG, then cut off",
    )
    kernel: Kernel = Field(default="lanczos", description="of all resizing")
    generators: tuple[GeneratorName, ...] = Field(
        default=(),
        description="those that answer the view; a single view has one where its sources list prompts, else none",
    )

    @model_validator(mode="before")
    @classmethod
    def _single_frame(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("framing") == "single" and "size" in content:
            return {"frame": content["size"], **content}
        return content

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.size > self.frame:
            raise ValueError(f"size {self.size} is larger than frame {self.frame}: members are never enlarged")
        if self.framing == "patch" and self.frame % LARGEST_MCU:
            raise ValueError(f"frame {self.frame} of a patch view must be a multiple of {LARGEST_MCU}")
        if len(set(self.generators)) < len(self.generators):
            raise ValueError("a generator is named twice")
        for name in ("real", IMAGE):
            if name in self.generators:
                raise ValueError(f"`{name}` is the name of another member: call the generator something else")
        if self.framing == "single":
            self._check_single()
        elif not self.generators:
            raise ValueError(f"generators: view {self.name} has none; a pair needs at least one fake")
        return self

    def _check_single(self) -> None:
        if not self.sources:
            raise ValueError(f"sources: view {self.name} is single; name the sources whose images go into it")
        if len(self.generators) > 1:
            raise ValueError(f"generators: view {self.name} is single; give each generator a view of its own")
        if self.frame != self.size and not self.generators:
            raise ValueError(f"frame {self.frame}: view {self.name} generates nothing; leave it out")

    @property
    def is_single(self) -> bool:
        """Whether its images stand alone."""
        return self.framing == "single"

    def takes(self, image: AnyImage) -> bool:
        """Whether an image goes into the view.

        Pairs are made from real images, single views with a generator from prompts, other single views from any image.
        """
        if self.sources and image.source not in self.sources:
            return False
        return image.is_prompt == bool(self.generators) if self.is_single else image.is_real


class NaiveRules(_Settings):
    """How reals are stored in the naive mode."""

    resize: int | None = Field(
        default=None,
        ge=SMALLEST_SIDE,
        description="side of the square that reals are cut and resized to; none: bytes as they came, BMP and TIFF as PNG",
    )
    quality: int = Field(default=75, ge=1, le=100, description="JPEG quality of the resized reals")


class AlignmentRules(_Settings):
    """How the members of a pair are made equal, or, in the naive mode, are not."""

    mode: Literal["aligned", "naive"] = Field(
        default="aligned", description="naive: reals as they came, fakes as PNG; to show what goes wrong"
    )
    format: Literal["JPEG", "PNG"] = Field(default="JPEG", description="of the final encode")
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
