"""Which files of a dataset belong to one of its splits, told as `datasets` tells it: by the card, else by their names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fsspec.utils import glob_translate

from manifests.errors import SourceError

_SHARD = re.compile(r"(?P<split>.+)-\d{5}-of-\d{5}[^/]*")
_CONVERTED = re.compile(
    r"(?:[^/]+/)+(?:partial-)?(?P<split>[^/]+)/\d{4,}\.parquet"
)  # as the Hub's own bot converts sets
_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_WORD = r"(?:^|[-._ 0-9]){word}(?:$|[-._ 0-9])"


def files_of_split(
    names: Sequence[str], card: Mapping[str, Any], *, subset: str, split: str, label: str
) -> tuple[str, ...]:
    """The files of one split, in alphabetical order; no file of another split is ever among them.

    The card's `configs` decide where it has some. Otherwise a file's split is what stands before `-00000-of-00008` in
    its name, or its folder where it is called `<subset>/<split>/0000.parquet`; else a word like `train` or `val` in its
    folders, else in its name. Where no file names a split, all are `train`.

    Args:
        names: paths inside the dataset.
        card: metadata of the dataset's card.
        subset: name of one of the card's `configs`, or a folder at the top; empty for the default one.
        split: which split.
        label: what the dataset is called in errors.

    Raises:
        SourceError: no such subset or split; the line names those that there are.
    """
    configs = [config for config in _list(card.get("configs")) if isinstance(config, dict) and config.get("data_files")]
    if configs:
        splits = _by_card(names, _config(configs, subset, label))
    else:
        inside = [name for name in names if name.startswith(f"{subset}/")] if subset else names
        splits = _by_name(inside)
        if not splits and subset:
            folders = sorted({name.split("/")[0] for name in names if "/" in name})
            raise SourceError(f"{label}: no subset {subset!r}; there are {', '.join(folders) or 'none'}")
    if not splits.get(split):
        found = ", ".join(sorted(name for name, files in splits.items() if name and files))
        raise SourceError(f"{label}: no Parquet files of the split {split!r}; there are {found or 'no splits at all'}")
    return tuple(sorted(splits[split]))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _config(configs: Sequence[Mapping[str, Any]], subset: str, label: str) -> Mapping[str, Any]:
    """The card's configuration of a name; without a name, its default or its only one."""
    by_name = {str(config.get("config_name", "default")): config for config in configs}
    if subset:
        wanted = [config for name, config in by_name.items() if name == subset]
    else:
        wanted = [config for name, config in by_name.items() if config.get("default") or name == "default"]
        wanted = wanted or (list(configs) if len(configs) == 1 else [])
    if not wanted:
        asked = f"no subset {subset!r}" if subset else "no default subset: set `subset`"
        raise SourceError(f"{label}: {asked}; there are {', '.join(sorted(by_name))}")
    return wanted[0]


def _by_card(names: Sequence[str], config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Files by split, as a configuration's `data_files` say: patterns, with or without a split's name."""
    folder = str(config.get("data_dir") or "").strip("/")
    splits: dict[str, list[str]] = {}
    for entry in _list(config["data_files"]):
        split, paths = (
            (str(entry.get("split", "train")), entry.get("path")) if isinstance(entry, dict) else ("train", entry)
        )
        patterns = [re.compile(glob_translate(f"{folder}/{path}" if folder else str(path))) for path in _list(paths)]
        files = splits.setdefault(split, [])
        files.extend(name for name in names if name not in files and any(pattern.match(name) for pattern in patterns))
    return splits


def _by_name(names: Sequence[str]) -> dict[str, list[str]]:
    splits: dict[str, list[str]] = {}
    for name in names:
        splits.setdefault(_split_in(name), []).append(name)
    return {"train": splits[""]} if set(splits) == {""} else splits


def _split_in(name: str) -> str:
    *folders, file = name.split("/")
    if shard := _SHARD.fullmatch(file):
        return shard["split"]
    if converted := _CONVERTED.fullmatch(name):
        return converted["split"]
    for part in (*reversed(folders), file.rpartition(".")[0]):
        for split, words in _KEYWORDS.items():
            if any(re.search(_WORD.format(word=word), part, re.IGNORECASE) for word in words):
                return split
    return ""
