"""The dataset's Croissant description (`croissant.json`), version 1.1 with the vocabularies for responsible AI and provenance.

https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

from manifests import canonical
from manifests.composition import Composition
from manifests.croissant_context import CONTEXT
from manifests.datasheet import MAINTENANCE, NO_PEOPLE_ASKED, PROHIBITED, USES, Audited, Withheld, limits, preprocessing
from manifests.digital_source import VOCABULARY, of_method
from manifests.header import Header
from manifests.licenses import resolve
from manifests.storage import Folder

VERSION = "http://mlcommons.org/croissant/1.1"
RAI_VERSION = "http://mlcommons.org/croissant/RAI/1.0"

_TABLE = "manifest.parquet"
_IMAGES = "images"
_COLUMNS = {
    "pair_id": "sc:Text",
    "group_id": "sc:Text",
    "split": "sc:Text",
    "view": "sc:Text",
    "source": "sc:Text",
    "source_id": "sc:Text",
    "class_label": "sc:Text",
    "caption": "sc:Text",
    "license": "sc:Text",
    "terms": "sc:Text",
    "generators": "sc:Text",
    "digital_source_types": "sc:Text",
    "url": "sc:Text",
    "sha256": "sc:Text",
    "width": "sc:Integer",
    "height": "sc:Integer",
    "shard": "sc:Text",
}


def write_croissant(
    folder: Folder,
    header: Header,
    composition: Composition,
    digests: Mapping[str, str],
    *,
    audited: Audited | None = None,
    withheld: Withheld | None = None,
) -> None:
    """Write `croissant.json`: the files with their digests, the manifest's table and the images as record sets.

    Args:
        folder: the dataset.
        header: the manifest's header.
        composition: what its pairs hold.
        digests: sha256 of the shards and of the manifest's table, by relative path.
        audited: what the audit says; None where the description is written before it.
        withheld: what is missing from the shards, if anything is.
    """
    shards = sorted(name for name in digests if name.endswith(".tar"))
    description = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [VERSION, RAI_VERSION],
        "name": header.name,
        "description": "Paired real and generated images that differ in origin only.",
        "keywords": ["real-vs-fake", "generated images", "paired images"],
        "license": _licenses(composition),
        **_responsible(header, composition, audited, withheld),
        **_provenance(header, composition),
        "distribution": [*_files(digests), *([_image_files(shards)] if shards else [])],
        "recordSet": [_pairs(), *([_images()] if shards else [])],
    }
    folder.write("croissant.json", canonical.dumps(description))


def _licenses(composition: Composition) -> list[str]:
    """Licences of the parts: an address where one is known, else the words."""
    texts = {*composition.licenses, *(text or "not stated" for _, text in composition.model_licenses)}
    resolved = (resolve(text) for text in texts)
    return sorted({license_.url or license_.name or " ".join(license_.text.split()) for license_ in resolved})


def _responsible(
    header: Header, composition: Composition, audited: Audited | None, withheld: Withheld | None
) -> dict[str, Any]:
    sources = ", ".join(sorted(composition.sources)) or "none"
    return {
        "rai:dataCollection": f"Real images from the sources {sources}; fakes generated from a model's captions of them.",
        "rai:dataCollectionType": ["Web Scraping", "Existing datasets", "Software Collection"],
        "rai:dataPreprocessingProtocol": list(preprocessing(header)),
        "rai:dataAnnotationProtocol": ["Labels follow from origin: 0 real, 1 generated. Captions are a model's."],
        "rai:machineAnnotationTools": sorted({*_captioners(header)}) or ["none"],
        "rai:dataBiases": list(limits(composition, audited, withheld)),
        "rai:dataLimitations": [PROHIBITED],
        "rai:dataUseCases": [USES],
        "rai:personalSensitiveInformation": [NO_PEOPLE_ASKED],
        "rai:dataReleaseMaintenancePlan": MAINTENANCE,
    }


def _captioners(header: Header) -> Iterable[str]:
    caption = header.recipe.get("caption")
    if isinstance(caption, Mapping) and caption.get("model"):
        yield str(caption["model"]).rsplit("/", 1)[-1]


def _provenance(header: Header, composition: Composition) -> dict[str, Any]:
    """What the images come from, and what made the fakes (W3C PROV-O)."""
    generators = [
        {
            "@type": "prov:SoftwareAgent",
            "name": name,
            "description": ", ".join(filter(None, (method, model, revision))),
            "digitalSourceType": f"{VOCABULARY}{of_method(method)}",
        }
        for name, method, model, revision in sorted(composition.generators)
    ]
    return {
        "prov:wasDerivedFrom": [{"@type": "prov:Entity", "name": name} for name in sorted(composition.sources)],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "name": f"twinset {header.twinset}",
            "prov:wasAssociatedWith": generators,
        },
    }


def _files(digests: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "encodingFormat": "application/x-tar" if name.endswith(".tar") else "application/x-parquet",
            "sha256": sha256,
        }
        for name, sha256 in sorted(digests.items())
    ]


def _image_files(shards: list[str]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": _IMAGES,
        "name": _IMAGES,
        "containedIn": [{"@id": name} for name in shards],
        "encodingFormat": "image/jpeg",
        "includes": ["*.jpg", "*.png", "*.webp"],
    }


def _pairs() -> dict[str, Any]:
    """A record a pair: the manifest's table."""
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"pairs/{column}",
            "name": column,
            "dataType": kind,
            "source": {"fileObject": {"@id": _TABLE}, "extract": {"column": column}},
        }
        for column, kind in _COLUMNS.items()
    ]
    return {"@type": "cr:RecordSet", "@id": "pairs", "name": "pairs", "key": {"@id": "pairs/pair_id"}, "field": fields}


def _images() -> dict[str, Any]:
    """A record an image: its pair, which member of it this is (`real`, or a generator), and its pixels."""

    def named(field: str, expression: str) -> dict[str, Any]:
        return {
            "@type": "cr:Field",
            "@id": f"members/{field}",
            "name": field,
            "dataType": "sc:Text",
            "source": {
                "fileSet": {"@id": _IMAGES},
                "extract": {"fileProperty": "filename"},
                "transform": {"regex": expression},
            },
        }

    return {
        "@type": "cr:RecordSet",
        "@id": "members",
        "name": "members",
        "field": [
            named("pair_id", r"^([^.]+)\."),
            named("member", r"^[^.]+\.([^.]+)\."),
            {
                "@type": "cr:Field",
                "@id": "members/content",
                "name": "content",
                "dataType": "sc:ImageObject",
                "source": {"fileSet": {"@id": _IMAGES}, "extract": {"fileProperty": "content"}},
            },
        ],
    }
