"""Open Images V4 to V7: a published CSV of image metadata; the images are fetched by img2dataset."""

import base64
import binascii
import csv
import io
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError
from sources.base import Fetched, Listing, SourceName, SourceSettings, accept
from sources.choosing import choose
from sources.downloading import FetchSettings, download
from sources.files import open_file
from sources.terms import terms_of

HEADER = (
    "ImageID",
    "Subset",
    "OriginalURL",
    "OriginalLandingURL",
    "License",
    "AuthorProfileURL",
    "Author",
    "Title",
    "OriginalSize",
    "OriginalMD5",
    "Thumbnail300KURL",
    "Rotation",
)
"""The columns of every image-metadata file of Open Images, in their order."""

# counter-clockwise; empty and `nan` mean that nobody can tell any more, as the photograph is no longer public
_DEGREES = {"": 0, "nan": 0, "0": 0, "90": 90, "180": 180, "270": 270}


class OpenImagesConfig(SourceSettings):
    """Images that an image-metadata file of Open Images lists."""

    type: Literal["open-images"] = "open-images"
    name: SourceName = "open-images"
    csv: str = Field(description="an image-metadata file (…-with-rotation.csv): a path or fsspec URL, .gz allowed")
    variant: Literal["original", "rescaled"] = Field(
        default="original",
        description="`original`: OriginalURL, checked against OriginalSize and OriginalMD5; "
        "`rescaled`: the mirror's copy, at most 1024 pixels on the long side",
    )
    mirror: str = Field(
        default="https://open-images-dataset.s3.amazonaws.com",
        pattern=r"^https?://",
        description="where the rescaled copies are: <mirror>/<subset>/<id>.jpg",
    )
    fetch: FetchSettings = FetchSettings()

    @model_validator(mode="after")
    def _classes_known(self) -> Self:
        if self.limit_per_class is not None:
            raise ValueError("limit_per_class: the image-metadata files name no classes; use limit")
        return self

    def open(self) -> "OpenImages":
        """The source that these settings describe."""
        return OpenImages(self)


class OpenImages:
    """A `Source` over an image-metadata file of Open Images."""

    def __init__(self, config: OpenImagesConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images in the order of the file, within the limits. The file is read as a stream.

        Raises:
            SourceError: there is no such file, or a line of it is not as published.
        """
        return choose(self._listings(), self._config)

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes at the listings' URLs, in their order: originals with the size and MD5 that the file gives.

        Raises:
            SourceError: img2dataset is not installed, or stopped; its log lies in `workdir`.
        """
        urls = [listing.url for listing in listings]
        outcomes = download(urls, workdir, self._config.fetch, max_bytes=self._config.max_bytes)
        for listing, outcome in zip(listings, outcomes, strict=True):
            if isinstance(outcome, RejectedItem):
                yield listing, outcome
                continue
            try:
                yield listing, accept(listing, outcome, self.name)
            except RejectedItem as rejection:
                yield listing, rejection

    def _listings(self) -> Iterator[Listing]:
        for place, row in _rows(self._config.csv):
            try:
                listing = self._listing(row)
            except ValueError as error:
                raise SourceError(f"{place}, {error}; fetch the file again") from error
            yield listing

    def _listing(self, row: dict[str, str]) -> Listing:
        if self._config.variant == "original":
            url, size, md5 = row["OriginalURL"], _size(row["OriginalSize"]), _md5(row["OriginalMD5"])
        else:  # size and digest describe the original
            url, size, md5 = f"{self._config.mirror}/{row['Subset']}/{row['ImageID']}.jpg", None, ""
        return Listing(
            source_id=row["ImageID"],
            md5=md5,
            size=size,
            url=url,
            landing_url=row["OriginalLandingURL"],
            license=row["License"],
            terms=terms_of(row["License"]),
            author=row["Author"],
            author_url=row["AuthorProfileURL"],
            title=row["Title"],
            variant=self._config.variant,
            rotation=_rotation(row["Rotation"]),
        )


def _rows(path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of an image-metadata file, each with its place for errors.

    Raises:
        SourceError: there is no such file, its header is another one, or a row is broken.
    """
    with open_file(path, compression="infer") as stream:
        lines = csv.reader(io.TextIOWrapper(stream, encoding="utf-8", newline=""))
        try:
            _check_header(path, next(lines, []))
            for fields in lines:
                place = f"{path}: line {lines.line_num}"
                if len(fields) != len(HEADER):
                    raise SourceError(
                        f"{place}: {len(fields)} columns, {len(HEADER)} are expected; fetch the file again"
                    )
                yield place, dict(zip(HEADER, fields, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: after line {lines.line_num}: not a CSV in UTF-8 ({error})") from error


def _check_header(path: str, found: list[str]) -> None:
    for number, (column, expected) in enumerate(zip_longest(found, HEADER, fillvalue="nothing"), start=1):
        if column != expected:
            raise SourceError(
                f"{path}: line 1, column {number}: {column!r} stands where {expected!r} is expected; "
                "give an image-metadata file of Open Images (…-with-rotation.csv)"
            )


def _size(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise ValueError(f"column OriginalSize: {text!r} is not a number of bytes")
    return int(text)


def _md5(text: str) -> str:
    """The digest in hex; Open Images prints it in base64."""
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b"?"
    if len(digest) not in (0, 16):
        raise ValueError(f"column OriginalMD5: {text!r} is not the base64 of 16 bytes")
    return digest.hex()


def _rotation(text: str) -> int:
    degrees = _DEGREES.get(text.lower().removesuffix(".0"))
    if degrees is None:
        raise ValueError(f"column Rotation: {text!r} is not 0, 90, 180 or 270")
    return degrees
