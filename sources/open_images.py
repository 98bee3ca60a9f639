"""Open Images V4 to V7: a published CSV of image metadata, and which of its images are wanted; img2dataset fetches them."""

import base64
import binascii
import csv
import logging
from collections.abc import Container, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError
from sources.base import Fetched, Listing, SourceName, SourceSettings
from sources.choosing import choose
from sources.fetching.by_url import fetch_urls
from sources.fetching.downloading import FetchSettings
from sources.files import open_file, read_lines
from sources.open_images_choice import Flag, find_labels, read_boxes, read_ids, read_image_labels
from sources.terms import terms_of

_LOG = logging.getLogger(__name__)

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
    ids: str = Field(default="", description="an image list, lines of <split>/<id>: only these images are taken")
    classes: tuple[str, ...] = Field(
        default=(),
        description="LabelNames (/m/01yrx) or DisplayNames (Cat): only images that bear one of them are taken. "
        "An image that bears several is of the first of these",
    )
    class_descriptions: str = Field(
        default="", description="the class-descriptions file, which DisplayNames are looked up in"
    )
    image_labels: str = Field(default="", description="image-level labels, in which classes are looked for")
    boxes: str = Field(default="", description="bounding boxes, in which classes are looked for as well")
    min_confidence: float = Field(
        default=1.0, gt=0, le=1, description="of image-level labels; 1: those that people have confirmed"
    )
    without: tuple[Flag, ...] = Field(default=(), description="boxes with one of these flags do not count")
    fetch: FetchSettings = FetchSettings()

    @model_validator(mode="after")
    def _classes_known(self) -> Self:
        if self.classes and not (self.image_labels or self.boxes):
            raise ValueError("classes: give the file that says which images bear them, as image_labels or boxes")
        if not self.classes and (self.image_labels or self.boxes):
            raise ValueError("image_labels, boxes: say which classes to take, as classes")
        if self.without and not self.boxes:
            raise ValueError("without: only boxes have flags; give boxes")
        if self.limit_per_class is not None and not self.classes:
            raise ValueError("limit_per_class: the image-metadata files name no classes; give classes, or use limit")
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
        return fetch_urls(listings, workdir, self.name, self._config.fetch, max_bytes=self._config.max_bytes)

    def _listings(self) -> Iterator[Listing]:
        wanted = self._wanted()
        found = 0
        for place, row in _rows(self._config.csv, wanted):
            found += 1
            try:
                listing = self._listing(row, "" if wanted is None else wanted[row["ImageID"]])
            except ValueError as error:
                raise SourceError(f"{place}, {error}; fetch the file again") from error
            yield listing
        if wanted is not None and not found:
            raise SourceError(
                f"{self._config.csv}: none of the {len(wanted)} wanted images is in it; correct the paths"
            )
        if wanted is not None and found < len(wanted):
            missing = len(wanted) - found
            _LOG.warning("%s: %d of %d wanted images are not in it", self._config.csv, missing, len(wanted))

    def _wanted(self) -> dict[str, str] | None:
        """Class by id of the images that are wanted; None for all."""
        config = self._config
        ids = read_ids(config.ids) if config.ids else None
        if not config.classes:
            return None if ids is None else dict.fromkeys(ids, "")
        labels = find_labels(config.classes, config.class_descriptions)
        first: dict[str, int] = {}
        for path, found in (
            (config.image_labels, read_image_labels(config.image_labels, labels, ids, config.min_confidence)),
            (config.boxes, read_boxes(config.boxes, labels, ids, config.without)),
        ):
            if path:
                for image, position in found:
                    first[image] = min(position, first.get(image, position))
        if not first:
            files = " and ".join(path for path in (config.image_labels, config.boxes) if path)
            raise SourceError(f"{files}: no wanted image bears {' or '.join(config.classes)}; correct the classes")
        return {image: config.classes[position] for image, position in first.items()}

    def _listing(self, row: dict[str, str], class_label: str) -> Listing:
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
            class_label=class_label,
            rotation=_rotation(row["Rotation"]),
        )


def _rows(path: str, wanted: Container[str] | None) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of an image-metadata file whose ids are wanted (None: all), each with its place for errors.

    Raises:
        SourceError: there is no such file, its header is another one, or a row is broken.
    """
    with open_file(path, compression="infer") as stream:
        lines = csv.reader(read_lines(stream, path))
        try:
            _check_header(path, next(lines, []))
            for fields in filter(None, lines):  # a blank line has no fields
                if len(fields) != len(HEADER):
                    raise SourceError(
                        f"{path}: line {lines.line_num}: {len(fields)} columns, {len(HEADER)} are expected; "
                        "fetch the file again"
                    )
                if wanted is None or fields[0] in wanted:
                    yield f"{path}: line {lines.line_num}", dict(zip(HEADER, fields, strict=True))
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
