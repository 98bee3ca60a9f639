"""Which words mean real and which mean fake. Labels are read by name: publishers number the classes either way."""

import re

REAL, FAKE = 0, 1

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
        "originals",
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


def label_of_class(name: str) -> int | None:
    """0 or 1 for a word that names a class, such as `0_real`, `Fake` or `nature`; None for any other."""
    word = plain_word(name)
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
    word = plain_word(name)
    return _MODELS.fullmatch(word) is not None and not word.endswith(tuple(_REAL_WORDS))  # sdxl_real may be either


def split_of(name: str) -> str:
    """`train`, `validation` or `test` for a publisher's word for it; empty for any other word."""
    return _SPLITS.get(name.strip().casefold(), "")


def label_of_name(name: str) -> int | None:
    """0 or 1 for a word that names a class or a generator; None for any other."""
    label = label_of_class(name)
    return FAKE if label is None and is_generator(name) else label


def plain_word(name: str) -> str:
    """A name without the number in front of it (`0_real`), case and punctuation."""
    return re.sub(r"[^a-z0-9]+", "", re.sub(r"^\d+[_\- .]+", "", name.casefold()))


def generator_name(name: str) -> str:
    """A generator's name as records have it: `stable_diffusion_v1_4` for `Stable Diffusion v1.4`; empty for no letters."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
