"""How published sets of labelled images name their folders and files."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from manifests.labelled_folders import LabelledFolder, Parts, find_labels, genimage_folders, is_genimage, plain_folders
from manifests.labels import FAKE, REAL, generator_name, label_of_class
from sources.fakes.labelled_folders import Layout

_DF40_DOMAINS = ("ff", "cdf")
_RAISE = "raise"  # the photographs that Synthbuster's prompts describe (RAISE-1k)

# how the names of folders begin; without them, any folder of photographs would pass for one of fakes
_EVALGEN = ("flux", "got", "infinity", "nova", "omnigen")
_SYNTHBUSTER = ("dalle", "firefly", "glide", "midjourney", "stable_diffusion")


def genimage() -> Layout:
    """GenImage (arXiv 2306.08571), whole, one generator of it, or tiny-genimage."""
    return Layout("GenImage's folders <generator>/{train,val}/{ai,nature}", _genimage)


def named(expected: str) -> Layout:
    """`{real,fake}` and its like, by generator, by class, by split."""
    return Layout(expected, _named)


def unnamed(expected: str) -> Layout:
    """`{real,fake}` where no folder names a generator: what lies above them is only where the set was put."""
    return Layout(expected, _unnamed)


def paired(expected: str) -> Layout:
    """As `unnamed`, where a real and its fake have the same base name."""
    return Layout(expected, _unnamed, pair=lambda path: path.stem)


def mapped(meanings: Mapping[str, str], *, pair_by_name: bool, one_generator: bool) -> Layout:
    """Folders that the recipe names: `real`, `fake`, or a fake's generator; others mean what their names say.

    Args:
        meanings: by name of a folder.
        pair_by_name: whether files of the same base name belong together.
        one_generator: whether the recipe says what made the fakes: then their folders do only if they tell several apart.
    """
    pair: Callable[[PurePosixPath], str] = (lambda path: path.stem) if pair_by_name else (lambda _: "")
    expected = "folders named {real,fake} or alike, or as `labels` says"
    return Layout(
        expected,
        lambda folders, _: _mapped(folders, meanings, one_generator=one_generator),
        pair=pair,
        named=list(meanings),
    )


def wildrf() -> Layout:
    """WildRF (arXiv 2406.09398): `{train,val}/{0_real,1_fake}` and `test/<platform>/{0_real,1_fake}`.

    Nobody knows the generators: the fakes of a platform are recorded as `wild_<platform>`.
    """
    return Layout("WildRF's folders test/{facebook,reddit,twitter}/{0_real,1_fake}", _wildrf)


def evalgen() -> Layout:
    """EvalGEN (arXiv 2505.14359): fakes alone, `<generator>/<prompt>_<k>.jpg`."""
    expected = f"EvalGEN's folders <generator>/<prompt>_<k>.jpg of {', '.join(_EVALGEN)}"
    return Layout(expected, partial(_by_generator, _EVALGEN), prompt=lambda path: path.stem.rpartition("_")[0])


def synthbuster(prompt: Callable[[PurePosixPath], str]) -> Layout:
    """Synthbuster: fakes, `<generator>/<photograph>.png`, each from a prompt that describes a photograph of RAISE-1k.

    The photographs are published elsewhere; put beside the generators in a folder named `raise...` they are the reals.

    Args:
        prompt: from an image's path to its prompt.
    """
    expected = f"Synthbuster's folders <generator>/<photograph>.png of {', '.join(_SYNTHBUSTER)}"
    return Layout(expected, partial(_by_generator, _SYNTHBUSTER), pair=lambda path: path.stem, prompt=prompt)


def df40() -> Layout:
    """DF40 (arXiv 2406.13495): `<method>/{ff,cdf}/frames/<video>/<n>.png`, or `<method>/{real,fake}/...`.

    The faces of one video belong together, whatever was done to them.
    """
    expected = "DF40's folders <method>/{ff,cdf} or <method>/{fake,real}"
    return Layout(expected, _df40, pair=_df40_video, whole_pairs=False)


def _named(folders: Collection[Parts], _: str) -> list[LabelledFolder]:
    return plain_folders(find_labels(folders))


def _unnamed(folders: Collection[Parts], root: str) -> list[LabelledFolder]:
    return [replace(place, generator="") for place in _named(folders, root)]


def _genimage(folders: Collection[Parts], root: str) -> list[LabelledFolder]:
    labels = find_labels(folders)
    return genimage_folders(labels, root) if is_genimage(labels) else []


def _mapped(folders: Collection[Parts], meanings: Mapping[str, str], *, one_generator: bool) -> list[LabelledFolder]:
    given = {name: REAL if meaning == "real" else FAKE for name, meaning in meanings.items()}
    labels = find_labels(folders, given)
    generators = {parts: meanings.get(parts[depth], "fake") for parts, (depth, _) in labels.items()}
    places = plain_folders(labels)
    told = {place.generator for place in places if place.label == FAKE}
    if one_generator and len(told) == 1 and label_of_class(min(told)) is None:
        places = [replace(place, generator="") for place in places]
    return [
        place if generators[place.parts] in ("real", "fake") else replace(place, generator=generators[place.parts])
        for place in places
    ]


def _wildrf(folders: Collection[Parts], _: str) -> list[LabelledFolder]:
    labels = find_labels(folders)
    return [
        replace(place, generator=f"wild_{place.parts[labels[place.parts].depth - 1]}") if place.generator else place
        for place in plain_folders(labels)
    ]


def _by_generator(generators: Sequence[str], folders: Collection[Parts], root: str) -> list[LabelledFolder]:
    """Folders of fakes alone, named after their generators; reals may stand beside them."""
    found = (_of_generator(generators, parts, root) for parts in folders)
    return [place for place in found if place is not None]


def _of_generator(generators: Sequence[str], parts: Parts, root: str) -> LabelledFolder | None:
    if any(label_of_class(name) == REAL or name.casefold().startswith(_RAISE) for name in parts):
        return LabelledFolder(parts, REAL)
    named = (name for name in (*parts, root) if generator_name(name).startswith(tuple(generators)))
    generator = next(named, None)
    return LabelledFolder(parts, FAKE, generator=generator) if generator is not None else None


def _df40(folders: Collection[Parts], root: str) -> list[LabelledFolder]:
    return [_of_method(parts, root) for parts in folders if _df40_kind(parts) is not None]


def _of_method(parts: Parts, root: str) -> LabelledFolder:
    kind = _df40_kind(parts) or 0
    is_real = label_of_class(parts[kind]) == REAL
    method = (root, *parts)[kind]
    domain = parts[kind] if parts[kind] in _DF40_DOMAINS else ""
    return LabelledFolder(parts, REAL if is_real else FAKE, generator="" if is_real else method, class_label=domain)


def _df40_kind(parts: Parts) -> int | None:
    """Where on the way to a folder it is said whether it holds fakes, and of which reals."""
    kinds = (i for i, name in enumerate(parts) if name in _DF40_DOMAINS or label_of_class(name) is not None)
    return next(kinds, None)


def _df40_video(path: PurePosixPath) -> str:
    folders = path.parts[:-1]
    kind = _df40_kind(folders)
    if kind is None or "frames" not in folders[kind:-1]:
        return ""
    return f"{folders[kind]}/{folders[-1]}" if folders[kind] in _DF40_DOMAINS else "/".join(folders)
