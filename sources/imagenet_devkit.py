"""The devkit of ILSVRC2012: which class each validation image has, and the classes' words."""

import io
from dataclasses import dataclass
from typing import Any, BinaryIO

from manifests.errors import SourceError
from sources.messages import one_line
from sources.tar_files import members, open_tar

_META = "data/meta.mat"
_TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"
_LONGEST = 64 * 2**20  # bytes of a file in the devkit


@dataclass(frozen=True, slots=True)
class Devkit:
    """What the devkit says.

    Attributes:
        words: by WordNet id, the first of the words that stand for the class.
        validation: WordNet id of each validation image, in the order of the images' names.
    """

    words: dict[str, str]
    validation: tuple[str, ...]

    def of_image(self, number: int) -> str:
        """The WordNet id of validation image `number`, from 1; empty where the devkit says nothing."""
        return self.validation[number - 1] if 1 <= number <= len(self.validation) else ""


def read_devkit(url: str) -> Devkit:
    """Read `ILSVRC2012_devkit_t12.tar.gz`.

    The numbers in its list (`ILSVRC2012_ID`, 1 to 1000) are not the usual class indices: `meta.mat` maps them to WordNet
    ids.

    Args:
        url: path or fsspec URL.

    Raises:
        SourceError: it is missing, or not as published.
    """
    files: dict[str, bytes] = {}
    with open_tar(url) as stream:
        for member in members(stream, url):
            for wanted in (_META, _TRUTH):
                if member.path.endswith(wanted) and member.size <= _LONGEST:
                    files[wanted] = _read(stream, member.offset, member.size)
    for wanted in (_META, _TRUTH):
        if wanted not in files:
            raise SourceError(f"{url}: holds no {wanted}; give ILSVRC2012_devkit_t12.tar.gz")
    classes = _classes(files[_META], url)
    return Devkit(
        words={wnid: words.split(",")[0].strip() for wnid, words in classes.values()},
        validation=_validation(files[_TRUTH], {number: wnid for number, (wnid, _) in classes.items()}, url),
    )


def _read(stream: BinaryIO, offset: int, size: int) -> bytes:
    back = stream.tell()
    stream.seek(offset)
    data = stream.read(size)
    stream.seek(back)
    return data


def _classes(meta: bytes, url: str) -> dict[int, tuple[str, str]]:
    """WordNet id and words by `ILSVRC2012_ID`."""
    from scipy.io import loadmat  # noqa: PLC0415 - takes a third of the time that all sources take to import

    try:
        synsets: Any = loadmat(io.BytesIO(meta), squeeze_me=True)["synsets"]
        return {
            int(number): (str(wnid), str(words))
            for number, wnid, words in zip(synsets["ILSVRC2012_ID"], synsets["WNID"], synsets["words"], strict=True)
        }
    except Exception as error:
        raise SourceError(f"{url}: {_META} is not as published ({one_line(error)}); fetch it again") from error


def _validation(truth: bytes, wnids: dict[int, str], url: str) -> tuple[str, ...]:
    classes = []
    for line, text in enumerate(truth.decode(errors="replace").split(), start=1):
        if not text.isdecimal() or int(text) not in wnids:
            raise SourceError(f"{url}: {_TRUTH}: line {line}: {text!a:.40} is the number of no class; fetch it again")
        classes.append(wnids[int(text)])
    return tuple(classes)
