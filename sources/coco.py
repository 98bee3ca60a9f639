"""COCO's captioned photographs: a captions file as published; the images from a folder, a zip or the web.

The captions file is read whole: the licences stand behind the images that name them, and the captions behind both. The
largest one is 92 MB.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from manifests.errors import RejectedItem, SourceError, printable
from manifests.seeds import seed
from sources.base import Fetched, Listing, SourceName
from sources.choosing import choose
from sources.fetching.by_url import fetch_urls
from sources.fetching.downloading import FetchSettings
from sources.files import open_file
from sources.local_images import check_images, fetch_local
from sources.sizes import SizeLimits
from sources.tables.text_tables import check_utf8
from sources.terms import terms_of


class CocoConfig(SizeLimits):
    """Images of a captions file of COCO."""

    type: Literal["coco"] = "coco"
    name: SourceName = "coco"
    path: str = Field(description="captions_{train,val}{2014,2017}.json: a path or fsspec URL, .gz allowed")
    images: str = Field(default="", description="folder or zip of the images; without it they are fetched by coco_url")
    licenses: tuple[int | str, ...] = Field(
        default=(), description="licences to take, by id, name or URL as in the file's own list; all when empty"
    )
    caption: Literal["first", "random"] = Field(
        default="first", description="which of an image's five captions: that of the smallest id, or one drawn by seed"
    )
    caption_seed: int = Field(default=0, ge=0, description="another seed draws other captions")
    fetch: FetchSettings = FetchSettings()

    @model_validator(mode="after")
    def _classes_known(self) -> Self:
        if self.limit_per_class is not None:
            raise ValueError("limit_per_class: the captions files name no classes; use limit")
        return self

    def open(self) -> "Coco":
        """The source that these settings describe."""
        return Coco(self)


class Coco:
    """A `Source` over a captions file of COCO."""

    def __init__(self, config: CocoConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images of the wanted licences in the order of the file, within the limits.

        Raises:
            SourceError: there is no such file, it is no captions file, or its licences are not those that are wanted.
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
        published = _read(config.path)
        licenses = {entry.id: entry.url for entry in published.licenses}
        wanted = _wanted(published.licenses, config)
        captions: defaultdict[int, list[_Annotation]] = defaultdict(list)
        for annotation in published.annotations:
            captions[annotation.image_id].append(annotation)
        taken = 0
        for image in published.images:
            if image.license not in licenses:
                raise SourceError(f"{config.path}: image {image.id}: licence {image.license} is none of the file's")
            if image.license in wanted and config.fits(image.width, image.height):
                taken += 1
                yield self._listing(image, licenses, captions[image.id])
        if not taken:
            raise SourceError(
                f"{config.path}: licences and sizes leave none of {len(published.images)} images; correct them in the recipe"
            )

    def _listing(self, image: "_Image", licenses: Mapping[int, str], captions: "Sequence[_Annotation]") -> Listing:
        config = self._config
        license_ = licenses[image.license]
        for text in (image.file_name, image.coco_url, image.flickr_url):
            check_utf8(text, f"{config.path}: image {image.id}")
        if not config.images and not image.coco_url.startswith(("http://", "https://")):
            raise SourceError(
                f"{config.path}: image {image.id}: no http(s) coco_url; give the folder or zip of the images as `images`"
            )
        return Listing(
            source_id=str(image.id),
            location={"path": image.file_name} if config.images else {},
            url=image.coco_url,
            landing_url=image.flickr_url,
            license=license_,
            terms=terms_of(license_),
            source_caption=self._caption(image, captions),
        )

    def _caption(self, image: "_Image", captions: "Sequence[_Annotation]") -> str:
        """One of the image's captions; empty where it has none."""
        if not captions:
            return ""
        config = self._config
        ordered = sorted(captions, key=lambda annotation: annotation.id)
        drawn = 0 if config.caption == "first" else seed("coco-caption", config.caption_seed, image.id) % len(ordered)
        check_utf8(ordered[drawn].caption, f"{config.path}: annotation {ordered[drawn].id}")
        return ordered[drawn].caption.strip()


@dataclass(frozen=True, slots=True)
class _License:
    id: int
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class _Image:
    id: int
    license: int
    file_name: str
    width: int
    height: int
    coco_url: str = ""
    flickr_url: str = ""


@dataclass(frozen=True, slots=True)
class _Annotation:
    id: int
    image_id: int
    caption: str


@dataclass(frozen=True, slots=True)
class _Captions:
    """A captions file; what else it holds is not read."""

    images: list[_Image]
    licenses: list[_License]
    annotations: list[_Annotation]


_CAPTIONS = TypeAdapter(_Captions)


def _read(path: str) -> _Captions:
    with open_file(path, compression="infer") as stream:
        data = stream.read()
    try:
        return _CAPTIONS.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SourceError(
            f"{path}: {place}: {printable(first['msg'])}; give a captions file of COCO (captions_train2017.json)"
        ) from error


def _wanted(licenses: Sequence[_License], config: CocoConfig) -> set[int]:
    """Ids of the licences that the recipe asks for."""
    found = {entry.id for entry in licenses}
    if not config.licenses:
        return found
    by_name = {str(name).lower(): entry.id for entry in licenses for name in (entry.id, entry.name, entry.url)}
    unknown = [name for name in config.licenses if str(name).lower() not in by_name]
    if unknown:
        there = ", ".join(f"{entry.id} ({printable(entry.name)})" for entry in licenses)
        raise SourceError(f"{config.path}: no licence {unknown[0]!r}, which `licenses` names; there are {there}")
    return {by_name[str(name).lower()] for name in config.licenses}
