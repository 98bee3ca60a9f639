"""Images to logits: every detector is asked about the same images, in one pass, a batch in memory at a time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classifier.comparison import Candidate
from classifier.examples import Example, Scored
from classifier.images import judged_pixels
from manifests.errors import RejectedItem
from pixels.phash import phash

BATCH = 32

Pixels = NDArray[np.uint8]
Answers = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Decoded:
    """An example without its bytes, and its pixels (H, W, 3)."""

    example: Example
    pixels: Pixels


def score(
    examples: Iterable[Example], candidates: Sequence[Candidate], advance: Callable[[], None] = lambda: None
) -> tuple[Scored, Counter[str]]:
    """Ask every detector about every image that all of them take.

    Args:
        examples: the images.
        candidates: the detectors, each by another name.
        advance: called once an image.

    Returns:
        The images with their logits, and how many were left out, by reason.
    """
    smallest = max(candidate.smallest_side for candidate in candidates)
    skipped: Counter[str] = Counter()
    kept: list[Example] = []
    logits: dict[str, list[NDArray[np.float64]]] = {candidate.standing.name: [] for candidate in candidates}
    for batch in in_batches(decoded(_watched(examples, advance), smallest, skipped)):
        kept += [item.example for item in batch]
        for name, answers in ask(candidates, [item.pixels for item in batch]).items():
            logits[name].append(answers)
    gathered = {name: np.concatenate([np.empty(0), *parts]) for name, parts in logits.items()}
    return Scored.of(kept, gathered), skipped


def ask(candidates: Sequence[Candidate], images: Sequence[Pixels]) -> Answers:
    """(n,) logits by detector."""
    return {candidate.standing.name: candidate.scorer.logits(images) for candidate in candidates}


def decoded(examples: Iterable[Example], smallest: int, skipped: Counter[str]) -> Iterator[Decoded]:
    """The images whose shorter side has at least `smallest` pixels; the others are counted, by reason."""
    met: set[str] = set()
    for example in examples:
        if example.name in met:
            skipped["listed twice"] += 1
            continue
        met.add(example.name)
        if example.problem:
            skipped["unreadable"] += 1
            continue
        try:
            pixels = judged_pixels(example.data)
        except RejectedItem as error:
            skipped[str(error.reason)] += 1
            continue
        if min(pixels.shape[:2]) < smallest:
            skipped[f"smaller than {smallest} pixels"] += 1
            continue
        group = example.group or f"{phash(pixels):016x}"
        yield Decoded(replace(example, data=b"", group=group), pixels)


def in_batches(items: Iterable[Decoded]) -> Iterator[list[Decoded]]:
    """Lists of `BATCH` items; the last one may be shorter."""
    batch: list[Decoded] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _watched(examples: Iterable[Example], advance: Callable[[], None]) -> Iterator[Example]:
    for example in examples:
        yield example
        advance()
