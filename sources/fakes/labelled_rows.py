"""Labelled images in the rows of Parquet files, real and generated, told apart by a column."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Literal

from pydantic import Field

from manifests.errors import RejectedItem, SourceError, printable
from manifests.labels import FAKE, generator_name, label_of_class, label_of_name
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose, name_of_pair
from sources.fakes.labelled import LabelledSettings, Meaning, take
from sources.generators import generator_of
from sources.tables.parquet_images import ParquetSet, Row, class_names, read_rows
from sources.tables.parquet_sets import ParquetSetSettings, fetch_rows
from sources.terms import terms_of


class LabelledRowSettings(LabelledSettings, ParquetSetSettings):
    """Settings of all sources of labelled images in Parquet files."""

    license: str = Field(default="", description="licence of the images, as it is recorded; empty: as the card says")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """Which column of a set of labelled images says what; empty where none does.

    Attributes:
        image: the image.
        label: whether it is real.
        meanings: what the label's values stand for, where the set gives numbers; other values mean what they say.
        named: values that the recipe names: each must be one of the classes, where the files name these.
        generator: what made a fake.
        generators: names of generators by the column's values, where the set gives numbers.
        prompt: what a fake was made from; of a real, its caption.
        class_label: what the image shows.
        pair: the set's own name for the pair.
        settings: columns that go into a fake's settings.
        scores: columns that go into an image's scores, by the scores' names.
    """

    image: str
    label: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    named: Collection[str] = ()
    generator: str = ""
    generators: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    class_label: str = ""
    pair: str = ""
    settings: tuple[str, ...] = ()
    scores: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """All of them but the image's."""
        single = (self.label, self.generator, self.prompt, self.class_label, self.pair)
        return list(dict.fromkeys(column for column in (*single, *self.settings, *self.scores.values()) if column))


class LabelledParquetConfig(LabelledRowSettings):
    """Labelled images in Parquet files whose columns the recipe names."""

    type: Literal["labelled-parquet"] = "labelled-parquet"
    name: SourceName = "labelled-parquet"
    generator: GeneratorName = "unknown"
    image_column: str = Field(default="image", min_length=1, description="binary, or a struct with `bytes`")
    label_column: str = Field(default="label", min_length=1, description="of the labels: their names, or their numbers")
    labels: dict[str, Meaning] = Field(
        default={},
        description="what the labels stand for: `real`, `fake`, or the name of the fakes' generator. Labels that are not "
        "named here mean what their names say: `real`, `nature`, `fake`, `ai`, `sdxl`, ...; numbers say nothing",
    )
    generator_column: str = Field(default="", description="of the names of what made the fakes")
    prompt_column: str = Field(default="", description="of fakes' prompts and reals' captions")
    class_column: str = Field(default="", description="of what the images show")
    pair_column: str = Field(default="", description="of what a real and its fakes have in common")

    def open(self) -> "LabelledRows":
        """The source that these settings describe."""
        layout = RowLayout(
            image=self.image_column,
            label=self.label_column,
            meanings=self.labels,
            named=self.labels,
            generator=self.generator_column,
            prompt=self.prompt_column,
            class_label=self.class_column,
            pair=self.pair_column,
        )
        return LabelledRows(self, layout)


class LabelledRows:
    """A `Source` over the rows of Parquet files with one labelled image each, on the Hub or at a path."""

    def __init__(self, config: LabelledRowSettings, layout: RowLayout) -> None:
        self._config = config
        self._layout = layout

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The rows of the split, file by file, within the limits; fakes with what made them. Reads no image.

        Raises:
            SourceError: there is no such set, split or column, a label means neither real nor fake, or nothing passes
                the settings.
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
        config, layout, files = self._config, self._layout, self._config.files()
        coded = (layout.label, layout.class_label, layout.generator)
        names = {column: class_names(files, column) for column in coded if column}
        classes = names[layout.label]
        if classes and (unknown := sorted({*layout.named} - {*classes})):
            raise SourceError(
                f"{files.label}: labels: there is no class {unknown[0]!r} in the column {layout.label!r}; its numbers "
                f"stand for {', '.join(map(printable, classes))}: name these, or leave labels out"
            )
        rows = read_rows(files, layout.columns, images=[layout.image])
        yield from take((self._listing(row, names, files) for row in rows), config, files.label)

    def _listing(self, row: Row, names: Mapping[str, Sequence[str]], files: ParquetSet) -> Listing:
        layout, made = self._layout, self._made(row, names, files)
        license_name = self._config.license or files.license
        return Listing(
            source_id=row.source_id,
            location=row.location(layout.image),
            landing_url=landing_url(self._config),
            license=license_name,
            terms=terms_of(license_name),
            class_label=row.text(layout.class_label, names[layout.class_label]) if layout.class_label else "",
            source_caption="" if made or not layout.prompt else row.text(layout.prompt),
            revision=files.revision,
            scores=_scores(row, layout),
            made=made,
            pair=row.text(layout.pair) if layout.pair else "",
        )

    def _made(self, row: Row, names: Mapping[str, Sequence[str]], files: ParquetSet) -> ExistingFake | None:
        """What made the row's image; None of a real one."""
        layout = self._layout
        said = row.text(layout.label, names[layout.label])
        meaning = layout.meanings.get(said) or _meaning(said)
        if not meaning:
            raise SourceError(
                f"{files.label}: {printable(row.part)}: row {row.number}, column {layout.label!r}: {printable(said)[:80]!r} is not known "
                'to mean real or fake; say what the labels stand for: labels = { "..." = "real", "..." = "fake" }'
            )
        if meaning == "real":
            return None
        named = self._generator(row, names[layout.generator], files) if layout.generator else ""
        return ExistingFake(
            generator=named or (self._config.generator if meaning == "fake" else meaning),
            prompt=row.text(layout.prompt) if layout.prompt else "",
            settings=row_settings(row, {column: column for column in layout.settings}),
        )

    def _generator(self, row: Row, names: Sequence[str], files: ParquetSet) -> str:
        """The row's own name of a generator, as records have it; empty where it has none."""
        layout = self._layout
        said = row.text(layout.generator, names).strip()
        if not layout.generators:
            place = f"{files.label}: {row.part}: row {row.number}, column {layout.generator!r}"
            return "" if label_of_class(said) is not None else generator_of(said, place)  # some repeat "fake" there
        if said not in layout.generators:
            raise SourceError(
                f"{files.label}: {printable(row.part)}: row {row.number}, column {layout.generator!r}: {printable(said)[:80]!r} is "
                f"none of the set's generators {', '.join(layout.generators)}"
            )
        return layout.generators[said]


def landing_url(config: ParquetSetSettings) -> str:
    """The set's page on the Hub."""
    return f"https://huggingface.co/datasets/{config.repo}" if config.repo else ""


def row_settings(row: Row, columns: Mapping[str, str]) -> dict[str, str | int | float]:
    """Cells that say something, by the names of settings.

    Args:
        row: the row.
        columns: by setting.
    """
    cells = {name: row.cells[column] for name, column in columns.items()}
    return {name: cell for name, cell in cells.items() if isinstance(cell, str | int | float) and _says(cell)}


def _scores(row: Row, layout: RowLayout) -> dict[str, float]:
    cells = {name: row.cells[column] for name, column in layout.scores.items()}
    return {name: float(cell) for name, cell in cells.items() if isinstance(cell, int | float) and _says(cell)}


def _says(cell: str | float) -> bool:
    return cell != "" if isinstance(cell, str) else isfinite(cell)


def _meaning(said: str) -> str:
    """`real`, `fake` or a generator, by a label's own name; empty where it says nothing."""
    label = label_of_class(said)
    if label is not None:
        return "fake" if label == FAKE else "real"
    return generator_name(said) if label_of_name(said) == FAKE else ""
