"""headers: what the files say about themselves outside their pixels."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from audit.config import AuditConfig
from audit.evidence import HeaderTally
from audit.families import Rule
from audit.headers import Headers
from audit.learnt import learnt
from audit.parts import Part
from audit.remedies import remedy
from audit.report import Probe

_RULE = Rule(0.55, "fail")
_FORMATS = ("JPEG", "PNG", "WEBP")
# the modes that are decoded at all
_MODES = ("RGB", "L")
_FLAGS = ("progressive", "exif", "icc", "xmp", "c2pa", "text", "comment")


def paired_headers_probe(tally: HeaderTally) -> Probe:
    """Any header field in which the members of a pair differ fails the dataset."""
    fields = {name: tally.fields[name] for name in sorted(tally.fields, key=lambda name: -tally.fields[name])}
    if tally.differing:
        named = ", ".join(f"{name} ({count})" for name, count in fields.items())
        detail = f"headers differ in {tally.differing} of {tally.pairs} pairs: {named}; for example {tally.examples[0]}"
    else:
        detail = f"no header differs within any of {tally.pairs} pairs"
    return Probe(
        name="headers",
        verdict="fail" if tally.differing else "ok",
        gate=True,
        pairs=tally.pairs,
        value=tally.differing / max(tally.pairs, 1),
        fields=fields,
        examples=tuple(tally.examples),
        items=tuple(f"{pair}/real" for pair in tally.examples),
        detail=detail,
        remedy=remedy("headers", "", "paired") if tally.differing else "",
    )


def unpaired_headers_probe(part: Part, config: AuditConfig) -> Iterator[Probe]:
    """How well the header fields tell the label; above 0.55 the set fails."""
    template = Probe(
        name="headers",
        subject=part.subject,
        view=part.view,
        generator=part.generator,
        source=part.source,
        verdict="reported",
        gate=True,
        pairs=part.pairs,
    )
    yield from learnt(
        template,
        _matrix(part),
        part.labels,
        part.groups,
        config,
        rule=_RULE,
        kind="unpaired",
        words="header fields",
        names=[image.tag.name for image in part.images],
    )


def _matrix(part: Part) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    rows = [_numbers(image.headers) for image in part.images]
    names = tuple(rows[0]) if rows else ()
    return np.array([[row[name] for name in names] for row in rows], dtype=np.float32), names


def _numbers(headers: Headers) -> dict[str, float]:
    """Header fields as numbers; JPEG's are 0 in other formats."""
    tables, sampling = headers.quantisation_tables, headers.subsampling
    luma = sampling[0] if sampling else (0, 0)
    found = {
        "width": float(headers.width),
        "height": float(headers.height),
        "aspect": headers.width / headers.height,
        "bit_depth": float(headers.bit_depth),
        "quantisation_luma": float(np.mean(tables[0])) if tables else 0.0,
        "quantisation_chroma": float(np.mean(tables[-1])) if tables else 0.0,
        "subsampling_horizontal": float(luma[0]),
        "subsampling_vertical": float(luma[1]),
        "other_segments": float(len(headers.other)),
        "trailing_bytes": float(np.log1p(headers.trailing_bytes)),
    }
    found |= {name: float(getattr(headers, name)) for name in _FLAGS}
    found |= {f"format_{name}": float(headers.format == name) for name in _FORMATS}
    return found | {f"mode_{name}": float(headers.mode == name) for name in _MODES}
