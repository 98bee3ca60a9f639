"""reals: the bytes of the real images, exactly as they came."""

import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from flows.records import ListedImage, StoredImage
from flows.stages.base import BuildStage, MapStage, Resource, Unit
from flows.stages.listing import ListStage
from manifests import canonical
from manifests.chunk_writer import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Reject, Stage
from manifests.secrets import without_secrets
from sources.base import RETRYABLE, Fetched, Listing
from sources.config import SourceConfig
from sources.fetching.answers import ANSWERS, read_answers


class RealsStage(MapStage):
    """Fetches one chunk of a source's listings."""

    label: ClassVar[Stage] = "reals"
    unit: ClassVar[Unit] = "images"
    resource: ClassVar[Resource] = "network"

    def settings(self) -> Any:
        """Nothing beyond the listings: how fast they are fetched does not change the bytes."""
        return ""

    def upstream(self) -> Sequence[BuildStage]:
        """What is listed."""
        return (ListStage(self.build),)

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Fetch each listing of the chunk."""
        config, listings = self._listings(index)
        for listing, outcome in self._fetched(index, config, listings):
            _add(chunk, config.name, listing, outcome)

    def failed(self, index: int) -> list[str]:
        """Source ids of the chunk's items that failed for a reason that may pass."""
        return [_source_id(reject) for reject in self.store.rejects(index) if reject.reason in RETRYABLE]

    def fetch_again(self, index: int) -> None:
        """Ask again for what has failed for a reason that may pass, and keep all else of a chunk that is done.

        The chunk is then what it would be, had nothing failed. Until the answers are there it stays as it was.
        """
        started = time.time()
        config, listings = self._listings(index)
        outcomes = self._earlier(index, listings)
        failed = [place for place, outcome in enumerate(outcomes) if _may_pass(outcome)]
        answers = self._fetched(index, config, [listings[place] for place in failed])
        for place, (_, outcome) in zip(failed, answers, strict=True):
            outcomes[place] = outcome
        chunk = self.store.writer(index)
        for listing, outcome in zip(listings, outcomes, strict=True):
            _add(chunk, config.name, listing, outcome)
        self.store.commit(chunk, self.inputs(index), started)

    def note(self, index: int) -> str:
        """How many answers of which HTTP status there were (0: none came), and how many of them elsewhere."""
        answers = list(read_answers(self._answers(index)))
        if not answers:
            return ""
        status = Counter(str(answer.status) for answer in answers)
        return canonical.dumps({"redirected": sum(answer.redirected for answer in answers), "status": status}).decode()

    def _listings(self, index: int) -> tuple[SourceConfig, list[Listing]]:
        """The chunk's source and what of it the chunk holds."""
        images = list(ListStage(self.build).store.records(index, ListedImage))
        config = next(source for source in self.build.recipe.sources if source.name == images[0].source)
        return config, [Listing.from_dict(image.listing) for image in images]

    def _fetched(
        self, index: int, config: SourceConfig, listings: Sequence[Listing]
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        with tempfile.TemporaryDirectory(prefix="twinset-") as workdir:
            yield from self.build.located(config).open().fetch(listings, Path(workdir))
            answers = Path(workdir) / ANSWERS
            if answers.exists():
                self.store.folder.write(_answers_name(index), self._answers(index) + answers.read_bytes())

    def _answers(self, index: int) -> bytes:
        """What the web has answered so far; kept beside the chunk, outside the promise of equal bytes."""
        try:
            return self.store.folder.read(_answers_name(index))
        except FileNotFoundError:
            return b""

    def _earlier(self, index: int, listings: Sequence[Listing]) -> list[Fetched | RejectedItem]:
        """What became of each of the chunk's listings, in their order: a list may name one id twice."""
        kept, dropped = deque(self.store.records(index, StoredImage)), deque(self.store.rejects(index))
        outcomes: list[Fetched | RejectedItem] = []
        for listing in listings:
            if kept and _is_of(listing, kept[0]):
                stored = kept.popleft()
                outcomes.append(Fetched(self.store.stored_blob(stored.blob), stored.image))
            else:
                reject = dropped.popleft()
                outcomes.append(RejectedItem(reject.reason, reject.detail))
        return outcomes


def _add(chunk: ChunkWriter, source: str, listing: Listing, outcome: Fetched | RejectedItem) -> None:
    chunk.seen += 1
    if isinstance(outcome, RejectedItem):
        chunk.reject(f"{source}:{listing.source_id}", outcome)
    else:
        chunk.add(StoredImage(image=outcome.image, blob=chunk.blob(outcome.image.key, outcome.data)))


def _is_of(listing: Listing, stored: StoredImage) -> bool:
    return (stored.image.source_id, stored.image.url) == (listing.source_id, without_secrets(listing.url))


def _may_pass(outcome: Fetched | RejectedItem) -> bool:
    return isinstance(outcome, RejectedItem) and outcome.reason in RETRYABLE


def _answers_name(index: int) -> str:
    return f"{index:05d}.{ANSWERS}"


def _source_id(reject: Reject) -> str:
    """The source's own id of what was rejected: the source's name and a colon stand before it."""
    return reject.key.partition(":")[2]
