"""Parquet files with a real image and its fakes in each row, a column each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from manifests.errors import RejectedItem
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose, name_of_pair
from sources.fakes.labelled import Meaning, take
from sources.fakes.labelled_rows import LabelledRowSettings, landing_url
from sources.tables.parquet_images import ParquetSet, Row, read_rows
from sources.tables.parquet_sets import fetch_rows
from sources.terms import terms_of


class PairedParquetConfig(LabelledRowSettings):
    """Parquet files with several images a row."""

    type: Literal["paired-parquet"] = "paired-parquet"
    name: SourceName = "paired-parquet"
    generator: GeneratorName = "unknown"
    image_columns: dict[str, Meaning] = Field(
        min_length=1, description="what the columns of images hold: `real`, `fake`, or the name of the fakes' generator"
    )
    caption_column: str = Field(default="", description="of the real's caption, which is the fakes' prompt")
    pair_column: str = Field(default="", description="of the row's name; the file and the number of the row when empty")

    def open(self) -> "ImageColumns":
        """The source that these settings describe."""
        return ImageColumns(self)


class ImageColumns:
    """A `Source` over rows with several images each. The images of a row are a pair; a share is one of whole rows."""

    def __init__(self, config: PairedParquetConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images row by row, in the order of the recipe's columns, within the limits; reads none.

        Raises:
            SourceError: there is no such set, split or column, or nothing passes the settings.
        """
        return choose(self._listings(), self._config, name_of_pair)

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
        columns = [column for column in (config.caption_column, config.pair_column) if column]
        rows = read_rows(files, columns, images=list(config.image_columns))
        listings = (self._listing(row, *image, files) for row in rows for image in config.image_columns.items())
        yield from take(listings, config, files.label)

    def _listing(self, row: Row, column: str, meaning: str, files: ParquetSet) -> Listing:
        config = self._config
        caption = row.text(config.caption_column) if config.caption_column else ""
        made = self._made(meaning, caption)
        license_name = config.license or files.license
        return Listing(
            source_id=f"{row.source_id}:{column}",
            location=row.location(column),
            landing_url=landing_url(config),
            license=license_name,
            terms=terms_of(license_name),
            source_caption="" if made else caption,
            revision=files.revision,
            made=made,
            pair=row.text(config.pair_column) if config.pair_column else row.source_id,
        )

    def _made(self, meaning: str, prompt: str) -> ExistingFake | None:
        if meaning == "real":
            return None
        return ExistingFake(generator=self._config.generator if meaning == "fake" else meaning, prompt=prompt)
