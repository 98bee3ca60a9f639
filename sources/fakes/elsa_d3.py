"""ELSA_D3: in each row the address of a photograph of LAION, and four fakes from its caption."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem
from manifests.labels import generator_name
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose, name_of_pair
from sources.fakes.fake_tables import PublishedSettings
from sources.fakes.labelled import take
from sources.fakes.labelled_rows import landing_url, row_settings
from sources.fetching.by_url import fetch_urls
from sources.fetching.downloading import FetchSettings
from sources.generators import says_real
from sources.tables.parquet_images import ParquetSet, Row, read_rows
from sources.tables.parquet_sets import fetch_rows
from sources.terms import terms_of

Fake = Literal["gen0", "gen1", "gen2", "gen3"]

_SHARED = ["id", "original_prompt", "positive_prompt", "negative_prompt", "url"]
_SETTINGS = ("width", "height", "num_inference_steps")


class ElsaD3Config(PublishedSettings):
    """ELSA_D3: 2.3 million photographs by their addresses, and four fakes of each."""

    published: ClassVar[str] = "elsaEU/ELSA_D3"
    type: Literal["elsa-d3"] = "elsa-d3"
    name: SourceName = "elsa-d3"
    generator: GeneratorName = "elsa_d3"
    fakes: tuple[Fake, ...] = Field(
        default=("gen0", "gen1", "gen2", "gen3"), min_length=1, description="which of a row's four fakes are taken"
    )
    fetch: FetchSettings = FetchSettings()

    @model_validator(mode="after")
    def _classes_known(self) -> Self:
        if self.limit_per_class is not None:
            raise ValueError("limit_per_class: ELSA_D3 names no classes; use limit")
        return self

    def open(self) -> "ElsaD3":
        """The source that these settings describe."""
        return ElsaD3(self)


class ElsaD3:
    """A `Source` over ELSA_D3's files. A photograph and its fakes are a pair; a share is one of whole rows."""

    def __init__(self, config: ElsaD3Config) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images row by row, the photograph first, within the limits; reads none.

        Raises:
            SourceError: there is no such set, split or column, or nothing passes the settings.
        """
        return choose(self._listings(), self._config, name_of_pair)

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes in the rows and at the photographs' addresses, in the order of the listings.

        Raises:
            SourceError: a file is gone or damaged, the Hub does not answer, or img2dataset is not installed or stopped.
        """
        config = self._config
        reals = [listing for listing in listings if listing.made is None]
        fakes = [listing for listing in listings if listing.made is not None]
        by_url = fetch_urls(reals, workdir, self.name, config.fetch, max_bytes=config.max_bytes) if reals else iter(())
        in_rows = fetch_rows(config, fakes)
        for listing in listings:
            yield next(by_url if listing.made is None else in_rows)

    def _listings(self) -> Iterator[Listing]:
        config, files = self._config, self._config.files()
        fakes = () if config.only == "real" else config.fakes  # then no column of images need be there
        columns = [f"{column}_{fake}" for fake in fakes for column in ("model", *_SETTINGS)]
        rows = read_rows(files, [*_SHARED, *columns], images=[f"image_{fake}" for fake in fakes])
        yield from take((listing for row in rows for listing in self._of_row(row, fakes, files)), config, files.label)

    def _of_row(self, row: Row, fakes: Sequence[Fake], files: ParquetSet) -> Iterator[Listing]:
        if row.text("url"):
            yield self._real(row, files)
        for fake in fakes:
            yield self._fake(row, fake, files)

    def _real(self, row: Row, files: ParquetSet) -> Listing:
        return Listing(
            source_id=f"{row.source_id}:real",
            url=row.text("url"),
            source_caption=row.text("original_prompt"),
            revision=files.revision,
            pair=row.text("id"),
        )

    def _fake(self, row: Row, fake: Fake, files: ParquetSet) -> Listing:
        license_name, model = self._config.license or files.license, row.text(f"model_{fake}")
        return Listing(
            source_id=f"{row.source_id}:{fake}",
            location=row.location(f"image_{fake}"),
            landing_url=landing_url(self._config),
            license=license_name,
            terms=terms_of(license_name),
            revision=files.revision,
            made=ExistingFake(
                generator=("" if says_real(model) else generator_name(model)) or self._config.generator,
                prompt=row.text("positive_prompt"),
                negative_prompt=row.text("negative_prompt"),
                settings=row_settings(row, {name: f"{name}_{fake}" for name in _SETTINGS}),
            ),
            pair=row.text("id"),
        )
