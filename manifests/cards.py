"""The dataset's card (`README.md`) and its Croissant description, both drawn from the manifest."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from manifests import canonical
from manifests.header import Header
from manifests.records import SPLITS, Pair
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
_MARKUP = re.compile(r"[\\`*_\[\]<>|~$&]")


@dataclass
class Composition:
    """What a card counts.

    Attributes:
        pairs: number of pairs by (split, view).
        sources: number of pairs by source.
        generators: number of fakes by (generator, method, model, revision); the method of those that a source had
            already is `existing`.
        licenses: number of pairs by the real's licence.
        terms: number of pairs by what may be done with the source image's pixels.
        singles: number of images that stand alone, by (view, label, generator); they count as pairs above.
    """

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    generators: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    licenses: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    singles: Counter[tuple[str, int, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "Composition":
        """Count the pairs of a manifest."""
        composition = cls()
        for pair in pairs:
            composition.pairs[pair.split, pair.frame.view] += 1
            composition.sources[pair.image.source] += 1
            composition.licenses[pair.image.license or "not stated"] += 1
            composition.terms.update(image.terms for image in pair.images)
            if pair.image.made is not None:
                composition.generators[pair.image.made.generator, "existing", "", ""] += 1
            if pair.is_single:
                composition.singles[pair.frame.view, pair.label, pair.generator] += 1
            for fake in pair.fakes.values():
                composition.generators[fake.generator, fake.method, fake.model, fake.revision] += 1
        return composition

    @property
    def total(self) -> int:
        """Number of pairs, and of images that stand alone."""
        return self.pairs.total()

    @property
    def has_pairs(self) -> bool:
        """Whether it has any pairs."""
        return self.total > self.singles.total()


def write_card(folder: Folder, header: Header, composition: Composition) -> None:
    """Write `README.md`: what a Hub reads at the top, what a person reads below."""
    size = next((name for limit, name in _SIZES if composition.total < limit), "1B<n<10B")
    tables = [
        _table(("split", "view", "pairs"), [(*key, count) for key, count in sorted(composition.pairs.items())]),
        _table(("source", "pairs"), sorted(composition.sources.items())),
        _table(
            ("generator", "method", "model", "revision", "fakes"),
            [(*key, count) for key, count in sorted(composition.generators.items())],
        ),
        _table(("terms of the source image", "uses"), sorted(composition.terms.items())),
        _table(("licence of the real", "pairs"), sorted(composition.licenses.items())),
    ]
    if composition.singles:
        rows = [(*key, count) for key, count in sorted(composition.singles.items())]
        tables.append(_table(("view of images that stand alone", "label", "generator", "images"), rows))
    composition_tables = "\n".join(tables)
    text = f"""---
pretty_name: {json.dumps(header.name)}
task_categories:
  - image-classification
tags:
  - real-vs-fake
  - webdataset
size_categories:
  - {size}
{_configs(header, composition)}---

# {_cell(header.name)}

{_summary(header, composition)}

## Composition

{composition_tables}
Label 0 is real, label 1 is fake. All members are free of metadata. What was dropped, and why, is in `rejects.jsonl`;
who made the photographs is in `ATTRIBUTION.csv`; every image can be made again from its line in `manifest.jsonl`.
"""
    folder.write("README.md", text.encode())


def _summary(header: Header, composition: Composition) -> str:
    """What the dataset holds, in a few sentences."""
    sentences = []
    if composition.has_pairs:
        sentences.append(
            f"Pairs of a real photograph and matched generated images, made by twinset {_cell(header.twinset)}. The members "
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
            f"Real and generated images that stand alone, gathered by twinset {_cell(header.twinset)}: nothing matches the "
            "two sides, whose\ncontent and history may differ; how far they do is in `reports/audit.json`."
        )
    return "\n\n".join(sentences)


def _configs(header: Header, composition: Composition) -> str:
    """The front matter's `configs`: a view is a configuration, with the shards of each split that has any."""
    lines = []
    for view in header.views:
        splits = [split for split in SPLITS if composition.pairs[split, view]]
        if splits:
            lines += [f"  - config_name: {json.dumps(view)}", "    data_files:"]
        for split in splits:
            lines += [f"      - split: {split}", f"        path: {_glob(header, split, view)}"]
    return "".join(f"{line}\n" for line in ["configs:", *lines]) if lines else ""


def _glob(header: Header, split: str, view: str) -> str:
    return f"shards/{split}-*.tar" if len(header.views) == 1 else f"shards/{split}-{view}-*.tar"


def _cell(text: object) -> str:
    """Text on one line that neither ends a table cell nor is markup: foreign data can put anything into it."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(text).split()))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def write_croissant(folder: Folder, header: Header, digests: dict[str, str]) -> None:
    """Write `croissant.json` (Croissant 1.1): the shards as files, the manifest's columns as a record set.

    Args:
        folder: the dataset.
        header: the manifest's header.
        digests: sha256 of the files that it lists, by relative path.
    """
    files = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "encodingFormat": "application/x-tar" if name.endswith(".tar") else "application/vnd.apache.parquet",
            "sha256": sha256,
        }
        for name, sha256 in sorted(digests.items())
    ]
    columns = ("pair_id", "group_id", "split", "view", "source", "class_label", "caption", "generators", "shard")
    fields: list[dict[str, Any]] = [
        {
            "@type": "cr:Field",
            "@id": f"pairs/{column}",
            "name": column,
            "dataType": "sc:Text",
            "source": {"fileObject": {"@id": "manifest.parquet"}, "extract": {"column": column}},
        }
        for column in columns
    ]
    description = {
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "dct": "http://purl.org/dc/terms/",
            "conformsTo": "dct:conformsTo",
            "recordSet": "cr:recordSet",
            "field": "cr:field",
            "source": "cr:source",
            "extract": "cr:extract",
            "column": "cr:column",
            "fileObject": "cr:fileObject",
            "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": header.name,
        "description": "Paired real and generated images that differ in origin only.",
        "distribution": files,
        "recordSet": [{"@type": "cr:RecordSet", "@id": "pairs", "name": "pairs", "field": fields}],
    }
    folder.write("croissant.json", canonical.dumps(description))
