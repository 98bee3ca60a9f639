"""align: the members of each pair made equal in all but their origin."""

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar

import PIL
from PIL import features

from flows.records import AlignedPair, CaptionedPair, FramedPair, GeneratedFake, JudgedPair, entry_name
from flows.screening import denied, deny_settings
from flows.stages.base import BuildStage, MapStage
from flows.stages.caption import CaptionStage
from flows.stages.frame import FrameStage, framed
from flows.stages.generate import generate_stages
from flows.stages.reals import RealsStage
from flows.stages.safety_fakes import FakeSafetyStage, fake_safety_stages
from manifests.chunk_writer import ChunkWriter
from manifests.denied import DenyList
from manifests.errors import RejectedItem
from manifests.records import IMAGE, REAL, Encoding, Fake, Member, Stage
from pixels.align import VERSION, History, align_pair, align_single, check_reduction, final_encoding
from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.encode import png
from pixels.naive import naive_pair
from pixels.phash import phash


class AlignStage(MapStage):
    """Aligns one chunk of pairs; in the naive mode, shows what happens when nobody does."""

    label: ClassVar[Stage] = "align"

    def settings(self) -> Any:
        """The alignment rules, what members must not be, the salt of the encodings, the encoders, and the deny-lists."""
        recipe = self.build.recipe
        predicates = recipe.screen.predicates.model_dump(mode="json")
        alignment = recipe.alignment.model_dump(mode="json")
        return [alignment, predicates, recipe.seed_salt, encoder_versions(), deny_settings(self.build)]

    def upstream(self) -> Sequence[BuildStage]:
        """The last generator's survivors, what the pairs show and say, and all generators."""
        generators, captions = generate_stages(self.build), CaptionStage(self.build)
        if not generators:
            return (captions, FrameStage(self.build))
        judged = fake_safety_stages(self.build)
        return (*judged, generators[-1], FrameStage(self.build), captions, *generators[:-1])

    def process(self, index: int, chunk: ChunkWriter) -> None:
        """Align each pair that all of its generators have answered."""
        generators = generate_stages(self.build)
        pairs = {pair.pair_id: pair for pair in FrameStage(self.build).store.records(index, FramedPair)}
        captions = {pair.pair_id: pair for pair in CaptionStage(self.build).store.records(index, CaptionedPair)}
        fakes = [
            {record.pair_id: record for record in stage.store.records(index, GeneratedFake)} for stage in generators
        ]
        deny_list = denied(self.build)
        for pair_id in self._survivors(index):
            chunk.seen += 1
            answers = [(stage, by_pair[pair_id]) for stage, by_pair in zip(generators, fakes, strict=True)]
            try:
                natives = {
                    answer.fake.generator: (answer.fake, decode(stage.store.read_blob(answer.native)))
                    for stage, answer in answers
                    if answer.fake is not None and answer.native is not None
                }
                self._align(chunk, pairs[pair_id], captions[pair_id], natives, deny_list)
            except RejectedItem as rejected:
                chunk.reject(pair_id, rejected)

    def _survivors(self, index: int) -> list[str]:
        """The pairs that the stage to the left forwards."""
        left = self.upstream()[0]
        if isinstance(left, CaptionStage):
            return [record.pair_id for record in left.store.records(index, CaptionedPair)]
        if isinstance(left, FakeSafetyStage):
            return [record.pair_id for record in left.store.records(index, JudgedPair)]
        return [record.pair_id for record in left.store.records(index, GeneratedFake)]

    def _align(
        self,
        chunk: ChunkWriter,
        pair: FramedPair,
        captioned: CaptionedPair,
        natives: dict[str, tuple[Fake, Pixels]],
        deny_list: DenyList,
    ) -> None:
        encoding = final_encoding(self.build.recipe.alignment, pair.pair_id, self.build.recipe.seed_salt)
        members = self._members(pair, natives, encoding)
        decoded = {name: decode(data) for name, data in members.items()}
        phashes = {name: f"{phash(pixels):016x}" for name, pixels in decoded.items()}
        for name, hashed in phashes.items():
            deny_list.check_picture(hashed, f"member {name}")
        fakes = {name: fake for name, (fake, _) in natives.items()}

        def entry(name: str) -> str:
            return f"{entry_name(pair.pair_id, fakes.get(name))}.{name}"

        chunk.add(
            AlignedPair(
                pair_id=pair.pair_id,
                screened=pair.screened,
                frame=pair.frame,
                caption=captioned.caption,
                fakes=fakes,
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
                blobs={name: chunk.blob(entry(name), data) for name, data in members.items()},
                phashes=phashes,
            )
        )

    def _members(
        self, pair: FramedPair, natives: dict[str, tuple[Fake, Pixels]], encoding: Encoding
    ) -> dict[str, bytes]:
        rules, predicates = self.build.recipe.alignment, self.build.recipe.screen.predicates
        fakes = {name: pixels for name, (_, pixels) in natives.items()}
        if pair.frame.framing == "single":
            return {IMAGE: self._single(pair, next(iter(fakes.values()), None), encoding)}
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
            existing=[name for name, (fake, _) in natives.items() if fake.method == "retrieve"],
        )

    def _single(self, pair: FramedPair, generated: Pixels | None, encoding: Encoding) -> bytes:
        """The bytes of an image that stands alone: one that was made from a prompt, or an existing one."""
        rules, predicates = self.build.recipe.alignment, self.build.recipe.screen.predicates
        if rules.mode == "naive":
            if generated is not None:
                return png(generated)
            original = RealsStage(self.build).store.read_blob(pair.screened.blob)
            return naive_pair(original, {}, rules.naive, pair.screened.facts)[REAL]
        if generated is None:
            check_reduction(pair.frame)
            generated = framed(FrameStage(self.build).store, pair).shown
        return align_single(generated, pair.frame, encoding, predicates)


def encoder_versions() -> dict[str, str]:
    """What makes the final members: other versions may give other bytes, so they are never mixed."""
    return {
        "twinset-align": VERSION,
        "pillow": PIL.__version__,
        "libjpeg-turbo": features.version_feature("libjpeg_turbo") or "none",
    }
