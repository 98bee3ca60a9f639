"""align: the members of each pair made equal in all but their origin."""

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar

import PIL
from PIL import features

from flows.records import AlignedPair, CaptionedPair, FramedPair, GeneratedFake
from flows.stages.base import BuildStage, MapStage
from flows.stages.caption import CaptionStage
from flows.stages.frame import FrameStage, framed
from flows.stages.generate import generate_stages
from flows.stages.reals import RealsStage
from manifests.chunks import ChunkWriter
from manifests.errors import RejectedItem
from manifests.records import Encoding, Fake, Member, Stage
from pixels.align import VERSION, History, align_pair, final_encoding
from pixels.decode import decode
from pixels.naive import naive_pair
from pixels.phash import phash


class AlignStage(MapStage):
    """Aligns one chunk of pairs; in the naive mode, shows what happens when nobody does."""

    label: ClassVar[Stage] = "align"

    def settings(self) -> Any:
        """The alignment rules, what members must not be, the salt that encodings are drawn from, and the encoders."""
        recipe = self.build.recipe
        predicates = recipe.screen.predicates.model_dump(mode="json")
        return [recipe.alignment.model_dump(mode="json"), predicates, recipe.seed_salt, encoder_versions()]

    def upstream(self) -> Sequence[BuildStage]:
        """The last generator's survivors, what the pairs show and say, and all generators."""
        generators = generate_stages(self.build)
        return (generators[-1], FrameStage(self.build), CaptionStage(self.build), *generators[:-1])

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Align each pair that all of its generators have answered."""
        generators = generate_stages(self.build)
        pairs = {pair.pair_id: pair for pair in FrameStage(self.build).store.records(index, FramedPair)}
        captions = {pair.pair_id: pair for pair in CaptionStage(self.build).store.records(index, CaptionedPair)}
        fakes = [
            {record.pair_id: record for record in stage.store.records(index, GeneratedFake)} for stage in generators
        ]
        for pair_id in fakes[-1]:
            chunk.seen += 1
            answers = [(stage, by_pair[pair_id]) for stage, by_pair in zip(generators, fakes, strict=True)]
            try:
                natives = {
                    answer.fake.generator: (answer.fake, decode(stage.store.read_blob(answer.native)))
                    for stage, answer in answers
                    if answer.fake is not None and answer.native is not None
                }
                self._align(chunk, pairs[pair_id], captions[pair_id], natives)
            except RejectedItem as rejected:
                chunk.reject(pair_id, rejected)

    def _align(
        self, chunk: ChunkWriter, pair: FramedPair, captioned: CaptionedPair, natives: dict[str, tuple[Fake, Any]]
    ) -> None:
        encoding = final_encoding(self.build.recipe.alignment, pair.pair_id, self.build.recipe.seed_salt)
        members = self._members(pair, {name: pixels for name, (_, pixels) in natives.items()}, encoding)
        decoded = {name: decode(data) for name, data in members.items()}
        chunk.add(
            AlignedPair(
                pair_id=pair.pair_id,
                screened=pair.screened,
                frame=pair.frame,
                caption=captioned.caption,
                fakes={name: fake for name, (fake, _) in natives.items()},
                history=pair.history,
                encoding=encoding,
                members={
                    name: Member(
                        sha256=hashlib.sha256(data).hexdigest(),
                        size=len(data),
                        width=decoded[name].shape[1],
                        height=decoded[name].shape[0],
                    )
                    for name, data in members.items()
                },
                blobs={name: chunk.blob(f"{pair.pair_id}.{name}", data) for name, data in members.items()},
                phashes={name: f"{phash(pixels):016x}" for name, pixels in decoded.items()},
            )
        )

    def _members(self, pair: FramedPair, fakes: dict[str, Any], encoding: Encoding) -> dict[str, bytes]:
        rules, predicates = self.build.recipe.alignment, self.build.recipe.screen.predicates
        if rules.mode == "naive":
            original = RealsStage(self.build).store.read_blob(pair.screened.blob)
            return naive_pair(original, fakes, rules.naive, pair.screened.facts)
        return align_pair(
            framed(FrameStage(self.build).store, pair),
            fakes,
            pair.screened.facts,
            pair.frame,
            History(own=pair.screened.coding, pool=pair.history if pair.frame.framing == "scene" else None),
            encoding,
            predicates=predicates,
        )


def encoder_versions() -> dict[str, str]:
    """What makes the final members: other versions may give other bytes, so they are never mixed."""
    return {
        "twinset-align": VERSION,
        "pillow": PIL.__version__,
        "libjpeg-turbo": features.version_feature("libjpeg_turbo") or "none",
    }
