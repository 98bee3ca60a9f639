"""`dataset_info` of a dataset's card: what the Hub's library finds in each view's shards, before it reads them."""

from collections.abc import Mapping
from typing import Any

from manifests.composition import Composition
from manifests.header import Header
from manifests.records import SPLITS

_EXTENSIONS = {"JPEG": "jpg", "PNG": "png"}
_TYPES = {str: "string", int: "int64", float: "float64"}


def dataset_info(header: Header, composition: Composition) -> list[dict[str, Any]]:
    """An entry a view that has samples: its fields and the number of samples of each split.

    The fields are left out where files of several formats stand side by side (mode naive): each sample then has its own.
    """
    entries = []
    for view in header.views:
        splits = [
            {"name": split, "num_bytes": composition.bytes[split, view], "num_examples": composition.pairs[split, view]}
            for split in SPLITS
            if composition.pairs[split, view]
        ]
        if splits:
            size = sum(composition.bytes[split, view] for split in SPLITS)
            features = _features(header, composition, view)
            entries.append({"config_name": view, **features, "splits": splits, "dataset_size": size})
    return entries


def _features(header: Header, composition: Composition, view: str) -> dict[str, Any]:
    formats = composition.formats.get(view, set())
    alignment = header.recipe.get("alignment")
    naive = isinstance(alignment, Mapping) and alignment.get("mode") == "naive"
    if naive or len(formats) != 1:
        return {}
    extension = _EXTENSIONS[next(iter(formats))]
    fields = sorted(composition.fields[view].items())
    return {
        "features": [
            {"name": "json", "struct": [{"name": name, "dtype": _TYPES[kind]} for name, kind in fields]},
            *({"name": f"{name}.{extension}", "dtype": "image"} for name in sorted(composition.members[view])),
            {"name": "__key__", "dtype": "string"},
            {"name": "__url__", "dtype": "string"},
        ]
    }
