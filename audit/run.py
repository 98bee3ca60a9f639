"""The audit of a dataset: every probe, and what follows from them."""

from collections.abc import Iterable, Iterator

from audit.battery import battery
from audit.config import AuditConfig
from audit.embedding import Embedder
from audit.evidence import Evidence, ForeignImage, gather, gather_foreign
from audit.match import MatchCollector
from audit.null_control import NullControl
from audit.probes.recaption import missing_recaptions, recaption_probes
from audit.recaption import NoRecaptioner, RecaptionCollector, Recaptioner
from audit.remedies import remedy
from audit.report import AuditReport, Match, Probe, audit_report
from audit.second_look import Wish, second_look, share_of_all, share_of_each_view
from audit.spectra import spectra
from audit.text_match import text_matches
from manifests.dataset import Dataset
from manifests.errors import RejectedItem
from pixels.decode import decode


def audit(
    dataset: Dataset,
    config: AuditConfig,
    *,
    null_control: NullControl | None = None,
    embedder: Embedder | None = None,
    recaptioner: Recaptioner | NoRecaptioner | None = None,
    workers: int = -1,
) -> AuditReport:
    """Ask whether anything but their origin tells the reals of a paired dataset from its fakes.

    Args:
        dataset: the dataset; its samples are read once, and once more for match quality.
        config: the settings.
        null_control: pictures, and the rules of the recipe under which they are framed and aligned; without it the null
            control is left out.
        embedder: what measures match quality; without it the images' is left out.
        recaptioner: what is asked for captions again, or why nobody is; without it the report says nothing of them.
        workers: processes; -1 for as many as there are processors. The answer does not depend on it.

    Raises:
        DatasetError: the dataset cannot be read.
    """
    evidence = gather(dataset, config, workers=workers)
    probes = battery(evidence, config, workers=workers)
    if null_control is not None:
        probes += [_with_remedy(probe, null_control) for probe in null_control.probes(config)]
    if isinstance(recaptioner, NoRecaptioner):
        probes.append(missing_recaptions(recaptioner))
        recaptioner = None
    recaptioned, match = _second_look(dataset, config, embedder, recaptioner)
    return _report(evidence, probes + recaptioned, match)


def _second_look(
    dataset: Dataset, config: AuditConfig, embedder: Embedder | None, recaptioner: Recaptioner | None
) -> tuple[list[Probe], tuple[Match, ...]]:
    """What is found when some pairs are looked at whole: the re-caption probes, and match quality."""
    wishes = []
    matches = MatchCollector(embedder, config.seed) if embedder is not None else None
    recaptions = RecaptionCollector(recaptioner) if recaptioner is not None else None
    if matches is not None:
        wishes.append(Wish(share_of_all(dataset, config.max_pairs), matches.take))
    if recaptions is not None:
        wishes.append(Wish(share_of_each_view(dataset, config.recaption_pairs), recaptions.take))
    second_look(dataset, config.seed, wishes)
    match = matches.matches() if matches is not None else ()
    if recaptions is None or recaptioner is None:
        return [], match
    found = recaptions.found()
    return list(recaption_probes(found, config)), (*match, *text_matches(found, recaptioner.name, config))


def audit_foreign(
    items: Iterable[ForeignImage],
    config: AuditConfig,
    embedder: Embedder | None = None,
    *,
    workers: int = -1,
) -> AuditReport:
    """Ask the same of labelled images that are no pairs; those that cannot be read are counted and named.

    Args:
        items: the images; gone through once.
        config: the settings.
        embedder: what measures how captions fit their images, where there are captions.
        workers: processes; -1 for as many as there are processors. The answer does not depend on it.
    """
    collector = None
    if embedder is not None and embedder.texts(["a caption"]) is not None:
        collector = MatchCollector(embedder, config.seed)
        items = _collected(items, collector, config.max_pairs)
    evidence = gather_foreign(items, config, workers=workers)
    probes = battery(evidence, config, workers=workers)
    return _report(evidence, probes, collector.matches() if collector is not None else ())


def _report(evidence: Evidence, probes: list[Probe], match: tuple[Match, ...]) -> AuditReport:
    return audit_report(
        tuple(probes), evidence.count, kind=evidence.kind, spectra=tuple(spectra(evidence.measured)), match=match
    )


def _with_remedy(probe: Probe, null_control: NullControl) -> Probe:
    if probe.verdict not in ("fail", "warn") or probe.remedy:
        return probe
    # where nothing is aligned, no frame is small enough
    asked = probe.name if null_control.alignment.mode == "aligned" else "headers"
    return probe.model_copy(update={"remedy": remedy(asked, "", "paired")})


def _collected(items: Iterable[ForeignImage], collector: MatchCollector, most: int) -> Iterator[ForeignImage]:
    """The items, of which the first `most` with captions and pixels are shown to the collector on their way."""
    shown = 0
    for item in items:
        if shown < most and item.caption:
            try:
                name = "real" if item.label == 0 else item.generator or "fake"
                collector.add({name: decode(item.data)}, item.caption)
                shown += 1
            except RejectedItem:
                pass  # counted as unreadable where its pixels are looked at
        yield item
