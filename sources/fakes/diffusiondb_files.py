"""The files of DiffusionDB: zips with a JSON each, and one table of metadata for all."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from manifests.errors import RejectedItem, SourceError, first_complaint, printable
from sources.files import open_file
from sources.paths import FoundFile, find_files, is_file, is_folder
from sources.tables.parquet_images import ParquetSet, Row, read_rows
from sources.zips import open_zip, read_member

Subset = Literal["2m", "large"]

_ZIP = re.compile(r"(?:.*/)?part-(\d{6})\.zip")
_FOLDERS = {"2m": ("images",), "large": ("diffusiondb-large-part-1", "diffusiondb-large-part-2")}
_TABLES = {"2m": "metadata.parquet", "large": "metadata-large.parquet"}
_SAMPLERS = {  # by the table's numbers; the JSON has the names
    1: "ddim",
    2: "plms",
    3: "k_euler",
    4: "k_euler_ancestral",
    5: "k_heun",
    6: "k_dpm_2",
    7: "k_dpm_2_ancestral",
    8: "k_lms",
    9: "others",
}
_NUMBERS = (
    "part_id",
    "seed",
    "step",
    "cfg",
    "sampler",
    "width",
    "height",
    "image_nsfw",
    "prompt_nsfw",
)
_COLUMNS = ("image_name", "prompt", *_NUMBERS)
_LONGEST_JSON = 64 * 2**20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What DiffusionDB says of one image.

    Attributes:
        part: number of its zip.
        member: its name in the zip.
        prompt: what it was made from.
        settings: seed, cfg, steps, sampler.
        scores: image_nsfw and prompt_nsfw, where the table gives them.
        width: pixels; None where only the JSON describes it, as height.
    """

    part: int
    member: str
    prompt: str
    settings: dict[str, str | int | float]
    scores: dict[str, float] = field(default_factory=dict)
    width: float | None = None
    height: float | None = None


class _Item(BaseModel):
    """An image in the JSON of a zip."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    prompt: str = Field(alias="p")
    seed: int = Field(alias="se")
    cfg: float = Field(alias="c")
    steps: int = Field(alias="st")
    sampler: str = Field(alias="sa")


_ITEMS = TypeAdapter(dict[Annotated[str, Field(min_length=1)], _Item])


def find_parts(path: str, subset: Subset) -> dict[int, FoundFile]:
    """The zips of a set by number, in their order.

    Args:
        path: the folder of the set, or one that holds nothing but its zips.
        subset: which of the two sets.

    Raises:
        SourceError: there are no zips, or two with the same number.
    """
    folders = [f"{path.rstrip('/')}/{name}" for name in _FOLDERS[subset]]
    zips: dict[int, FoundFile] = {}
    for folder in [folder for folder in folders if is_folder(folder)] or [path]:
        for file in find_files(folder, [".zip"]):
            found = _ZIP.fullmatch(file.name)
            if found is None:
                continue
            number = int(found[1])
            if number in zips:
                raise SourceError(f"{path}: part-{number:06d}.zip stands twice; give the folder of one set")
            zips[number] = file
    if not zips:
        raise SourceError(f"{path}: no zip is named part-000001.zip or alike; give the folder of DiffusionDB")
    return dict(sorted(zips.items()))


def find_table(path: str, subset: Subset) -> str | None:
    """The table of metadata in the folder of a set; None where it is not there."""
    url = f"{path.rstrip('/')}/{_TABLES[subset]}"
    return url if is_file(url) else None


def describe_by_json(zips: Mapping[int, FoundFile]) -> Iterator[Described]:
    """All images of some zips, as the JSON in each describes them.

    Raises:
        SourceError: a zip is damaged, or holds no such JSON.
    """
    for number, file in zips.items():
        for member, item in _items(number, file).items():
            settings: dict[str, str | int | float] = {
                "seed": item.seed,
                "cfg": item.cfg,
                "steps": item.steps,
                "sampler": item.sampler,
            }
            yield Described(part=number, member=member, prompt=item.prompt, settings=settings)


def describe_by_table(url: str, parts: Collection[int]) -> Iterator[Described]:
    """The images of some zips, as the table of metadata describes them.

    Raises:
        SourceError: the table is no Parquet, lacks a column, or has a row without a name.
    """
    name = url.rpartition("/")[2]
    table = ParquetSet(url, (name,), lambda _: open_file(url))
    for row in read_rows(table, _COLUMNS, images=[]):
        if _number(row, "part_id", url) in parts:
            yield _described(row, url)


def _items(number: int, file: FoundFile) -> dict[str, _Item]:
    name = f"part-{number:06d}.json"
    with open_file(file.url) as stream, open_zip(stream, printable(file.url)) as archive:
        try:
            return _ITEMS.validate_json(read_member(archive, name, max_bytes=_LONGEST_JSON))
        except RejectedItem as rejection:
            raise SourceError(f"{printable(file.url)}: {name}: {rejection.detail}; fetch the zip again") from rejection
        except ValidationError as error:
            raise SourceError(
                f"{printable(file.url)}: {name}: {first_complaint(error)}; fetch the zip again"
            ) from error


def _described(row: Row, url: str) -> Described:
    member = row.text("image_name")
    if not member:
        raise SourceError(f"{url}: row {row.number}, column 'image_name': empty; fetch the table again")
    numbers = {name: _number(row, name, url) for name in _NUMBERS}
    settings = {"seed": numbers["seed"], "cfg": numbers["cfg"], "steps": numbers["step"]}
    scores = {name: numbers[name] for name in ("image_nsfw", "prompt_nsfw")}
    return Described(
        part=int(numbers["part_id"] or 0),
        member=member,
        prompt=row.text("prompt"),
        settings={name: value for name, value in settings.items() if value is not None}
        | {"sampler": _SAMPLERS.get(int(numbers["sampler"] or 0), "others")},
        scores={name: float(value) for name, value in scores.items() if value is not None},
        width=numbers["width"],
        height=numbers["height"],
    )


def _number(row: Row, column: str, url: str) -> int | float | None:
    """A cell's number; None where it holds none, or none that is finite."""
    value = row.cells[column]
    if value is None or (isinstance(value, int | float) and not isfinite(value)):
        return None
    if not isinstance(value, int | float):
        raise SourceError(
            f"{url}: row {row.number}, column {column!r}: {type(value).__name__} stands where a number is expected; "
            "fetch the table again"
        )
    return value
