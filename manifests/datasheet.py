"""The datasheet of a dataset: the questions of Gebru et al. (arXiv 1803.09010), answered from its manifest.

What no manifest can know (who may be asked, who pays) is not answered with words that sound like an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from manifests.composition import EXISTING, Composition
from manifests.digital_source import VOCABULARY, of_method
from manifests.header import Header
from manifests.licenses import resolve
from manifests.markdown import inline, table
from manifests.records import Terms

USES = (
    "Training and evaluating detectors of generated images, and measuring how much of a detector's score rests on content, "
    "framing, compression or encoding rather than on origin."
)
PROHIBITED = (
    "Do not use it to identify, track or profile people, to train a model that makes such images pass for photographs, or to "
    "accuse a person of forgery on a detector's word alone."
)
NO_PEOPLE_ASKED = "Photographs may show people who were not asked; authors are named in `ATTRIBUTION.csv` where their sources name them."
MAINTENANCE = (
    "An author or a person shown may ask for an image to be taken down: `twinset takedown` removes it with every fake that was "
    "made from it, and writes its digest into `tombstones.jsonl`, which builds and rebuilds honour."
)


@dataclass(frozen=True)
class Audited:
    """What an audit says of a dataset, for its card.

    Attributes:
        gate: `passed`, `failed` or `none`.
        pairs: how many pairs it looked at.
        probes: name, subject, verdict and value of each probe that judges, in the audit's order.
    """

    gate: str
    pairs: int
    probes: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True)
class Withheld:
    """What is published as addresses, digests and settings only.

    Attributes:
        pairs: how many by what may be done with their pixels.
        complete: how many pairs the dataset has with them.
    """

    pairs: dict[Terms, int]
    complete: int


def datasheet(
    header: Header, composition: Composition, audited: Audited | None = None, withheld: Withheld | None = None
) -> str:
    """The datasheet in Markdown: a heading a group of questions.

    Args:
        header: the manifest's first line.
        composition: what its pairs hold.
        audited: what the audit says; None where the card is written before it.
        withheld: what is missing from the shards, if anything is.
    """
    sections = {
        "Motivation": [_motivation(header)],
        "Collection": [*_collection(header, composition)],
        "Generators": [*_generators(composition)],
        "Licences": [*_licenses(composition)],
        "Preprocessing": [inline(text) for text in preprocessing(header)],
        "Audit": [*_audit(audited)],
        "Uses": [USES, f"Prohibited: {PROHIBITED}"],
        "Known limits": ["\n".join(f"- {inline(limit)}" for limit in limits(composition, audited, withheld))],
        "Distribution": [*_distribution(header, composition, withheld)],
        "Maintenance": [MAINTENANCE],
    }
    return "\n\n".join(f"## {title}\n\n" + "\n\n".join(texts) for title, texts in sections.items()) + "\n"


def _motivation(header: Header) -> str:
    return (
        "Detectors of generated images learn whatever tells the two classes of their training set apart. Here the two sides are "
        f"made alike in everything but origin, as far as that is possible and measured. The recipe is {inline(header.name)}, of "
        f"twinset {inline(header.twinset)}; the manifest's first line holds it whole."
    )


def _collection(header: Header, composition: Composition) -> Iterator[str]:
    kinds = {
        str(source.get("name")): str(source.get("type"))
        for source in header.recipe.get("sources", [])
        if isinstance(source, dict)
    }
    rows = [(name, kinds.get(name, ""), count) for name, count in sorted(composition.sources.items())]
    yield table(("source", "kind", "pairs"), rows).rstrip()
    yield (
        "Each image's address, author, licence and sha256 are in the manifest. Images that declare themselves generated, that "
        f"are taken down or that the recipe's screening drops are listed with their reasons in `rejects.jsonl`. {NO_PEOPLE_ASKED}"
    )
    caption = header.recipe.get("caption")
    if composition.has_pairs and isinstance(caption, dict):
        model = str(caption.get("model") or caption.get("source") or "")
        who = "no person wrote or checked them" if caption.get("source") == "blip" else "no model wrote them"
        yield f"Captions: {inline(model.rsplit('/', 1)[-1])} ({inline(caption.get('source', ''))}); {who}."


def _generators(composition: Composition) -> Iterator[str]:
    if not composition.generators:
        yield "None: no image is generated."
        return
    by_name: dict[str, set[str]] = {}
    for name, license_name in composition.model_licenses:
        by_name.setdefault(name, set()).add(license_name)
    rows = [
        (name, method, model, revision, license_words(by_name.get(name, set())), of_method(method), count)
        for (name, method, model, revision), count in sorted(composition.generators.items())
    ]
    yield table(("generator", "method", "model", "revision", "licence", "digital source type", "fakes"), rows).rstrip()
    yield (
        f"The digital source types are the IPTC's ({VOCABULARY}). They stand in the manifest's table and here, never in an "
        "image's own bytes."
    )


def license_words(texts: set[str]) -> str:
    """Licences in the words of a table's cell."""
    return ", ".join(sorted(resolve(text).name or text or "not stated" for text in texts)) or "not stated"


def _licenses(composition: Composition) -> Iterator[str]:
    rows = []
    for text, count in sorted(composition.licenses.items()):
        license_ = resolve(text)
        rows.append((text, license_.name or "not resolved", count))
    yield table(("licence of the real", "resolved", "pairs"), rows).rstrip()
    terms = sorted(composition.terms.items())
    yield table(("terms of the source image", "uses"), terms).rstrip()
    yield "Every image keeps the licence of its source; there is none for the whole. Who is to be named, for what, is in `ATTRIBUTION.csv`."


def preprocessing(header: Header) -> Iterator[str]:
    """What was done to the pixels, in plain text: a paragraph a view."""
    alignment = header.recipe.get("alignment")
    mode = alignment.get("mode", "aligned") if isinstance(alignment, dict) else "aligned"
    views = [
        view for view in header.recipe.get("views", []) if isinstance(view, dict) and view.get("name") in header.views
    ]
    for view in views:
        yield (
            f"View {view.get('name')}: framing {view.get('framing')}, a generator's frame of "
            f"{view.get('frame')} pixels, reduced to {view.get('size')} with {view.get('kernel')}."
        )
    if mode == "naive":
        yield "Nothing is aligned (mode naive): reals keep their own files, fakes theirs. It shows what alignment is for."
    else:
        yield (
            "All members of a pair pass the same crop, the same compression history, the same reduction and the same final "
            "encoding, whose settings the manifest records. All metadata is removed."
        )


def _audit(audited: Audited | None) -> Iterator[str]:
    if audited is None:
        yield "The audit's verdicts are in `reports/audit.json`, where there has been one."
        return
    if audited.gate == "none":
        yield "Not audited: nobody has measured what tells the two sides apart."
        return
    yield f"**{audited.gate}**, on {audited.pairs} pairs. `reports/audit.json` has all figures."
    if audited.probes:
        yield table(("probe", "part", "verdict", "value"), audited.probes).rstrip()


def limits(composition: Composition, audited: Audited | None, withheld: Withheld | None) -> Iterator[str]:
    """What a reader must know who draws conclusions from the dataset, in plain text."""
    names = sorted({name for name, *_ in composition.generators})
    yield (
        f"The fakes come from {', '.join(names) or 'no generator'}: a score here says little about other generators."
    )
    yield "What a caption leaves out, its text-to-image fakes lack, so content can differ within a pair."
    if any(method in ("retrieve", EXISTING) for _, method, *_ in composition.generators):
        yield "Some fakes are other people's images: their compression history is their own, and nothing can make it equal."
    if composition.singles:
        yield "Images that stand alone have no counterpart: content and history may tell their classes apart."
    if audited is not None and audited.gate == "failed":
        yield "The audit failed: the two sides can be told apart by something that is not their origin. Published all the same."
    if withheld is not None:
        told = ", ".join(f"{count} {terms}" for terms, count in sorted(withheld.pairs.items()))
        yield (
            f"{sum(withheld.pairs.values())} of {withheld.complete} pairs ({told}) are not in the shards; the audit was of the "
            "complete dataset."
        )


def _distribution(header: Header, composition: Composition, withheld: Withheld | None) -> Iterator[str]:
    if header.shards:
        yield (
            f"{composition.total} samples in {len(header.shards)} WebDataset shards under `shards/`; `datasets.load_dataset` "
            "reads them, a view a configuration. `twinset verify` checks every file against `index.json`."
        )
    if withheld is not None:
        yield (
            "Pairs whose source images may not be passed on are published as addresses, digests and settings: `withheld.csv` "
            "lists them, `complete.jsonl` is the manifest of all pairs, and this makes them again, as far as their sources still "
            "give the same bytes to you:"
        )
        yield "```\ntwinset rebuild complete.jsonl --out DIR\n```"
    if not header.shards and withheld is None:
        yield "The dataset is empty."
