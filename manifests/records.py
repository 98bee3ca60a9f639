"""The records of a dataset: frozen, validated, the same in memory, in chunks and in `manifest.jsonl`.

Times, durations and free-text errors are not here: they live in `provenance.parquet`, outside the promise of equal bytes.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

SCHEMA_VERSION = 1

Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
DatasetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
GeneratorName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
ViewName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
# a file name and no path: a foreign manifest must not lead out of its dataset
ShardName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_][a-z0-9_.-]*\.tar$")]
Split = Literal["train", "validation", "test"]
FramingName = Literal["scene", "patch", "single"]
Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
Terms = Literal["open", "research-only", "unknown"]
Method = Literal["text-to-image", "image-to-image", "inpaint", "reconstruct", "retrieve"]
History = Literal["equal", "unequal", "none"]
MaskShape = Literal["rectangle", "ellipse", "stroke"]
Stage = Literal[
    "list",
    "reals",
    "screen",
    "select",
    "safety",
    "frame",
    "caption",
    "generate",
    "safety-fakes",
    "align",
    "split",
    "shards",
    "manifest",
    "audit",
]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
STAGES: tuple[Stage, ...] = get_args(Stage)
LABELS = {"real": 0, "fake": 1}
REAL, IMAGE = "real", "image"
"""Names of members: the real one of a pair, and the one of an image that stands alone."""
PROMPT = "prompt"
"""The variant of what a source lists where it has no image, but the text that one is made from."""


class Reason(StrEnum):
    """Why an item was dropped."""

    # reals: it never arrived, or not as its publisher describes it
    NOT_FOUND = "not-found"
    TIMEOUT = "timeout"
    DOWNLOAD_FAILED = "download-failed"
    OPTED_OUT = "opted-out"
    PRIVATE_ADDRESS = "private-address"
    DIGEST_MISMATCH = "digest-mismatch"
    TOO_LARGE = "too-large"
    DENIED = "denied"
    # screen: what it is
    NOT_AN_IMAGE = "not-an-image"
    UNDECODABLE = "undecodable"
    TRUNCATED = "truncated"
    ANIMATED = "animated"
    TOO_SMALL = "too-small"
    PIXEL_FORMAT = "pixel-format"
    COLOUR_PROFILE = "colour-profile"
    GREYSCALE = "greyscale"
    UNKNOWN_HISTORY = "unknown-history"
    HIDDEN_JPEG = "hidden-jpeg"
    SUBSAMPLING = "subsampling"
    BLANK = "blank"
    NEAR_UNIFORM = "near-uniform"
    DECLARED_GENERATED = "declared-generated"
    SCORE = "score"
    # select: what else is there, and what must not be used any more
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    SURPLUS = "surplus"
    TAKEN_DOWN = "taken-down"
    # frame: where it goes
    NO_VIEW = "no-view"
    # caption and generate
    EMPTY_CAPTION = "empty-caption"
    UNMATCHED = "unmatched"
    UNSAFE = "unsafe"
    NOT_A_NUMBER = "not-a-number"
    INFRASTRUCTURE = "infrastructure"
    # split
    BRIDGES_SPLITS = "bridges-splits"


class Record(BaseModel):
    """Base of all records: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ExistingFake(Record):
    """What a source says of an image that somebody else generated."""

    generator: GeneratorName = Field(description="what made it, as the recipe or the source's layout names it")
    prompt: str = Field(default="", description="what it was made from, as far as the source says")
    negative_prompt: str = Field(default="", description="what it was led away from, as far as the source says")
    settings: dict[str, str | int | float] = Field(
        default_factory=dict, description="seed, steps, guidance, sampler, ... under the source's own names"
    )

    @field_validator("generator")
    @classmethod
    def _is_not_real(cls, generator: str) -> str:
        if generator == "real":
            raise ValueError("`real` is the name of a label; expected what made the image")
        return generator


class SourceImage(Record):
    """One image as its source gave it: its bytes are kept exactly. A real one, but where `made` says what made it."""

    key: Key = Field(description="first 16 hex digits of the sha256 of the bytes as they came")
    source: str = Field(description="the recipe's name for the source")
    source_id: str = Field(description="the source's own name for the image: an id, or a path inside the source")
    url: str = Field(default="", description="where its bytes are, for a source that is a list of URLs")
    landing_url: str = Field(default="", description="the page that shows it")
    license: str = Field(default="", description="as the source names it")
    author: str = Field(default="", description="as the source names them")
    author_url: str = Field(default="", description="the author's page")
    title: str = Field(default="", description="as the source gives it")
    variant: str = Field(
        default="original",
        description="`original`, `rescaled` where a mirror's copy was fetched, or `prompt`: no image, but the text that one "
        "is made from",
    )
    class_label: str = Field(default="", description="its class, where the source has classes")
    source_caption: str = Field(default="", description="the caption that the source itself gives, if any")
    rotation: int = Field(
        default=0, description="degrees counter-clockwise that the source says to apply: 0, 90, 180, 270"
    )
    revision: str = Field(default="", description="resolved commit of the source, where it has one")
    terms: Terms = Field(
        default="unknown", description="what may be done with the pixels: only `open` ones are published"
    )
    scores: dict[str, float] = Field(
        default_factory=dict, description="what the source says of it: punsafe, pwatermark, aesthetic, similarity, ..."
    )
    made: ExistingFake | None = Field(default=None, description="of a fake: what made it; null for a real image")
    pair: str = Field(default="", description="the source's own name for the pair that it belongs to, if any")
    sha256: Sha256 = Field(description="of the bytes as they came")
    size: int = Field(ge=0, description="bytes")

    @property
    def is_prompt(self) -> bool:
        """Whether it is the text that an image is made from."""
        return self.variant == PROMPT

    @property
    def is_real(self) -> bool:
        """Whether it is a real image."""
        return self.made is None and not self.is_prompt

    @property
    def prompt(self) -> str:
        """What a fake was, or will be, made from, as far as its source says; empty for a real image."""
        if self.is_prompt:
            return self.source_caption
        return self.made.prompt if self.made is not None else ""


class ImageFacts(Record):
    """What screening found in an image's bytes."""

    format: str = Field(description="sniffed: JPEG, PNG, WEBP, ...; `prompt` where there is no image yet")
    width: int = Field(ge=0, description="pixels, as stored (before orientation); 0 for a prompt, which has none")
    height: int = Field(ge=0, description="pixels, as stored (before orientation); 0 for a prompt, which has none")
    orientation: int = Field(default=1, ge=1, le=8, description="EXIF orientation that is applied, 1 when none")
    rotation: int = Field(
        default=0, description="the source's rotation that is applied (counter-clockwise), 0 when EXIF decides"
    )
    subsampling: Subsampling | Literal[""] = Field(default="", description="of a JPEG; empty when lossless")
    jpeg_tables: str = Field(default="", description="digest of the JPEG's quantisation tables; empty when lossless")
    phash: str = Field(default="", description="64-bit perceptual hash of the upright image, 16 hex digits")


class Frame(Record):
    """The window that all members of a pair share. All coordinates are in the stored orientation of the real image.

    An image that stands alone is reduced to S at once: `frame` is `size`. One that is made from a prompt has no stored
    image: its window is all of its native pixels.
    """

    view: ViewName = Field(description="the recipe's name for the view")
    framing: FramingName = Field(description="the view's: whole scene, window of native pixels, or image alone")
    x: int = Field(ge=0, description="left edge of the window, stored pixels, a multiple of `mcu[0]`")
    y: int = Field(ge=0, description="top edge of the window, stored pixels, a multiple of `mcu[1]`")
    side: int = Field(gt=0, description="m: side of the square window, stored pixels")
    frame: int = Field(gt=0, description="F: side of the framed image, the generator's frame")
    size: int = Field(gt=0, description="S: side of the final members")
    margin: int = Field(default=0, ge=0, description="pixels kept round the window through VAE and JPEG, then cut off")
    mcu: tuple[int, int] = Field(
        default=(1, 1), description="width and height of the JPEG's MCU, pixels; (1, 1) when lossless"
    )
    kernel: Literal["lanczos", "bicubic", "box"] = Field(default="lanczos", description="of all resizing")
    ratio: float = Field(gt=0, description="m / F: how many stored pixels a framed pixel stands for")


class Caption(Record):
    """One caption of a framed image."""

    text: str = Field(description="as the model gave it")
    cleaned: str = Field(description="as it is used in prompts and groups")
    model: str = Field(description="Hub id or path's last part; `source` or `class-template` when no model was asked")
    revision: str = Field(default="", description="resolved commit, or the digest of a local model's weights")
    decoding: dict[str, int | float | bool | str] = Field(default_factory=dict, description="parameters of decoding")


Coordinate = Annotated[int, Field(ge=0, le=2**14)]


class Mask(Record):
    """The part of a fake's native pixels that was generated anew: a shape in whole pixels of the native image."""

    shape: MaskShape = Field(description="what the points mean")
    points: tuple[tuple[Coordinate, Coordinate], ...] = Field(
        min_length=2,
        max_length=16,
        description="x and y of corners between pixels. rectangle: left top, right bottom; ellipse: of the box that it fills; "
        "stroke: the line's vertices",
    )
    width: Coordinate = Field(default=0, description="of a stroke's line, whose ends are round")

    @model_validator(mode="after")
    def _has_extent(self) -> Self:
        if self.shape == "stroke":
            if not self.width:
                raise ValueError("width 0: expected the width of the stroke's line")
            return self
        if len(self.points) != 2:
            raise ValueError(f"points: {len(self.points)} of them, expected the two corners of a {self.shape}")
        (left, top), (right, bottom) = self.points
        if left >= right or top >= bottom:
            raise ValueError("points: expected the left top corner, then the right bottom one")
        return self


class Lora(Record):
    """A LoRA that was laid over the model of a fake."""

    name: str = Field(description="the file's name")
    revision: str = Field(description="the digest of its weights")
    scale: float = Field(description="what its change of the model's weights was multiplied by")


class Fake(Record):
    """One generated image, with all that is needed to make it again."""

    generator: GeneratorName = Field(description="the recipe's name for what made it")
    method: Method = Field(description="how it was made; docs/generation.md")
    model: str = Field(description="Hub id, or a path's last part")
    revision: str = Field(default="", description="resolved commit, or the digest of a local model's weights")
    license: str = Field(default="", description="the model's")
    lora: tuple[Lora, ...] = Field(default=(), description="laid over the model, in this order")
    pipeline: str = Field(default="", description="class name of the diffusers pipeline or autoencoder")
    prompt: str = Field(default="", description="the prompt that was asked for")
    prompt_used: str = Field(default="", description="what the tokenizer let through")
    tokens_dropped: int = Field(default=0, ge=0, description="tokens of the prompt that the model had no room for")
    negative_prompt: str = Field(default="", description="what guidance led away from")
    seed: int = Field(ge=0, description="of the noise: a hash of names")
    reseeds: int = Field(default=0, ge=0, description="seeds tried before this one, in vain")
    scheduler: str = Field(default="", description="its class in diffusers; empty where nothing is denoised")
    scheduler_config: str = Field(default="", description="canonical JSON of the scheduler's config")
    num_inference_steps: int = Field(default=0, description="denoising steps; 0 where there are none")
    guidance_scale: float = Field(default=0.0, description="classifier-free guidance; 0 where there is none")
    strength: float = Field(default=0.0, description="share of the noise schedule that the shown image went through")
    mask: Mask | None = Field(default=None, description="of an inpainted fake: what is new; null: all of it")
    restored_background: bool = Field(
        default=False, description="whether the real's own pixels stand outside of the mask, put back after decoding"
    )
    native_width: int = Field(gt=0, description="pixels, before alignment")
    native_height: int = Field(gt=0, description="pixels, before alignment")
    batch_size: int = Field(default=1, gt=0, description="images made together: it decides low bits")
    batch_position: int = Field(default=0, ge=0, description="its place among them")
    dtype: str = Field(default="float32", description="precision of the model")
    versions: dict[str, str] = Field(default_factory=dict, description="of the libraries that made it")
    device: str = Field(default="cpu", description="kind of device")
    watermark: bool = Field(default=False, description="whether the pipeline laid an invisible watermark over it")
    safety_flag: bool = Field(default=False, description="whether a checker of the pipeline called it unsafe")
    numerics: Literal["exact", "degraded"] = Field(default="exact", description="`degraded`: made in a smaller batch")
    native_sha256: Sha256 = Field(description="of the native pixels (uint8, row-major RGB)")
    similarity: float = Field(default=0.0, description="of a retrieved fake: cosine of the caption and its prompt")
    retrieved: SourceImage | None = Field(
        default=None, description="of a retrieved fake: the image as its source gave it"
    )


def images_of(image: SourceImage, fakes: Mapping[str, Fake]) -> tuple[SourceImage, ...]:
    """All images of others that a pair shows: its own, and the fakes that were retrieved for it."""
    return (image, *(fake.retrieved for fake in fakes.values() if fake.retrieved is not None))


class JpegCoding(Record):
    """How a JPEG is coded: what has to be known to give another image the same compression history."""

    tables: tuple[tuple[int, ...], ...] = Field(
        description="quantisation tables, each 64 steps in natural (row-major) order, by component: luma first"
    )
    subsampling: Subsampling


class Encoding(Record):
    """The one final encode that all members of a pair share."""

    format: Literal["JPEG", "PNG"] = Field(default="JPEG", description="of all members")
    quality: int = Field(default=95, ge=1, le=100, description="of a JPEG, drawn by the pair's id")
    subsampling: Subsampling = Field(default="4:4:4", description="of a JPEG's chroma, drawn by the pair's id")


class Member(Record):
    """One final image in the shards."""

    sha256: Sha256 = Field(description="of the file in the shard")
    size: int = Field(gt=0, description="bytes")
    width: int = Field(gt=0, description="pixels")
    height: int = Field(gt=0, description="pixels")


class Pair(Record):
    """One real and its fakes, or an image that stands alone: one line of `manifest.jsonl`, one sample of the shards."""

    pair_id: str = Field(description="`<image key>-<view>`: the sample's key in the shards")
    group_id: str = Field(description="pairs of one group never stand in two splits")
    split: Split = Field(description="the part of the dataset that it belongs to")
    image: SourceImage = Field(description="the real image, or the one that stands alone")
    facts: ImageFacts = Field(description="what screening found in it")
    frame: Frame = Field(description="the window that all members share")
    caption: Caption = Field(description="what the fakes were asked to show")
    fakes: dict[GeneratorName, Fake] = Field(description="by generator")
    history: History = Field(
        description="`equal`: both sides passed the same JPEG; `none`: nothing to pass (lossless real); `unequal`: not aligned"
    )
    jpeg_tables: str = Field(
        default="", description="digest of the tables of the shared JPEG pass, in the header's `jpeg_tables`"
    )
    jpeg_subsampling: Subsampling | Literal[""] = Field(default="", description="of the shared JPEG pass, if any")
    encoding: Encoding = Field(description="the one final encode that all members share")
    members: dict[str, Member] = Field(description="`real` and each generator; `image` where it stands alone")
    shard: ShardName = Field(description="name of the shard, under `shards/`")

    @field_validator("members")
    @classmethod
    def _has_real(cls, members: dict[str, Member], info: ValidationInfo) -> dict[str, Member]:
        frame = info.data.get("frame")
        if frame is not None and frame.framing == "single":
            if set(members) != {IMAGE}:
                raise ValueError(f"expected `{IMAGE}` alone, where an image stands alone")
        elif "real" not in members:
            raise ValueError("no `real` among them")
        return members

    @property
    def images(self) -> tuple[SourceImage, ...]:
        """All images of others that the pair shows: its own, and the fakes that were retrieved for it."""
        return images_of(self.image, self.fakes)

    @property
    def is_single(self) -> bool:
        """Whether it is an image that stands alone."""
        return self.frame.framing == "single"

    @property
    def generator(self) -> str:
        """What made the image that stands alone; empty where that is a real one."""
        if self.image.made is not None:
            return self.image.made.generator
        return next(iter(self.fakes), "")

    @property
    def label(self) -> int:
        """Of the image that stands alone: 0 real, 1 fake."""
        return LABELS["real" if self.image.is_real else "fake"]


class Reject(Record):
    """One item that was dropped, and why."""

    key: str = Field(description="key, pair id, or the source's own id where no bytes arrived")
    stage: Stage = Field(description="where it was dropped")
    reason: Reason = Field(description="why; docs/faq.md says what to do")
    detail: str = Field(default="", description="what was found, for a person")
