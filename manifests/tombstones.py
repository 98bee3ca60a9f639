"""Tombstones: which real images were taken down, so that nobody uses them again. They hold no pixels and no person's name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fsspec.core import url_to_fs
from pydantic import Field, ValidationError

from manifests import canonical
from manifests.errors import DatasetError, RejectedItem, first_complaint
from manifests.parts import AnyImage
from manifests.records import Key, Reason, Record, Sha256
from manifests.storage import Folder

TOMBSTONES = "tombstones.jsonl"


class Tombstone(Record):
    """One real image that was taken down: one line of `tombstones.jsonl`."""

    sha256: Sha256 = Field(description="of the bytes as they came")
    key: Key = Field(description="first 16 hex digits of `sha256`")
    reason: str = Field(default="", description="why, as it was given")
    source: str = Field(default="", description="the recipe's name for the source")
    source_id: str = Field(default="", description="the source's own name for the image")


@dataclass(frozen=True)
class Tombstones:
    """The images that must not be used.

    Attributes:
        by_sha256: the tombstones by the digest of the real's bytes.
    """

    by_sha256: Mapping[str, Tombstone] = field(default_factory=dict)

    @classmethod
    def of(cls, tombstones: Iterable[Tombstone]) -> "Tombstones":
        """A set of tombstones; of two for the same image the first one stays."""
        by_sha256: dict[str, Tombstone] = {}
        for tombstone in tombstones:
            by_sha256.setdefault(tombstone.sha256, tombstone)
        return cls(by_sha256)

    def __len__(self) -> int:
        return len(self.by_sha256)

    def covers(self, *images: AnyImage) -> bool:
        """Whether one of some images was taken down."""
        return any(image.sha256 in self.by_sha256 for image in images)

    def names(self, entry: str) -> bool:
        """Whether an entry (digest, key or source id) is that of an image that was taken down."""
        return any(entry in (line.sha256, line.key, line.source_id) for line in self.by_sha256.values())

    def rejection(self, *images: AnyImage) -> RejectedItem:
        """The rejection that covered images meet, wherever they are met; the first one's reason."""
        first = next(image for image in images if image.sha256 in self.by_sha256)
        return RejectedItem(Reason.TAKEN_DOWN, self.by_sha256[first.sha256].reason)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the images."""
        return frozenset(tombstone.key for tombstone in self.by_sha256.values())

    @property
    def digest(self) -> str:
        """Digest of the set, whatever the order in which it was read."""
        return canonical.digest(self._sorted())

    def _sorted(self) -> list[dict[str, str]]:
        return [self.by_sha256[sha256].model_dump() for sha256 in sorted(self.by_sha256)]

    def united(self, other: "Tombstones") -> "Tombstones":
        """The images of both; the reasons given here come first."""
        return Tombstones.of((*self.by_sha256.values(), *other.by_sha256.values()))

    def write(self, folder: Folder) -> None:
        """Write `tombstones.jsonl` into a folder, in the order of the digests."""
        folder.write(TOMBSTONES, b"".join(canonical.dumps(line) + b"\n" for line in self._sorted()))


def read_tombstones(folder: Folder) -> Tombstones:
    """The tombstones of a dataset; none where nothing was ever taken down.

    Raises:
        DatasetError: a line is not a tombstone; the message names it.
    """
    try:
        return _parsed(folder.read(TOMBSTONES), f"{folder}/{TOMBSTONES}")
    except (FileNotFoundError, NotADirectoryError):
        return Tombstones()


def fetch_tombstones(url: str) -> Tombstones:
    """The tombstones in a file at a path or fsspec URL.

    Raises:
        DatasetError: the file is missing, or a line is not a tombstone; the message names it.
    """
    try:
        fs, path = url_to_fs(url)
        data: bytes = fs.cat_file(path)
    except (OSError, ValueError, ImportError) as error:
        raise DatasetError(f"{url}: no tombstones can be read here. Give the path or URL of a {TOMBSTONES}.") from error
    return _parsed(data, url)


def _parsed(data: bytes, place: str) -> Tombstones:
    tombstones = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            tombstones.append(Tombstone.model_validate_json(line))
        except ValidationError as error:
            raise DatasetError(f"{place}, line {number}: {first_complaint(error)}.") from error
    return Tombstones.of(tombstones)
