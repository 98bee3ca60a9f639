"""ImageNet-1k as its publisher ships it: the training tar of tars, or the flat validation tar. Nothing is unpacked."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from sources.base import Fetched, Listing, SourceName, SourceSettings, accept
from sources.choosing import choose
from sources.files import open_file
from sources.tars import TarMember, walk

_CLASS_TAR = r"n\d{8}\.tar"
_TRAIN_IMAGE = r"{wnid}_[\w.-]+\.(?i:jpeg)"
_VALIDATION_IMAGE = r"ILSVRC2012_val_\d{8}\.JPEG"


class ImageNetConfig(SourceSettings):
    """One of the two image tars of ILSVRC2012."""

    type: Literal["imagenet"] = "imagenet"
    name: SourceName = "imagenet"
    path: str = Field(description="ILSVRC2012_img_train.tar or ILSVRC2012_img_val.tar: a path or fsspec URL")
    split: Literal["train", "validation"] = Field(default="train", description="which of the two tars it is")
    license: str = Field(default="", description="licence of the images, as it is recorded")

    @model_validator(mode="after")
    def _classes_known(self) -> Self:
        if self.split == "validation" and self.limit_per_class is not None:
            raise ValueError("limit_per_class: the validation tar names no classes; use limit")
        return self

    def open(self) -> "ImageNet":
        """The source that these settings describe."""
        return ImageNet(self)


class ImageNet:
    """A `Source` over an ImageNet tar: images are read in place, at the offsets that the tars' headers give."""

    def __init__(self, config: ImageNetConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images in the order of the tar, within the limits; only headers are read.

        Raises:
            SourceError: there is no such tar, it is cut off or damaged, or a member's name is not as published.
        """
        return choose(self._listings(), self._config)

    def fetch(
        self,
        listings: Sequence[Listing],
        workdir: Path,  # noqa: ARG002 - nothing is put down on the way
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the members, in the order of the listings.

        Raises:
            SourceError: the tar is gone, or shorter than when it was listed.
        """
        with open_file(self._config.path) as stream:
            for listing in listings:
                try:
                    yield listing, accept(listing, self._read(stream, listing), self.name)
                except RejectedItem as rejection:
                    yield listing, rejection

    def _listings(self) -> Iterator[Listing]:
        with open_file(self._config.path) as stream:
            yield from self._train(stream) if self._config.split == "train" else self._validation(stream)

    def _train(self, stream: BinaryIO) -> Iterator[Listing]:
        path = self._config.path
        for tar in walk(stream, path):
            _check_name(tar, _CLASS_TAR, path, "<wnid>.tar")
            wnid = tar.name.removesuffix(".tar")
            label = f"{path}: {tar.name}"
            for member in walk(stream, label, start=tar.offset, size=tar.size):
                _check_name(member, _TRAIN_IMAGE.format(wnid=wnid), label, f"{wnid}_<number>.JPEG")
                yield self._listing(member, f"{wnid}/{member.name}", wnid)

    def _validation(self, stream: BinaryIO) -> Iterator[Listing]:
        for member in walk(stream, self._config.path):
            _check_name(member, _VALIDATION_IMAGE, self._config.path, "ILSVRC2012_val_<8 digits>.JPEG")
            yield self._listing(member, member.name, "")

    def _listing(self, member: TarMember, source_id: str, wnid: str) -> Listing:
        return Listing(
            source_id=source_id,
            location={"offset": member.offset, "size": member.size},
            class_label=wnid,
            license=self._config.license,
            terms="research-only",
        )

    def _read(self, stream: BinaryIO, listing: Listing) -> bytes:
        offset, size = int(listing.location["offset"]), int(listing.location["size"])
        if size > self._config.max_bytes:
            raise RejectedItem(Reason.TOO_LARGE, f"{size} bytes, max_bytes is {self._config.max_bytes}")
        stream.seek(offset)
        data = stream.read(size)
        if len(data) < size:
            raise SourceError(f"{self._config.path}: ends inside {listing.source_id}; fetch the tar again")
        return data


def _check_name(member: TarMember, pattern: str, label: str, expected: str) -> None:
    if re.fullmatch(pattern, member.name, re.ASCII) is None:
        raise SourceError(
            f"{label}: the member {member.name!r} is not named '{expected}'; "
            "check that the recipe's `split` says which of ImageNet's tars this is"
        )
