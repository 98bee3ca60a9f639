"""A list of images in a table: CSV, TSV, JSON Lines or Parquet; of URLs, or of files that are at hand."""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError, printable
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose
from sources.fetching.by_url import fetch_urls
from sources.fetching.downloading import FetchSettings
from sources.generators import generator_of, says_real
from sources.local_images import check_images, fetch_local
from sources.sizes import SizeLimits
from sources.tables.url_columns import UrlColumns
from sources.tables.url_rows import Format, PlacedRow, Style, read_rows
from sources.terms import terms_of

_LOG = logging.getLogger(__name__)

_URL = re.compile(r"https?://[^\s\x00-\x20]+", re.IGNORECASE)
_DIGEST_LENGTHS = {"md5": 32, "sha256": 64}
_HEADERS = {"conceptual-captions": ("caption", "url"), "cc12m": ("url", "caption")}


class UrlListConfig(SizeLimits):
    """Images that a table lists."""

    type: Literal["url-list"] = "url-list"
    name: SourceName = "url-list"
    path: str = Field(description="the table, a folder of tables, or a pattern of files: paths or fsspec URLs")
    format: Format | None = Field(default=None, description="of the table; told by the file's name when left out")
    layout: Literal["table", "conceptual-captions", "cc12m"] = Field(
        default="table",
        description="`table`: columns have names; `conceptual-captions` and `cc12m`: TSV without names or quotes, "
        "of caption and URL, and of URL and caption",
    )
    header: tuple[str, ...] = Field(default=(), description="names of the columns of a CSV or TSV that gives none")
    quoted: bool = Field(default=True, description="whether a cell of a CSV or TSV may stand in quotes")
    columns: UrlColumns = UrlColumns()
    images: str = Field(
        default="", description="folder or zip that the column `path` starts from; then no URL is asked for"
    )
    license: str = Field(default="", description="licence of images for which the table names none")
    generator: GeneratorName | None = Field(
        default=None, description="what made all images of the table: they are fakes; see also columns.generator"
    )
    fetch: FetchSettings = FetchSettings()

    @model_validator(mode="after")
    def _layout_fits(self) -> Self:
        if self.layout != "table" and (self.header or self.format not in (None, "tsv")):
            raise ValueError(f"layout {self.layout!r} is a TSV with columns of its own: leave header and format out")
        return self

    def open(self) -> "UrlList":
        """The source that these settings describe."""
        return UrlList(self)


class UrlList:
    """A `Source` over a table of images."""

    def __init__(self, config: UrlListConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The rows of the table in their order, within the limits. It is read as a stream.

        Rows without an http(s) URL (or, with `images`, without a path) are passed over, and counted in a warning.

        Raises:
            SourceError: there is no such table, it has no column of URLs or paths, or a line of it is broken.
        """
        if self._config.images:
            check_images(self._config.images)
        return choose(self._listings(), self._config)

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the images, in the order of the listings.

        Raises:
            SourceError: the folder of images is gone; img2dataset is not installed, or stopped.
        """
        config = self._config
        if config.images:
            return fetch_local(listings, config.images, self.name, max_bytes=config.max_bytes)
        return fetch_urls(listings, workdir, self.name, config.fetch, max_bytes=config.max_bytes)

    def _listings(self) -> Iterator[Listing]:
        config = self._config
        passed_over = taken = other_size = 0
        for place, row in self._rows():
            if not (row.get("path") if config.images else _URL.fullmatch(row.get("url", ""))):
                passed_over += 1
            elif config.fits(_pixels(row, "width", place), _pixels(row, "height", place)):
                taken += 1
                yield self._listing(row, place)
            else:
                other_size += 1
        wanted = "a path" if config.images else "an http(s) URL"
        if passed_over:
            _LOG.warning("%s: %d rows without %s were passed over", config.path, passed_over, wanted)
        if not taken and not passed_over and not other_size:
            raise SourceError(f"{config.path}: holds no rows; check that it is the whole file")
        if not taken:
            raise SourceError(
                f"{config.path}: no row is taken: {passed_over} have not {wanted}, {other_size} not the wanted size; "
                "correct the settings in the recipe"
            )

    def _rows(self) -> Iterator[PlacedRow]:
        config = self._config
        style = Style(config.format, config.header, config.quoted)
        if config.layout != "table":
            style = Style("tsv", _HEADERS[config.layout], quoted=False)
        return read_rows(config.path, config.columns, "path" if config.images else "url", style)

    def _listing(self, row: dict[str, str], place: str) -> Listing:
        config = self._config
        license_ = row.get("license") or config.license
        return Listing(
            source_id=row.get("id") or (row["path"] if config.images else row["url"]),
            location={"path": row["path"]} if config.images else {},
            url=row.get("url", ""),
            md5=_digest(row, "md5", place),
            sha256=_digest(row, "sha256", place),
            landing_url=row.get("landing_url", ""),
            license=license_,
            terms=terms_of(license_),
            author=row.get("author", ""),
            author_url=row.get("author_url", ""),
            title=row.get("title", ""),
            class_label=row.get("class_label", ""),
            source_caption=row.get("caption", ""),
            made=self._made(row, place),
        )

    def _made(self, row: dict[str, str], place: str) -> ExistingFake | None:
        """What made the image; None for a real one."""
        said = row.get("generator", "")
        generator = generator_of(said, f"{place}, generator") or self._config.generator
        if generator is None or says_real(said):
            return None
        return ExistingFake(
            generator=generator, prompt=row.get("prompt", ""), negative_prompt=row.get("negative_prompt", "")
        )


def _pixels(row: dict[str, str], field: str, place: str) -> float | None:
    text = row.get(field)
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise SourceError(f"{place}, {field}: {printable(text[:40])!r} is not a number of pixels") from error


def _digest(row: dict[str, str], field: str, place: str) -> str:
    text = row.get(field, "").lower()
    if text and not re.fullmatch(rf"[0-9a-f]{{{_DIGEST_LENGTHS[field]}}}", text):
        raise SourceError(
            f"{place}, {field}: {printable(text[:80])!r} is not a digest of {_DIGEST_LENGTHS[field]} hex digits"
        )
    return text
