"""The dataset's card (`README.md`), drawn from the manifest: what a Hub reads at the top, what a person reads below."""

from typing import Any

import yaml  # type: ignore[import-untyped]

from manifests.composition import Composition
from manifests.dataset_info import dataset_info
from manifests.datasheet import Audited, Withheld, datasheet
from manifests.header import Header
from manifests.licenses import of_the_whole
from manifests.markdown import inline, table
from manifests.records import SPLITS
from manifests.storage import Folder

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)

WITHHELD = "withheld.csv"
"""Beside a published dataset: the pairs that are published without their pixels."""


def write_card(
    folder: Folder,
    header: Header,
    composition: Composition,
    audited: Audited | None = None,
    withheld: Withheld | None = None,
) -> None:
    """Write `README.md`.

    Args:
        folder: where to.
        header: the manifest's first line.
        composition: what its pairs hold.
        audited: what the audit says; None where the card is written before it.
        withheld: what is missing from the shards, if anything is.
    """
    front = yaml.safe_dump(
        _front_matter(header, composition, withheld), sort_keys=False, allow_unicode=True, width=2**16
    )
    tables = [
        table(("split", "view", "pairs"), [(*key, count) for key, count in sorted(composition.pairs.items())]),
    ]
    if composition.singles:
        rows = [(*key, count) for key, count in sorted(composition.singles.items())]
        tables.append(table(("view of images that stand alone", "label", "generator", "images"), rows))
    composition_tables = "\n".join(tables)
    text = f"""---
{front}---

# {inline(header.name)}

{_summary(header, composition)}

## Composition

{composition_tables}
Label 0 is real, label 1 is fake. All members are free of metadata. What was dropped, and why, is in `rejects.jsonl`;
who made the photographs is in `ATTRIBUTION.csv`; every image can be made again from its line in `manifest.jsonl`.

{datasheet(header, composition, audited, withheld)}"""
    folder.write("README.md", text.encode())


def _front_matter(header: Header, composition: Composition, withheld: Withheld | None) -> dict[str, Any]:
    size = next((name for limit, name in _SIZES if composition.total < limit), "1B<n<10B")
    front: dict[str, Any] = {"pretty_name": header.name}
    license_name = of_the_whole([*composition.licenses, *(text for _, text in composition.model_licenses)])
    if license_name == "other":
        front |= {"license": "other", "license_name": "of-each-part", "license_link": "ATTRIBUTION.csv"}
    elif license_name:
        front["license"] = license_name
    front |= {
        "task_categories": ["image-classification"],
        "tags": ["real-vs-fake", "webdataset", "croissant"],
        "size_categories": [size],
    }
    if configs := _configs(header, composition, withheld):
        front["configs"] = configs
    if info := dataset_info(header, composition):
        front["dataset_info"] = info
    return front


def _summary(header: Header, composition: Composition) -> str:
    """What the dataset holds, in a few sentences."""
    sentences = []
    if composition.has_pairs:
        sentences.append(
            f"Pairs of a real photograph and matched generated images, made by twinset {inline(header.twinset)}. The members "
            "of a pair share\nframing, size, compression history and final encoding; how far that holds is in "
            "`reports/audit.json`."
        )
    retrieved = sorted({name for name, method, *_ in composition.generators if method == "retrieve"})
    if retrieved:
        sentences.append(
            f"The fakes of {', '.join(retrieved)} are an exception: others made them, and they were retrieved by their "
            "prompts. Their\ncompression history is their own (`history` is `unequal`); both sides were reduced at least twice."
        )
    if composition.singles:
        sentences.append(
            f"Real and generated images that stand alone, gathered by twinset {inline(header.twinset)}: nothing matches the "
            "two sides, whose\ncontent and history may differ; how far they do is in `reports/audit.json`."
        )
    return "\n\n".join(sentences)


def _configs(header: Header, composition: Composition, withheld: Withheld | None) -> list[dict[str, Any]]:
    """A view is a configuration, with the shards of each split that has any.

    Where no pair has its pixels here, the list of what is withheld is the only one: the Hub's library reads all
    configurations of a repository with the same reader.
    """
    configs = []
    for view in header.views:
        splits = [split for split in SPLITS if composition.pairs[split, view]]
        if splits:
            files = [{"split": split, "path": _glob(header, split, view)} for split in splits]
            configs.append({"config_name": view, "data_files": files})
    if not configs and withheld is not None:
        configs.append({"config_name": "withheld", "data_files": [{"split": "train", "path": WITHHELD}]})
    return configs


def _glob(header: Header, split: str, view: str) -> str:
    return f"shards/{split}-*.tar" if len(header.views) == 1 else f"shards/{split}-{view}-*.tar"
