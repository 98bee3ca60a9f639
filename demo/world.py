"""The demo's image source: photographs in a folder and an Open Images list that points at a server of them.

One address in twenty is broken, each in one of five ways in turn, and a few photographs are no use to a dataset, as on
the real web. All is settled by the seed.
"""

import base64
import csv
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from demo.photographs import FLAWS, SOUND, Photograph, take_photograph
from manifests.errors import TwinsetError
from manifests.storage import Folder

# how an address may fail; None is the usual case. "wrong-digest" is the list's fault, the others the server's
FAULTS = ("missing", "silent", "html", "cut-short", "wrong-digest")
IMAGE_LIST = "open-images.csv"

_FOLDER = "photographs"
_INDEX = "world.json"
_BROKEN_EVERY = 20
_FLAWED = 0.03
_TURNED = 0.03
_ROTATION_UNKNOWN = 0.08
_NO_THUMBNAIL = 0.025
_HEADER = (
    "ImageID", "Subset", "OriginalURL", "OriginalLandingURL", "License", "AuthorProfileURL", "Author", "Title",
    "OriginalSize", "OriginalMD5", "Thumbnail300KURL", "Rotation",
)  # fmt: skip
_LICENCE = "https://creativecommons.org/licenses/by/2.0/"
_AUTHORS = ("Mira Solberg", "Okafor, Chidi", 'Tom "Shutter" Reyes', "Zoë Lindqvist", "=cmd", "<b>Ines</b>")
_TITLES = ("IMG_{number:04d}", "still life, no. {number}", 'the "good" one', "two lines\nof title {number}", "☀ study")


@dataclass(frozen=True)
class Entry:
    """One address of the demo world.

    ``file`` is the photograph's name in the folder; ``fault`` one of ``FAULTS`` or None; ``rotation`` the text that
    the list gives, empty where unknown.
    """

    image_id: str
    file: str
    size: int
    md5: str
    fault: str | None
    rotation: str
    author: str
    title: str
    thumbnail: bool

    @property
    def path(self) -> str:
        """Path of the image's address on the server."""
        return f"/photos/{self.image_id}_o{Path(self.file).suffix}"


def write_world(directory: Path, count: int, seed: int = 0) -> tuple[Entry, ...]:
    """Render ``count`` photographs into ``directory``, or find them there; the second repeats the first's bytes.

    Raises:
        TwinsetError: the folder holds another demo world.
    """
    if (directory / _INDEX).exists():
        made_as = json.loads((directory / _INDEX).read_text("utf-8"))
        if (made_as["count"], made_as["seed"]) != (count, seed):
            raise TwinsetError(
                f"{directory}: holds a demo world of {made_as['count']} photographs with seed {made_as['seed']}, not "
                f"{count} with seed {seed}; remove it or name another folder"
            )
        return read_world(directory)
    (directory / _FOLDER).mkdir(parents=True, exist_ok=True)
    entries = [_write_photograph(directory, seed, number) for number in range(count)]
    if count > 1:
        entries[1] = _as_duplicate(directory, entries[1], of=entries[0])
    index = {"count": count, "seed": seed, "entries": [asdict(entry) for entry in entries]}
    # last and whole: whoever finds the index finds all photographs
    Folder.at(str(directory)).write(_INDEX, json.dumps(index, ensure_ascii=False, indent=1).encode())
    return tuple(entries)


def read_world(directory: Path) -> tuple[Entry, ...]:
    """The entries that :func:`write_world` wrote.

    Raises:
        TwinsetError: there is no demo world in ``directory``.
    """
    index = directory / _INDEX
    if not index.exists():
        raise TwinsetError(f"{index}: no such file; write the demo world into this folder first")
    return tuple(Entry(**entry) for entry in json.loads(index.read_text("utf-8"))["entries"])


def photograph_path(directory: Path, entry: Entry) -> Path:
    """The file whose bytes an entry's address gives when it works."""
    return directory / _FOLDER / entry.file


def write_image_list(directory: Path, base_url: str) -> Path:
    """Write the Open Images metadata CSV of the world in ``directory``, for a server at ``base_url``."""
    path = directory / IMAGE_LIST
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_HEADER)
        for entry in read_world(directory):
            writer.writerow(_row(entry, base_url))
    return path


def _row(entry: Entry, base_url: str) -> tuple[str, ...]:
    user = hashlib.sha256(entry.author.encode()).hexdigest()[:10]
    md5 = base64.b64encode(hashlib.md5(b"another picture", usedforsecurity=False).digest()).decode()
    return (
        entry.image_id,
        "train",
        base_url + entry.path,
        f"https://photographs.example/{user}/{entry.image_id}",
        _LICENCE,
        f"https://photographs.example/{user}",
        entry.author,
        entry.title,
        str(entry.size),
        md5 if entry.fault == "wrong-digest" else entry.md5,
        f"{base_url}/thumbnails/{entry.image_id}.jpg" if entry.thumbnail else "",
        entry.rotation,
    )


def _write_photograph(directory: Path, seed: int, number: int) -> Entry:
    rng = np.random.default_rng([seed, 8, number])
    flaw = str(rng.choice(FLAWS)) if rng.random() < _FLAWED else SOUND
    turn = int(rng.choice((90, 180, 270))) if rng.random() < _TURNED else 0
    photograph = take_photograph(seed * 1_000_000 + number, flaw, turn)
    image_id = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:16]
    file = image_id + photograph.suffix
    (directory / _FOLDER / file).write_bytes(photograph.data)
    return Entry(
        image_id=image_id,
        file=file,
        size=len(photograph.data),
        md5=base64.b64encode(hashlib.md5(photograph.data, usedforsecurity=False).digest()).decode(),
        fault=_fault(number),
        rotation=_rotation_text(photograph, turn, rng),
        author=str(rng.choice(_AUTHORS)),
        title=str(rng.choice(_TITLES)).format(number=number),
        thumbnail=bool(rng.random() >= _NO_THUMBNAIL),
    )


def _fault(number: int) -> str | None:
    if number % _BROKEN_EVERY != _BROKEN_EVERY - 1:
        return None
    return FAULTS[number // _BROKEN_EVERY % len(FAULTS)]


def _rotation_text(photograph: Photograph, turn: int, rng: np.random.Generator) -> str:
    """What the list says; it may be silent about a photograph that is upright or whose EXIF tells, never otherwise."""
    if turn == 0 and rng.random() < _ROTATION_UNKNOWN:
        return ""
    return f"{float(photograph.rotation)}"


def _as_duplicate(directory: Path, entry: Entry, of: Entry) -> Entry:
    """The entry with the photograph of another one, under its own id."""
    photograph_path(directory, entry).unlink()
    file = entry.image_id + Path(of.file).suffix
    (directory / _FOLDER / file).write_bytes(photograph_path(directory, of).read_bytes())
    return Entry(
        image_id=entry.image_id,
        file=file,
        size=of.size,
        md5=of.md5,
        fault=entry.fault,
        rotation=of.rotation,
        author=entry.author,
        title=entry.title,
        thumbnail=entry.thumbnail,
    )
