"""reals: the bytes of the real images, which must be those that the manifest names."""

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from flows.rebuilding.archives import ArchivesStage
from flows.rebuilding.listing import ListStage, RebuildMap
from flows.rebuilding.records import FetchedReal
from flows.stages.base import BuildStage, Resource
from manifests import canonical
from manifests.chunk_writer import Blob, ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Reason, SourceImage, Stage
from sources.archives import read
from sources.base import RETRYABLE
from sources.fetching.downloading import FetchSettings, download
from sources.prompts import item_bytes

Outcome = bytes | RejectedItem


class RealsStage(RebuildMap):
    """Fetches the reals of one chunk: what an earlier run left, then archives, then the URLs."""

    label: ClassVar[Stage] = "reals"
    resource: ClassVar[Resource] = "network"

    def settings(self) -> Any:
        """Where the URLs are asked."""
        return [self.build.request.url_map, self.build.request.private_hosts]

    def upstream(self) -> Sequence[BuildStage]:
        """The manifest's pairs."""
        return (ListStage(self.build),)

    def inputs(self, index: int) -> str:
        """The chunk's pairs, and all that was found in archives."""
        return canonical.digest([super().inputs(index), ArchivesStage(self.build).store.digest(1)])

    def retry_unreachable(self) -> None:
        """Make those chunks pending again that lack a real for which a second try may succeed."""
        for marker in self.store.markers():
            if not RETRYABLE.isdisjoint(marker.rejected):
                self.store.folder.remove(f"{marker.index:05d}.done.json")

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Fetch each real of the chunk once, for all of its views, and the fakes that were retrieved."""
        pairs = self.published(index)
        images = {image.sha256: image for record in pairs.values() for image in record.pair.images}
        outcomes = self._outcomes(index, images)
        blobs: dict[str, Blob] = {}
        for pair_id, record in pairs.items():
            chunk.seen += 1
            try:
                for image in record.pair.images:
                    data = _arrived(image, outcomes[image.sha256])
                    if image.sha256 not in blobs:
                        blobs[image.sha256] = chunk.blob(image.key, data)
            except RejectedItem as rejected:
                chunk.reject(pair_id, rejected)
                continue
            found = {name: fake.retrieved for name, fake in record.pair.fakes.items() if fake.retrieved is not None}
            retrieved = {name: blobs[image.sha256] for name, image in found.items()}
            chunk.add(FetchedReal(pair_id=pair_id, blob=blobs[record.pair.image.sha256], retrieved=retrieved))

    def _outcomes(self, index: int, reals: Mapping[str, SourceImage]) -> Mapping[str, Outcome]:
        outcomes: dict[str, Outcome] = {
            sha256: data for sha256, data in self._left_by_an_earlier_run(index) if sha256 in reals
        }
        outcomes.update(
            (sha256, _checked(real, item_bytes(real.source_caption, real.source_id)))
            for sha256, real in reals.items()
            if real.is_prompt
        )
        found = ArchivesStage(self.build).found()
        for sha256 in reals:
            if sha256 not in outcomes and sha256 in found:
                outcomes[sha256] = read(found[sha256])
        by_source: dict[str, list[SourceImage]] = defaultdict(list)
        for sha256, real in reals.items():
            if sha256 not in outcomes:
                by_source[real.source].append(real)
        for source, missing in by_source.items():
            outcomes.update(self._downloaded(source, missing))
        return outcomes

    def _left_by_an_earlier_run(self, index: int) -> Iterator[tuple[str, bytes]]:
        """Bytes by their sha256: whatever run they come from, the digest says what they are."""
        try:
            records = list(self.store.records(index, FetchedReal))
        except (FileNotFoundError, ValueError):
            return
        for blob in (blob for record in records for blob in (record.blob, *record.retrieved.values())):
            try:
                data = self.store.read_blob(blob)
            except (FileNotFoundError, RejectedItem):  # cut off, or overwritten since
                continue
            yield hashlib.sha256(data).hexdigest(), data

    def _downloaded(self, source: str, reals: Sequence[SourceImage]) -> Iterator[tuple[str, Outcome]]:
        asked: list[tuple[str, SourceImage]] = []
        for real in reals:
            url = mapped(real.url, self.build.request.url_map)
            if is_web_address(url):
                asked.append((url, real))
            else:
                yield real.sha256, RejectedItem(Reason.NOT_FOUND, _no_address(url))
        if not asked:
            return
        largest = max(real.size for _, real in asked)
        urls, settings = [url for url, _ in asked], self._fetch_settings(source)
        with tempfile.TemporaryDirectory(prefix="twinset-") as workdir:
            answers = download(urls, Path(workdir), settings, max_bytes=max(largest, 1))
            for (_, real), answer in zip(asked, answers, strict=True):
                yield real.sha256, _checked(real, answer)

    def _fetch_settings(self, source: str) -> FetchSettings:
        """As the manifest's recipe says; but which hosts of one's own network may be asked, no manifest says."""
        recipe = self.build.recipe
        configs = (config for config in (*recipe.sources, *recipe.candidates) if config.name == source)
        named = (getattr(config, "fetch", None) for config in configs)
        settings = next((fetch for fetch in named if isinstance(fetch, FetchSettings)), FetchSettings())
        mapped_to = (urlsplit(new).hostname or "" for _, new in self.build.request.url_map)
        return settings.model_copy(update={"private_hosts": {*mapped_to, *self.build.request.private_hosts}})


def _arrived(image: SourceImage, outcome: Outcome) -> bytes:
    """The image's bytes. Of a pair's images it is the retrieved fake that a person could not guess to be meant."""
    if not isinstance(outcome, RejectedItem):
        return outcome
    if image.made is None:
        raise outcome
    raise RejectedItem(
        outcome.reason, f"{image.made.generator}'s image {image.url or image.source_id}: {outcome.detail}"
    )


def mapped(url: str, url_map: Sequence[tuple[str, str]]) -> str:
    """A URL with its beginning replaced by the first entry that it begins with."""
    for old, new in url_map:
        if url.startswith(old):
            return new + url.removeprefix(old)
    return url


def is_web_address(url: str) -> bool:
    """Whether a URL is http or https and names a host: nothing else of a foreign manifest is opened."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _no_address(url: str) -> str:
    return "not an http or https URL" if url else "the manifest gives no URL, and no archive holds it"


def _checked(real: SourceImage, answer: Outcome) -> Outcome:
    """The answer, if it is the real that the manifest names."""
    if isinstance(answer, RejectedItem):
        return answer
    sha256 = hashlib.sha256(answer).hexdigest()
    if sha256 == real.sha256:
        return answer
    return RejectedItem(
        Reason.DIGEST_MISMATCH,
        f"{len(answer)} bytes of sha256 {sha256[:16]}, the manifest says {real.size} of {real.sha256[:16]}",
    )
