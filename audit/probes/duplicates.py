"""duplicates: the same image in two splits, or under both labels."""

from collections import defaultdict
from collections.abc import Sequence

from audit.evidence import Evidence
from audit.grouping import near_duplicates
from audit.remedies import remedy
from audit.report import Kind, Probe
from audit.seen import Seen

_EXAMPLES = 4


def duplicates_probe(evidence: Evidence) -> Probe:
    """Any image that stands in two splits fails the set, by its bytes or by what it shows; reals and fakes alike.

    So does a file that is called real and fake at once. Without splits only the files are compared.
    """
    images = evidence.images
    across = [(a, b) for a, b in _same(images) if images[a].tag.split != images[b].tag.split]
    both = _under_both_labels(images, evidence.kind)
    found = [*across, *both]
    later = len({b for _, b in across})
    items = tuple(dict.fromkeys(images[index].tag.name for pair in found[:_EXAMPLES] for index in pair))
    return Probe(
        name="duplicates",
        verdict="fail" if found else "ok",
        gate=True,
        pairs=evidence.count,
        value=later / max(len(images), 1),
        items=items,
        examples=items,
        detail=_detail(images, later, len(both), items),
        remedy=remedy("duplicates", "", evidence.kind) if found else "",
    )


def _same(images: Sequence[Seen]) -> list[tuple[int, int]]:
    """Pairs of images that show the same, where the set has splits at all."""
    if len({image.tag.split for image in images}) < 2:
        return []
    return near_duplicates(images)


def _under_both_labels(images: Sequence[Seen], kind: Kind) -> list[tuple[int, int]]:
    """Pairs (real, fake) of the same bytes, one for each such file."""
    by_digest: dict[bytes, dict[int, int]] = defaultdict(dict)
    for index, image in enumerate(images):
        by_digest[image.sha256].setdefault(image.tag.label, index)
    both = [(labels[0], labels[1]) for labels in by_digest.values() if len(labels) == 2]
    # a fake that equals its own real gives nothing away
    return [(real, fake) for real, fake in both if kind == "unpaired" or images[real].tag.pair != images[fake].tag.pair]


def _detail(images: Sequence[Seen], across: int, both: int, items: Sequence[str]) -> str:
    said = []
    if across:
        said.append(f"{across} of {len(images)} images stand in another split too")
    if both:
        said.append(f"{both} files are called real and fake at once")
    if not said:
        return f"no image of {len(images)} stands in two splits"
    return f"{' and '.join(said)}; for example {' and '.join(items[:2])}"
