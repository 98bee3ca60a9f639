"""align: the members of each pair, with the history and the final encoding that the manifest records."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flows.rebuilding.frame import FrameStage, framed
from flows.rebuilding.generate import generate_stages
from flows.rebuilding.listing import ListStage, RebuildMap
from flows.rebuilding.reals import RealsStage
from flows.rebuilding.records import CutReal, FetchedReal, RemadePair
from flows.records import GeneratedFake, entry_name
from flows.stages.align import encoder_versions
from flows.stages.base import BuildStage
from manifests.chunk_writer import ChunkWriter
from manifests.errors import RejectedItem
from manifests.header import Header
from manifests.records import IMAGE, REAL, JpegCoding, Member, Pair, Stage
from pixels.align import History, align_pair, align_single
from pixels.arrays import Pixels
from pixels.decode import decode, open_image
from pixels.encode import png
from pixels.naive import naive_pair


class AlignStage(RebuildMap):
    """Aligns one chunk of pairs, or stores them as the naive mode does."""

    label: ClassVar[Stage] = "align"

    def settings(self) -> Any:
        """The mode, what members must not be, the quantisation tables, and the encoders."""
        recipe = self.build.recipe
        predicates = recipe.screen.predicates.model_dump(mode="json")
        alignment = recipe.alignment.model_dump(mode="json")
        return [alignment, predicates, self.build.header.jpeg_tables, encoder_versions()]

    def upstream(self) -> Sequence[BuildStage]:
        """The last generator's survivors, all generators, the windows, the reals and the pairs."""
        generators = generate_stages(self.build)
        others = (FrameStage(self.build), RealsStage(self.build), ListStage(self.build))
        return (generators[-1], *generators[:-1], *others) if generators else others

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Align each pair whose fakes have all been made."""
        pairs = self.published(index)
        generators = generate_stages(self.build)
        fakes = [
            {record.pair_id: record for record in stage.store.records(index, GeneratedFake)} for stage in generators
        ]
        frames, reals = FrameStage(self.build).store, RealsStage(self.build).store
        cuts = {record.pair_id: record for record in frames.records(index, CutReal)}
        originals = {record.pair_id: record for record in reals.records(index, FetchedReal)}
        for pair_id in fakes[-1] if fakes else cuts:
            chunk.seen += 1
            record = pairs[pair_id]
            made = [(stage, answers[pair_id]) for stage, answers in zip(generators, fakes, strict=True)]
            natives = {
                stage.generator: decode(stage.store.read_blob(answer.native))
                for stage, answer in made
                if answer.native is not None
            }
            try:
                members = self._members(record.pair, cuts[pair_id], originals[pair_id], natives)
            except RejectedItem as rejected:
                chunk.reject(pair_id, rejected)
                continue
            remade = record.pair.model_copy(
                update={
                    "fakes": {answer.fake.generator: answer.fake for _, answer in made if answer.fake is not None},
                    "members": {name: _member(data) for name, data in members.items()},
                }
            )
            entries = {name: f"{entry_name(pair_id, record.pair.fakes.get(name))}.{name}" for name in members}
            blobs = {name: chunk.blob(entries[name], data) for name, data in members.items()}
            chunk.add(RemadePair(line=record.line, pair=remade, blobs=blobs))

    def _members(
        self, pair: Pair, cut: CutReal, original: FetchedReal, fakes: Mapping[str, Pixels]
    ) -> dict[str, bytes]:
        rules = self.build.recipe.alignment
        if pair.is_single:
            return {IMAGE: self._single(pair, cut, original, next(iter(fakes.values()), None))}
        if rules.mode == "naive":
            data = RealsStage(self.build).store.read_blob(original.blob)
            return naive_pair(data, fakes, rules.naive, pair.facts)
        return align_pair(
            framed(FrameStage(self.build).store, cut, pair),
            fakes,
            pair.facts,
            pair.frame,
            recorded_history(pair, self.build.header),
            pair.encoding,
            predicates=self.build.recipe.screen.predicates,
            existing=[name for name, fake in pair.fakes.items() if fake.method == "retrieve"],
        )

    def _single(self, pair: Pair, cut: CutReal, original: FetchedReal, generated: Pixels | None) -> bytes:
        """The bytes of an image that stands alone: one that was made from a prompt, or an existing one."""
        rules = self.build.recipe.alignment
        if rules.mode == "naive":
            if generated is not None:
                return png(generated)
            data = RealsStage(self.build).store.read_blob(original.blob)
            return naive_pair(data, {}, rules.naive, pair.facts)[REAL]
        if generated is None:
            generated = framed(FrameStage(self.build).store, cut, pair).shown
        return align_single(generated, pair.frame, pair.encoding, self.build.recipe.screen.predicates)


def recorded_history(pair: Pair, header: Header) -> History:
    """The passes through JPEG that a pair's line and its manifest's header name."""
    facts = pair.facts
    own = header.coding(facts.jpeg_tables, facts.subsampling) if facts.jpeg_tables else None
    pool: JpegCoding | None = None
    if pair.frame.framing == "scene" and pair.jpeg_tables:
        pool = header.coding(pair.jpeg_tables, pair.jpeg_subsampling)
    return History(own=own, pool=pool)


def _member(data: bytes) -> Member:
    image = open_image(data)
    return Member(sha256=hashlib.sha256(data).hexdigest(), size=len(data), width=image.width, height=image.height)
