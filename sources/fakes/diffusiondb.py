"""DiffusionDB (arXiv 2210.14896): images that people made with Stable Diffusion, in zips of a thousand, with their prompts."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError, printable
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose
from sources.fakes.diffusiondb_files import Described, describe_by_json, describe_by_table, find_parts, find_table
from sources.files import open_file
from sources.image_files import accept_each
from sources.paths import FoundFile
from sources.sizes import SizeLimits
from sources.terms import terms_of
from sources.zips import open_zip, read_member

_BLURRED = 2.0  # image_nsfw of images that the publisher had blurred


class DiffusionDbConfig(SizeLimits):
    """Images of DiffusionDB 2M or Large, as its publisher ships them."""

    type: Literal["diffusiondb"] = "diffusiondb"
    name: SourceName = "diffusiondb"
    path: str = Field(description="the folder of the set, or a folder of its zips: a path or fsspec URL")
    subset: Literal["2m", "large"] = Field(
        default="2m",
        description="`2m`: images/part-000001.zip … and metadata.parquet; "
        "`large`: diffusiondb-large-part-1/part-000001.zip … and metadata-large.parquet",
    )
    parts: tuple[int, int] | None = Field(
        default=None,
        description="numbers of the first and the last zip that are read; all that are there when not given",
    )
    generator: GeneratorName = Field(default="stable_diffusion", description="what is recorded as the generator: v1.x")
    samplers: tuple[str, ...] = Field(default=(), description="take images of these samplers alone: k_lms, ddim, ...")
    max_image_nsfw: float | None = Field(
        default=None, ge=0, description="of metadata.parquet; larger ones are left out"
    )
    max_prompt_nsfw: float | None = Field(
        default=None, ge=0, description="of metadata.parquet; larger ones are left out"
    )
    keep_blurred: bool = Field(
        default=False, description="take images that the publisher had blurred as well, where metadata.parquet tells"
    )
    license: str = Field(default="CC0-1.0", description="licence of the images, as it is recorded")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.parts is not None and not 0 < self.parts[0] <= self.parts[1]:
            raise ValueError("parts: give the first and the last number, such as [1, 10]")
        if self.limit_per_class is not None:
            raise ValueError("limit_per_class: DiffusionDB names no classes; use limit")
        return self

    @property
    def table_filters(self) -> tuple[str, ...]:
        """The settings in use that rest on the table of metadata."""
        names = ("max_image_nsfw", "max_prompt_nsfw", "min_width", "max_width", "min_height", "max_height")
        return tuple(name for name in names if getattr(self, name) is not None)

    def open(self) -> "DiffusionDb":
        """The source that these settings describe."""
        return DiffusionDb(self)


class DiffusionDb:
    """A `Source` over DiffusionDB. Lists by the table of metadata where it is there, else by the JSON of each zip."""

    def __init__(self, config: DiffusionDbConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images in the order of the table, or of the zips and their JSON, within the limits; opens no image.

        Raises:
            SourceError: there are no zips, or not those that `parts` asks for; a zip, its JSON or the table is not as
                published; a filter needs the table and there is none; or nothing passes the filters.
        """
        return choose(self._listings(), self._config)

    def fetch(
        self,
        listings: Sequence[Listing],
        workdir: Path,  # noqa: ARG002 - nothing is put down on the way
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes in the zips, in the order of the listings; each zip is opened once for those that stand together.

        Raises:
            SourceError: a zip is gone or damaged.
        """
        zips = find_parts(self._config.path, self._config.subset)
        for part, of_part in groupby(listings, key=lambda listing: int(listing.location["part"])):
            if part not in zips:
                raise SourceError(f"{self._config.path}: part-{part:06d}.zip is no longer there; list the source again")
            yield from self._of_zip(zips[part], of_part)

    def _of_zip(self, file: FoundFile, listings: Iterator[Listing]) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        with open_file(file.url) as stream, open_zip(stream, printable(file.url)) as archive:
            read = partial(read_member, archive, max_bytes=self._config.max_bytes)
            yield from accept_each(listings, lambda listing: read(str(listing.location["member"])), self.name)

    def _listings(self) -> Iterator[Listing]:
        config = self._config
        zips = self._wanted_zips()
        table = find_table(config.path, config.subset)
        if table is None and config.table_filters:
            raise SourceError(f"{config.path}: {', '.join(config.table_filters)}: needs metadata.parquet; fetch it too")
        described = describe_by_table(table, frozenset(zips)) if table else describe_by_json(zips)
        taken = 0
        for image in described:
            if self._takes(image):
                taken += 1
                yield self._listing(image)
        if not taken:
            raise SourceError(f"{config.path}: no image of the {len(zips)} zips passes the filters")

    def _wanted_zips(self) -> Mapping[int, FoundFile]:
        """The zips that are read, by number."""
        zips = find_parts(self._config.path, self._config.subset)
        if self._config.parts is None:
            return zips
        first, last = self._config.parts
        missing = [number for number in range(first, last + 1) if number not in zips]
        if missing:
            raise SourceError(
                f"{self._config.path}: parts asks for {first} to {last}, and {len(missing)} of them are not there, the "
                f"first is part-{missing[0]:06d}.zip; there are {len(zips)} zips, from {min(zips)} to {max(zips)}"
            )
        return {number: zips[number] for number in range(first, last + 1)}

    def _takes(self, image: Described) -> bool:
        config = self._config
        blurred = image.scores.get("image_nsfw", 0.0) >= _BLURRED
        return (
            (config.keep_blurred or not blurred)
            and (not config.samplers or image.settings["sampler"] in config.samplers)
            and _at_most(image.scores.get("image_nsfw"), config.max_image_nsfw)
            and _at_most(image.scores.get("prompt_nsfw"), config.max_prompt_nsfw)
            and config.fits(image.width, image.height)
        )

    def _listing(self, image: Described) -> Listing:
        return Listing(
            source_id=image.member,
            location={"part": image.part, "member": image.member},
            license=self._config.license,
            terms=terms_of(self._config.license),
            scores=image.scores,
            made=ExistingFake(generator=self._config.generator, prompt=image.prompt, settings=image.settings),
        )


def _at_most(score: float | None, limit: float | None) -> bool:
    return limit is None or (score is not None and score <= limit)
