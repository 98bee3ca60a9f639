"""ImageNet-1k as its publisher ships it: the training tar of tars, the flat validation tar, or either of them unpacked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError
from sources.base import Fetched, Listing, SourceName, SourceSettings
from sources.choosing import choose
from sources.files import open_file
from sources.folder import Folder, FolderConfig
from sources.image_files import accept_each, read_slice
from sources.imagenet_devkit import Devkit, read_devkit
from sources.paths import is_folder
from sources.tars import TarMember, walk

_WNID = r"n\d{8}"
_CLASS_TAR = rf"{_WNID}\.tar"
_TRAIN_IMAGE = r"{wnid}_[\w.-]+\.(?i:jpeg)"
_VALIDATION_IMAGE = r"ILSVRC2012_val_(\d{8})\.JPEG"
_FOLDERS = {"train": "train", "validation": "val"}


class ImageNetConfig(SourceSettings):
    """One of the two image sets of ILSVRC2012 that have labels."""

    type: Literal["imagenet"] = "imagenet"
    name: SourceName = "imagenet"
    path: str = Field(
        description="ILSVRC2012_img_train.tar or ILSVRC2012_img_val.tar, a path or fsspec URL; or the folder that one of them "
        "was unpacked to, or the folder above `train` and `val`"
    )
    split: Literal["train", "validation"] = Field(default="train", description="which of the two it is")
    devkit: str = Field(
        default="",
        description="ILSVRC2012_devkit_t12.tar.gz, a path or fsspec URL: the classes of the validation images, and all "
        "classes' words",
    )
    class_names: Literal["wnid", "words"] = Field(
        default="wnid",
        description="what a class is called: its WordNet id, or with a devkit the first of its words, for captions from a "
        "template; a few classes share their first word",
    )
    license: str = Field(default="", description="licence of the images, as it is recorded")

    @model_validator(mode="after")
    def _classes_known(self) -> Self:
        if self.class_names == "words" and not self.devkit:
            raise ValueError("class_names: only the devkit knows the words; give `devkit`")
        if self.split == "validation" and self.limit_per_class and not self.devkit and self.path.endswith(".tar"):
            raise ValueError("limit_per_class: the validation tar names no classes; use limit, or give `devkit`")
        return self

    def open(self) -> "ImageNet":
        """The source that these settings describe."""
        return ImageNet(self)


class ImageNet:
    """A `Source` over ImageNet: images in a tar are read in place, at the offsets that the tars' headers give."""

    def __init__(self, config: ImageNetConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images in the order of the tar or the folder, within the limits; only headers and names are read.

        Raises:
            SourceError: there is no such tar or folder, it is cut off or damaged, a name in it is not as published, or
                `limit_per_class` asks for classes that nobody tells.
        """
        return choose(self._listings(), self._config)

    def fetch(self, listings: Sequence[Listing], workdir: Path) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the images, in the order of the listings.

        Raises:
            SourceError: the tar or folder is gone, or a tar is shorter than when it was listed.
        """
        if self._is_unpacked:
            yield from self._folder().fetch(listings, workdir)
            return
        path, limit = self._config.path, self._config.max_bytes
        with open_file(path) as stream:
            yield from accept_each(
                listings, lambda listing: read_slice(stream, listing, max_bytes=limit, label=path), self.name
            )

    @cached_property
    def _is_unpacked(self) -> bool:
        return is_folder(self._config.path)

    @cached_property
    def _devkit(self) -> Devkit:
        return read_devkit(self._config.devkit) if self._config.devkit else Devkit({}, ())

    def _listings(self) -> Iterator[Listing]:
        listings = self._unpacked() if self._is_unpacked else self._tarred()
        for listing in listings:
            if self._config.limit_per_class is not None and not listing.class_label:
                raise SourceError(
                    f"{self._config.path}: nobody tells the class of {listing.source_id}; give `devkit`, or `limit` in "
                    "place of `limit_per_class`"
                )
            yield listing

    def _tarred(self) -> Iterator[Listing]:
        with open_file(self._config.path) as stream:
            members = self._train(stream) if self._config.split == "train" else self._validation(stream)
            for member, source_id, wnid in members:
                location: dict[str, str | int] = {"offset": member.offset, "size": member.size}
                yield self._listing(Listing(source_id=source_id, location=location), wnid)

    def _train(self, stream: BinaryIO) -> Iterator[tuple[TarMember, str, str]]:
        path = self._config.path
        for tar in walk(stream, path):
            _check_name(tar.name, _CLASS_TAR, path, "<wnid>.tar")
            wnid = tar.name.removesuffix(".tar")
            label = f"{path}: {tar.name}"
            for member in walk(stream, label, start=tar.offset, size=tar.size):
                _check_name(member.name, _TRAIN_IMAGE.format(wnid=wnid), label, f"{wnid}_<number>.JPEG")
                yield member, f"{wnid}/{member.name}", wnid

    def _validation(self, stream: BinaryIO) -> Iterator[tuple[TarMember, str, str]]:
        for member in walk(stream, self._config.path):
            yield member, member.name, self._class_of(member.name)

    def _unpacked(self) -> Iterator[Listing]:
        """A folder a class, as `train` has and `val` sometimes; or all of `val` in one folder."""
        found = False
        for listing in self._folder().list():
            found = True
            folder, _, name = listing.source_id.rpartition("/")
            label = f"{self._config.path}: {folder}" if folder else self._config.path
            if folder or self._config.split == "train":
                _check_name(folder, _WNID, self._config.path, "<wnid>/")
            if self._config.split == "train":
                _check_name(name, _TRAIN_IMAGE.format(wnid=folder), label, f"{folder}_<number>.JPEG")
                yield self._listing(listing, folder)
            else:
                told = self._class_of(name)
                if told and folder and told != folder:
                    raise SourceError(f"{label}: {name} is of class {told}, the devkit says; sort the images anew")
                yield self._listing(listing, folder or told)
        if not found:
            raise SourceError(f"{self._config.path}: holds no <wnid>/*.JPEG; give the tar, or the folder of its images")

    def _folder(self) -> Folder:
        path, below = self._config.path, Path(self._config.path) / _FOLDERS[self._config.split]
        return Folder(
            FolderConfig(
                name=self.name,
                path=str(below) if below.is_dir() else path,
                extensions=("jpeg",),
                max_bytes=self._config.max_bytes,
            )
        )

    def _class_of(self, name: str) -> str:
        """The WordNet id of a validation image; empty without a devkit."""
        found = _check_name(name, _VALIDATION_IMAGE, self._config.path, "ILSVRC2012_val_<8 digits>.JPEG")
        return self._devkit.of_image(int(found[1]))

    def _listing(self, listing: Listing, wnid: str) -> Listing:
        named = self._devkit.words.get(wnid, wnid) if self._config.class_names == "words" else wnid
        return replace(listing, class_label=named, license=self._config.license, terms="research-only")


def _check_name(name: str, pattern: str, label: str, expected: str) -> re.Match[str]:
    found = re.fullmatch(pattern, name, re.ASCII)
    if found is None:
        raise SourceError(
            f"{label}: the member {name!r} is not named '{expected}'; "
            "check that the recipe's `split` says which of ImageNet's sets this is"
        )
    return found
