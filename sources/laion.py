"""LAION: Parquet tables of URLs, captions and scores; the images are fetched by img2dataset."""

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from manifests.errors import RejectedItem, SourceError
from sources import laion_columns
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose
from sources.fetching.by_url import fetch_urls
from sources.fetching.downloading import FetchSettings
from sources.laion_columns import SCORES, LaionColumns, ScoreName
from sources.laion_rows import Selection, read_rows
from sources.laion_shards import Slice, cut, whole
from sources.sizes import SizeLimits
from sources.tables.parquet_tables import Bounds, holds_numbers, open_table
from sources.tables.parts import Part, find_parts, numbered

_LOG = logging.getLogger(__name__)

_Range = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]


class LaionConfig(SizeLimits):
    """Images that LAION's tables list."""

    type: Literal["laion"] = "laion"
    name: SourceName = "laion"
    path: str = Field(description="a Parquet file, a folder of them, or a pattern (…/part-000*.parquet)")
    parquet_parts: _Range | None = Field(
        default=None, description="numbers of the first and the last file to take, as in the files' names"
    )
    shards: _Range | None = Field(
        default=None, description="numbers of the first and the last shard to take: runs of shard_rows rows each"
    )
    shard_rows: int | None = Field(default=None, gt=0, description="rows of a shard, before any filter")
    shards_run_on: bool = Field(
        default=True,
        description="true: shards are cut from all files in one run; false: as img2dataset cuts them, "
        "so that each file begins a new shard and its last one may be shorter",
    )
    min_scores: dict[ScoreName, float] = Field(
        default_factory=dict, description="lowest scores; a row that lacks the score is passed over"
    )
    max_scores: dict[ScoreName, float] = Field(
        default_factory=dict, description="highest scores; a row that lacks the score is passed over"
    )
    nsfw: tuple[str, ...] = Field(
        default=(), description="values of NSFW that are taken, as UNLIKELY; an empty one is that of rows without; all"
    )
    columns: LaionColumns = LaionColumns()
    fetch: FetchSettings = FetchSettings()

    @field_validator("nsfw")
    @classmethod
    def _in_capitals(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(tag.upper() for tag in tags)

    @model_validator(mode="after")
    def _selectors_fit(self) -> Self:
        if self.limit_per_class is not None:
            raise ValueError("limit_per_class: LAION names no classes; use limit")
        if (self.shards is None) != (self.shard_rows is None):
            raise ValueError("shards and shard_rows: give both or neither")
        for name in ("parquet_parts", "shards"):
            chosen: _Range | None = getattr(self, name)
            if chosen is not None and chosen[0] > chosen[1]:
                raise ValueError(f"{name}: the first, {chosen[0]}, comes after the last, {chosen[1]}")
        return self

    def open(self) -> "Laion":
        """The source that these settings describe."""
        return Laion(self)


class Laion:
    """A `Source` over LAION's tables."""

    def __init__(self, config: LaionConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The rows that the filters let through, in the order of the files, within the limits.

        Read as a stream. Which files and rows there are is found before the first listing is asked for. Rows without
        an http(s) URL are passed over, and counted in a warning.

        Raises:
            SourceError: a file, part, shard or column is not there; or a file is not Parquet.
        """
        slices = self._slices()
        first, _ = slices[0]
        with open_table(first.url) as table:
            self._selection(first, table.schema_arrow)  # a column that is missing is missed now
        return choose(self._listings(slices), self._config)

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes at the listings' URLs, in their order.

        Raises:
            SourceError: img2dataset is not installed, or stopped; its log lies in `workdir`.
        """
        return fetch_urls(listings, workdir, self.name, self._config.fetch, max_bytes=self._config.max_bytes)

    def _listings(self, slices: Sequence[Slice]) -> Iterator[Listing]:
        seen = taken = without_url = 0
        for part, rows in slices:
            with open_table(part.url) as table:
                seen += min(len(rows), table.metadata.num_rows)
                for found in read_rows(table, part, rows, self._selection(part, table.schema_arrow)):
                    if found is None:
                        without_url += 1
                    else:
                        taken += 1
                        yield found
        if without_url:
            _LOG.warning("%s: %d rows without an http(s) URL were passed over", self._config.path, without_url)
        if not seen:
            raise SourceError(f"{self._config.path}: holds no rows; check that its files are whole")
        if not taken:
            left = (
                f"the {without_url} that the filters leave name no http(s) URL"
                if without_url
                else "correct the filters"
            )
            raise SourceError(f"{self._config.path}: none of {seen} rows is taken; {left}")

    def _selection(self, part: Part, schema: pa.Schema) -> Selection:
        """What is read of a file, and which of its rows are taken."""
        config = self._config
        limits: dict[str, tuple[float | None, float | None]] = {
            name: (config.min_scores.get(name), config.max_scores.get(name)) for name in SCORES
        }
        limits |= {"width": (config.min_width, config.max_width), "height": (config.min_height, config.max_height)}
        asked = {name: low_high for name, low_high in limits.items() if low_high != (None, None)}
        needed = {"url": "every row"} | {name: f"the filter on {name}" for name in asked}
        if config.nsfw:
            needed["nsfw"] = "the filter on nsfw"
        columns = laion_columns.match(schema.names, config.columns, needed, part.url)
        for name in limits:
            if name in columns and not holds_numbers(kind := schema.field(columns[name]).type):
                raise SourceError(
                    f"{part.url}: column {columns[name]!r} holds {kind}, numbers are expected; name another as columns.{name}"
                )
        bounds = tuple(
            Bounds(columns[name], -math.inf if low is None else low, math.inf if high is None else high)
            for name, (low, high) in asked.items()
        )
        return Selection(columns, bounds, frozenset(config.nsfw))

    def _slices(self) -> Sequence[Slice]:
        """The files, and the rows of each."""
        config = self._config
        parts = find_parts(config.path, [".parquet"])
        if config.parquet_parts is not None:
            parts = numbered(parts, *config.parquet_parts, config.path)
        if config.shards is None or config.shard_rows is None:
            return whole(parts)
        return cut(parts, config.shards, config.shard_rows, run_on=config.shards_run_on, path=config.path)
