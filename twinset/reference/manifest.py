"""The reference of the manifest: its records, its tables, and what its version promises."""

from collections.abc import Mapping
from typing import Any

from manifests.header import Header, ShardInfo
from manifests.index import Index, IndexedFile
from manifests.records import (
    SCHEMA_VERSION,
    Caption,
    Encoding,
    ExistingFake,
    Fake,
    Frame,
    ImageFacts,
    JpegCoding,
    Lora,
    Mask,
    Member,
    Pair,
    Reject,
    SourceImage,
)
from manifests.tables import CREDITS, MANIFEST_COLUMNS, PROVENANCE_COLUMNS
from manifests.tombstones import Tombstone
from twinset.reference.tables import Model, anchor, fields_table, summary

_RECORDS: dict[str, Model] = {
    "Header": Header,
    "Shard": ShardInfo,
    "Pair": Pair,
    "Image": SourceImage,
    "Existing fake": ExistingFake,
    "Facts": ImageFacts,
    "Frame": Frame,
    "Caption": Caption,
    "Fake": Fake,
    "Mask": Mask,
    "LoRA": Lora,
    "Encoding": Encoding,
    "Member": Member,
    "Reject": Reject,
    "Tombstone": Tombstone,
    "Index": Index,
    "Indexed file": IndexedFile,
}

_INTRODUCTION = f"""# The manifest

What a dataset is made of, and all that is needed to make it again. JSON is UTF-8, its keys are sorted, numbers that are no
numbers are refused; a line ends with `\\n`. The bytes of `manifest.jsonl` follow from the recipe and its inputs: times, durations
and machines stand in `provenance.parquet` alone.

| file | a line or row each | |
|---|---|---|
| `manifest.jsonl` | one [header](#header), then the [pairs](#pair) | train, validation, test, each by view in the header's order; of one view by key (of merged datasets, one dataset after the other) |
| `manifest.parquet` | the pairs | [columns](#manifestparquet) to filter by; `record` is the line of the manifest |
| `rejects.jsonl` | [rejects](#reject) | in the order of the stages |
| `tombstones.jsonl` | [tombstones](#tombstone) | where images were taken down |
| `provenance.parquet` | chunks of the build | [columns](#provenanceparquet); the one file that differs from build to build |
| `shards/*.tar` | samples | WebDataset: `<pair_id>.<member>.jpg` (or `.png`), `<pair_id>.json`, flat and of fixed types |
| `ATTRIBUTION.csv` | images of the sources | {", ".join(f"`{column}`" for column in CREDITS)} |
| `index.json` | | an [index](#index) of every other file; `index.sha256` is its digest |

```python
from twinset import load

dataset = load("mine")
dataset.header.recipe["name"], next(dataset.pairs()).caption.cleaned
```

This page is written from the code: `twinset reference manifest > docs/manifest.md`.

## Versions

`schema_version`, in the header, is {SCHEMA_VERSION}. It stands for the header, the records and the names of the files.

- **Within a version** fields are added and never renamed, removed or given another meaning. A field that is added has a default
  which says what older datasets did, so newer programs read older manifests as they are.
- **A field that a program does not know is refused**, and the message names it: the dataset was written by a newer twinset of
  the same version, and what it says there cannot be left out without saying something else. Install the newer one.
- **A new version** comes where a field changes its meaning or goes. Programs read all versions up to their own, and refuse a
  newer one by its number before they look at anything else.
- **A rebuild** writes the version of the program that does it.
- **Values** of `reason`, `method`, `format` and their like may become more within a version. What reads them should expect that.
"""


def manifest_reference() -> str:
    """The page `docs/manifest.md`."""
    headings = {model.__name__: heading for heading, model in _RECORDS.items()}
    blocks = [_INTRODUCTION]
    for heading, model in _RECORDS.items():
        blocks.append("\n".join([f"## {heading}", "", summary(model), "", *fields_table(model, _linked(headings)), ""]))
    blocks += [
        _columns("manifest.parquet", "Images that stand alone have `label`, too: 0 real, 1 fake.", MANIFEST_COLUMNS),
        _columns("provenance.parquet", "When each chunk was made.", PROVENANCE_COLUMNS),
    ]
    return "\n".join(blocks)


def _linked(headings: Mapping[str, str]) -> Any:
    def link(model: str) -> str:
        if model == JpegCoding.__name__:
            return "table"
        heading = headings.get(model)
        return f"[{heading.lower()}](#{anchor(heading)})" if heading else f"`{model}`"

    return link


def _columns(file: str, note: str, columns: Any) -> str:
    rows = [f"| `{column.name}` | {column.type} |" for column in columns]
    return "\n".join([f"## {file}", "", note, "", "| column | type |", "|---|---|", *rows, ""])
