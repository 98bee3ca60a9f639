"""retrieve: which existing fake each pair is given, told by captions and prompts alone; no image is fetched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from flows.records import CaptionedPair, ForwardedPair, FramedPair, MatchedPair
from flows.stages.base import BuildStage, ReduceStage, Resource
from flows.stages.caption import CaptionStage
from flows.stages.frame import FrameStage
from generation.config import RetrieveConfig
from generation.digests import folder_digest
from manifests.chunk_writer import ChunkWriter
from manifests.errors import RecipeError, RejectedItem
from manifests.records import Reason, Stage
from pixels.align import check_reduction

if TYPE_CHECKING:
    from generation.retrieve_matching import Match
    from sources.base import Listing


@dataclass(frozen=True)
class RetrieveStage(ReduceStage):
    """Matches the captions of all pairs with the prompts of a generator's candidates.

    Attributes:
        generator: the generator's name.
        left: the stage whose survivors are matched.
    """

    generator: str
    left: BuildStage

    label: ClassVar[Stage] = "generate"
    resource: ClassVar[Resource] = "model"

    @property
    def name(self) -> str:
        """A folder a generator."""
        return f"retrieve-{self.generator}"

    @property
    def config(self) -> RetrieveConfig:
        """The generator's configuration.

        Raises:
            RecipeError: the generator does not retrieve.
        """
        config = self.build.recipe.generator(self.generator)
        if not isinstance(config, RetrieveConfig):
            raise RecipeError(f"generators.{self.generator}: expected method = 'retrieve', found {config.method!r}")
        return config

    def settings(self) -> Any:
        """The generator, its encoder's weights, its candidates (but not how fast they are fetched), and the views."""
        recipe = self.build.recipe
        views = [view.name for view in recipe.views if self.generator in view.generators]
        candidates = recipe.candidates_of(self.config).model_dump(mode="json", exclude={"fetch"})
        return [
            self.config.model_dump(mode="json"),
            folder_digest(self.build.located(self.config).model),
            candidates,
            views,
        ]

    def upstream(self) -> Sequence[BuildStage]:
        """The survivors of the generator before this one (or the captions), and what the pairs show and say."""
        return (self.left, CaptionStage(self.build), FrameStage(self.build))

    def reduce(self) -> Iterator[ChunkWriter]:
        """As many chunks as the stage to the left has, of the same pairs."""
        chunks = [survivors(self.left, index) for index in range(self.left.count() or 0)]
        captions, rejected = self._asked(chunks)
        matches, listings = self._matched(captions) if captions else ({}, {})
        for index, pair_ids in enumerate(chunks):
            chunk = self.store.writer(index)
            for pair_id in pair_ids:
                chunk.seen += 1
                if pair_id in rejected:
                    chunk.reject(pair_id, rejected[pair_id])
                elif pair_id not in captions:
                    chunk.add(MatchedPair(pair_id=pair_id, listing=None))
                elif pair_id not in listings:
                    chunk.reject(pair_id, self._unmatched(matches[pair_id].similarity))
                else:
                    position, listing = listings[pair_id]
                    similarity = matches[pair_id].similarity
                    chunk.add(
                        MatchedPair(
                            pair_id=pair_id, similarity=similarity, position=position, listing=listing.to_dict()
                        )
                    )
            yield chunk

    def _asked(self, chunks: Sequence[Sequence[str]]) -> tuple[dict[str, str], dict[str, RejectedItem]]:
        """The captions of the pairs whose views ask for this generator, and the pairs whose reals are too small for it."""
        captions: dict[str, str] = {}
        rejected: dict[str, RejectedItem] = {}
        for index, pair_ids in enumerate(chunks):
            said = {pair.pair_id: pair for pair in CaptionStage(self.build).store.records(index, CaptionedPair)}
            shown = {pair.pair_id: pair for pair in FrameStage(self.build).store.records(index, FramedPair)}
            for pair_id in pair_ids:
                frame = shown[pair_id].frame
                if self.generator not in self.build.recipe.view(frame.view).generators:
                    continue
                try:
                    check_reduction(frame)
                    captions[pair_id] = said[pair_id].caption.cleaned
                except RejectedItem as rejection:
                    rejected[pair_id] = rejection
        return captions, rejected

    def _unmatched(self, similarity: float) -> RejectedItem:
        least = self.config.min_similarity
        if similarity < least:
            return RejectedItem(
                Reason.UNMATCHED, f"the nearest prompt has a similarity of {similarity:g}, below {least:g}"
            )
        detail = f"all prompts at least {least:g} alike are given away; the nearest has a similarity of {similarity:g}"
        return RejectedItem(Reason.UNMATCHED, detail)

    def _matched(self, captions: Mapping[str, str]) -> "tuple[dict[str, Match], dict[str, tuple[int, Listing]]]":
        """What each pair is given: the match, and the image's place in its source and its listing."""
        from flows.candidates import read_candidates
        from flows.device import device
        from generation.retrieve_matching import match
        from generation.retrieve_neighbours import open_neighbours
        from generation.retrieve_texts import TextEncoder

        encoder = TextEncoder(self.build.located(self.config), device())
        source = self.build.located(self.build.recipe.candidates_of(self.config)).open()
        candidates = read_candidates(source, encoder.vectors)
        texts = {text: row for row, text in enumerate(sorted(set(captions.values())))}
        matches = match(
            [(pair_id, texts[text]) for pair_id, text in captions.items()],
            encoder.vectors(list(texts)),
            open_neighbours(candidates.vectors, len(texts)),
            candidates.supply(self.config.max_uses),
            self.config.min_similarity,
        )
        return matches, candidates.listings(matches)


def survivors(left: BuildStage, index: int) -> list[str]:
    """Ids of the pairs that a chunk of a stage forwards."""
    return [record.pair_id for record in left.store.records(index, ForwardedPair)]
