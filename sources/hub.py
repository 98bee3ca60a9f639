"""Any image set of the Hub that is published as Parquet, read in place: only what is asked for is transferred."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from manifests.errors import RejectedItem
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose
from sources.generators import generator_of
from sources.hub_presets import PRESETS, PresetName
from sources.imagenet_classes import wnids
from sources.tables.parquet_images import ParquetSet, Row, class_names, read_rows
from sources.tables.parquet_sets import ParquetSetSettings, fetch_rows
from sources.terms import terms_of


class HubConfig(ParquetSetSettings):
    """Images in the rows of a set of Parquet files."""

    type: Literal["hub"] = "hub"
    name: SourceName = "hub"
    preset: PresetName | None = Field(
        default=None, description="a set that is known by name: gives `repo`, `label_column`, `labels` and `license`"
    )
    image_column: str = Field(default="image", min_length=1, description="binary, or a struct with `bytes`")
    label_column: str = Field(default="", description="of the classes: their names, or their numbers")
    labels: tuple[str, ...] = Field(
        default=(),
        description="names of the classes in the order of their numbers, where neither files nor card name them",
    )
    caption_column: str = Field(default="", description="of captions, or of prompts where the images are fakes")
    generator: GeneratorName | Literal[""] = Field(
        default="", description="what made the images, where all of them are fakes"
    )
    generator_column: str = Field(
        default="", description="of the names of what made each image; an image is real where it says nothing"
    )
    license: str = Field(default="", description="licence of the images, as it is recorded; empty: as the card says")

    @model_validator(mode="before")
    @classmethod
    def _as_preset(cls, settings: Any) -> Any:
        """What the preset says, wherever the recipe does not say it itself."""
        if not isinstance(settings, dict) or settings.get("preset") not in PRESETS:
            return settings
        preset = PRESETS[settings["preset"]]
        given = {"label_column": preset.label, "labels": preset.labels, "license": preset.license}
        if not settings.get("path"):
            given["repo"] = preset.repo
        return {**given, **settings}

    @model_validator(mode="after")
    def _consistent(self) -> "HubConfig":
        if self.limit_per_class is not None and not self.label_column:
            raise ValueError("limit_per_class: give `label_column`, the column of the classes")
        if self.generator and self.generator_column:
            raise ValueError("give `generator` or `generator_column`, not both")
        return self

    def open(self) -> "Hub":
        """The source that these settings describe."""
        return Hub(self)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is the same for all rows of a set."""

    labels: Sequence[str]
    license: str
    revision: str
    landing_url: str


class Hub:
    """A `Source` over the rows of Parquet files, on the Hub or at a path."""

    def __init__(self, config: HubConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The rows of the split, file by file, within the limits; reads no image.

        Raises:
            SourceError: there is no such set, revision, split or column.
        """
        return choose(self._listings(), self._config)

    def fetch(
        self,
        listings: Sequence[Listing],
        workdir: Path,  # noqa: ARG002 - nothing is put down on the way
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes in the rows, in the order of the listings, at the commit that was listed.

        Raises:
            SourceError: a file is gone or damaged, or the Hub does not answer.
        """
        return fetch_rows(self._config, listings)

    def _listings(self) -> Iterator[Listing]:
        config, files = self._config, self._config.files()
        facts = self._facts(files)
        columns = [column for column in (config.label_column, config.caption_column, config.generator_column) if column]
        for row in read_rows(files, columns, images=[config.image_column]):
            yield self._listing(row, facts)

    def _facts(self, files: ParquetSet) -> _Facts:
        config = self._config
        if config.preset is not None and PRESETS[config.preset].wnids:
            labels = wnids()
        elif config.label_column:
            labels = config.labels or class_names(files, config.label_column)
        else:
            labels = ()
        landing_url = f"https://huggingface.co/datasets/{config.repo}" if config.repo else ""
        return _Facts(labels, config.license or files.license, files.revision, landing_url)

    def _listing(self, row: Row, facts: _Facts) -> Listing:
        config = self._config
        caption = row.text(config.caption_column) if config.caption_column else ""
        return Listing(
            source_id=row.source_id,
            location=row.location(config.image_column),
            landing_url=facts.landing_url,
            license=facts.license,
            terms=terms_of(facts.license),
            class_label=row.text(config.label_column, facts.labels) if config.label_column else "",
            source_caption=caption,
            revision=facts.revision,
            made=self._made(row, caption),
        )

    def _made(self, row: Row, prompt: str) -> ExistingFake | None:
        config = self._config
        if config.generator:
            return ExistingFake(generator=config.generator, prompt=prompt)
        if not config.generator_column:
            return None
        place = f"{row.part}: row {row.number}, column {config.generator_column!r}"
        generator = generator_of(row.text(config.generator_column), place)
        return ExistingFake(generator=generator, prompt=prompt) if generator else None
