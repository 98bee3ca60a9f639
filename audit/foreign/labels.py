"""Which words mean real and which mean fake. Labels are read by name: publishers number the classes either way."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from manifests.errors import DatasetError

REAL, FAKE = 0, 1
MAX_NAMES = 1000
"""A column with more different values holds no labels."""

_REAL_WORDS = frozenset(
    {
        "authentic",
        "camera",
        "genuine",
        "human",
        "humanmade",
        "nature",
        "natural",
        "notai",
        "original",
        "photo",
        "photograph",
        "photographs",
        "photos",
        "pristine",
        "real",
        "realphoto",
        "realphotos",
        "reals",
    }
)
_FAKE_WORDS = frozenset(
    {
        "ai",
        "aigen",
        "aigenerated",
        "aimade",
        "artificial",
        "deepfake",
        "deepfakes",
        "fake",
        "fakes",
        "forged",
        "generated",
        "machine",
        "machinegenerated",
        "notreal",
        "syn",
        "synth",
        "synthesized",
        "synthetic",
    }
)
_MODELS = re.compile(
    r"adm|biggan|cyclegan|gaugan|glide|guideddiffusion|imagen\d*|mj(v?\d+)?|progan|stargan|vqdm|wukong"
    r"|gan|diffusion|sd(xl|v?\d).*"
    r"|(dalle|deepfloyd|firefly|flux|gpt|ideogram|kandinsky|latentdiffusion|ldm|midjourney|nanobanana|pixart|playground"
    r"|qwenimage|sora|stablecascade|stablediffusion|stylegan|vqgan|wuerstchen).*"
)
_ENDINGS = ("images", "image", "imgs", "pictures", "art", "data")  # as in RealArt, AiArtData, fake_images
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_NUMBERS = {"0": 0, "1": 1, "false": 0, "true": 1}
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Labels:
    """What the values of a label column mean.

    Attributes:
        meanings: label of each value: 0 real, 1 fake.
        note: what a person should know about how they were read; empty when they were read by name.
    """

    meanings: Mapping[str, int]
    note: str = ""


def label_of_class(name: str) -> int | None:
    """0 or 1 for a word that names a class, such as `0_real`, `Fake` or `nature`; None for any other."""
    word = _word(name)
    while word:
        if word in _REAL_WORDS:
            return REAL
        if word in _FAKE_WORDS:
            return FAKE
        ending = next((ending for ending in _ENDINGS if word.endswith(ending)), "")
        if not ending:
            return None
        word = word.removesuffix(ending)
    return None


def is_generator(name: str) -> bool:
    """Whether a label is the name of a generator, such as `sdxl` or `Midjourney v6`."""
    return _MODELS.fullmatch(_word(name)) is not None


def split_of(name: str) -> str:
    """`train`, `validation` or `test` for a publisher's word for it; empty for any other word."""
    return _SPLITS.get(name.strip().casefold(), "")


def read_labels(values: Collection[str], *, column: str, place: str, given: Mapping[str, int]) -> Labels:
    """What the values of a label column mean: as it is given, else by name, else (numbers without names) by number.

    Args:
        values: the different values.
        column: the column's name: `is_real` says what a 1 means, `label` does not.
        place: the dataset, for errors.
        given: labels of names, which go before what the names mean in general.

    Raises:
        DatasetError: a value means neither real nor fake.
    """
    if not given and {value.casefold() for value in values} <= set(_NUMBERS):
        return _by_number(values, column)
    meanings = {value: given.get(value, _by_name(value)) for value in values}
    unknown = sorted(value for value, label in meanings.items() if label is None)
    if unknown:
        shown = ", ".join(repr(value) for value in unknown[:_SHOWN]) + (", ..." if len(unknown) > _SHOWN else "")
        raise DatasetError(
            f"{place}: column {column!r}: these labels are not known to mean real or fake: {shown}; say what each of "
            f"them means with label names, such as {_example(unknown[0])}, or name another label column"
        )
    return Labels({value: label for value, label in meanings.items() if label is not None})


def parse_label_names(texts: Iterable[str]) -> dict[str, int]:
    """Label names as a person writes them: `NAME=real` or `NAME=fake`, one a text.

    Raises:
        DatasetError: a text is of another form.
    """
    names: dict[str, int] = {}
    for text in texts:
        name, equals, meaning = text.rpartition("=")
        label = {"real": REAL, "fake": FAKE}.get(meaning.strip().casefold())
        if not equals or label is None:
            raise DatasetError(f"label name {text!r}: expected NAME=real or NAME=fake, such as photo=real")
        names[name.strip()] = label
    return names


def _by_name(name: str) -> int | None:
    label = label_of_class(name)
    return FAKE if label is None and is_generator(name) else label


def _by_number(values: Collection[str], column: str) -> Labels:
    meaning_of_one = label_of_class(_word(column).removeprefix("is"))
    one = FAKE if meaning_of_one is None else meaning_of_one
    note = f"column {column!r} has numbers and no names: they were read as 0 = real, 1 = fake"
    meanings = {value: one if _NUMBERS[value.casefold()] else 1 - one for value in values}
    return Labels(meanings, note if meaning_of_one is None else "")


def _word(name: str) -> str:
    """A name without the number in front of it (`0_real`), case and punctuation."""
    return re.sub(r"[^a-z0-9]+", "", re.sub(r"^\d+[_\- .]+", "", name.casefold()))


def _example(name: str) -> str:
    return f"{name}=fake"
