"""Match quality: true pairs stand apart from mismatched ones where the fakes show what their reals show."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from audit.embedding import PlainEmbedder
from audit.match import MatchCollector
from audit.second_look import Wish, second_look, share_of_all
from demo.rendering import render
from demo.scenes import random_scene
from manifests.dataset import Dataset
from manifests.records import Encoding
from pixels.decode import decode
from pixels.encode import encode

Picture = NDArray[np.uint8]
COUNT = 40


@pytest.fixture(scope="module")
def scenes() -> list[Picture]:
    return [render(random_scene(number), 48, 48) for number in range(COUNT)]


def blurred(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1)))


class Labels:
    """Reads a number from a picture's first level and from a text: what a perfect model would see."""

    name = "labels"

    def images(self, pixels: Sequence[Picture]) -> NDArray[np.float32]:
        return self._vectors([int(image[0, 0, 0]) for image in pixels])

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._vectors([int(text) for text in texts])

    def _vectors(self, numbers: list[int]) -> NDArray[np.float32]:
        return np.eye(256, dtype=np.float32)[numbers]


def flat(number: int) -> Picture:
    return np.full((8, 8, 3), number, dtype=np.uint8)


def collected(pairs: list[tuple[Mapping[str, Picture], str]], embedder: object = None, seed: int = 0):
    collector = MatchCollector(embedder or PlainEmbedder(), seed)
    for members, text in pairs:
        collector.add(members, text, view="scene")
    return collector.matches()


def test_a_plain_vector_has_unit_length(scenes: list[Picture]):
    vectors = PlainEmbedder().images([*scenes[:4], flat(0), flat(255)])
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths[:4], 1, atol=1e-5)
    assert np.isfinite(vectors).all()
    assert PlainEmbedder().texts(["a"]) is None


def test_fakes_of_the_same_scene_are_found_and_others_are_not(scenes: list[Picture]):
    twins = collected([({"real": scene, "vae": blurred(scene)}, "") for scene in scenes])[0]
    strangers = collected(
        [({"real": scene, "vae": blurred(scenes[(number + 7) % COUNT])}, "") for number, scene in enumerate(scenes)]
    )[0]
    assert (twins.kind, twins.generator, twins.view, twins.pairs) == ("image-image", "vae", "scene", COUNT)
    assert twins.recall_at_1 > 0.9
    assert twins.matched_mean > twins.mismatched_mean + 0.2
    assert strangers.recall_at_1 < 0.2
    assert abs(strangers.matched_mean - strangers.mismatched_mean) < 0.1


def test_the_distributions_hold_every_pair_once(scenes: list[Picture]):
    match = collected([({"real": scene, "vae": blurred(scene)}, "") for scene in scenes])[0]
    assert len(match.edges) == len(match.matched) + 1 == len(match.mismatched) + 1 == 25
    assert sum(match.matched) == pytest.approx(1)
    assert sum(match.mismatched) == pytest.approx(1)
    assert match.edges[0] <= match.mismatched_mean < match.matched_mean <= match.edges[-1]


def test_captions_are_compared_with_both_sides():
    pairs = [({"real": flat(number), "sd": flat(number // 2 * 2)}, str(number)) for number in range(COUNT)]
    found = {match.kind: match for match in collected(pairs, Labels())}
    assert set(found) == {"image-image", "text-real", "text-fake"}
    assert found["text-real"].recall_at_1 == 1
    assert found["text-real"].matched_mean == 1
    assert found["text-real"].mismatched_mean == 0
    # an even caption finds two equal images, its own and the next; an odd one finds all images equally unlike
    assert found["text-fake"].recall_at_1 == pytest.approx((1 / 2 + 1 / COUNT) / 2)
    assert found["text-fake"].matched_mean == pytest.approx(0.5)


def test_equal_images_are_no_better_than_chance():
    pairs = [({"real": flat(9), "sd": flat(9)}, "") for _ in range(COUNT)]
    assert collected(pairs)[0].recall_at_1 == pytest.approx(1 / COUNT)


def test_single_images_are_compared_with_their_captions_alone():
    images = [({"real" if number % 2 else "sd": flat(number)}, str(number)) for number in range(COUNT)]
    assert [(match.kind, match.generator, match.pairs) for match in collected(images, Labels())] == [
        ("text-fake", "sd", COUNT // 2),
        ("text-real", "", COUNT // 2),
    ]


def test_views_are_measured_apart_and_few_pairs_not_at_all(scenes: list[Picture]):
    collector = MatchCollector(PlainEmbedder(), 0)
    for number, scene in enumerate(scenes):
        collector.add({"real": scene, "vae": scene}, "", view="scene" if number % 2 else "patch")
    for scene in scenes[:5]:
        collector.add({"real": scene, "vae": scene}, "", view="rare")
    assert [(match.view, match.pairs) for match in collector.matches()] == [("patch", 20), ("scene", 20)]


def test_the_same_seed_draws_the_same_mismatches(scenes: list[Picture]):
    pairs = [({"real": scene, "vae": blurred(scene)}, "") for scene in scenes]
    assert collected(pairs) == collected(pairs)
    assert collected(pairs)[0].mismatched != collected(pairs, seed=1)[0].mismatched


def test_a_dataset_is_measured_from_its_shards(write_dataset: Callable[..., Dataset], scenes: list[Picture]):
    def members(number: int) -> Mapping[str, bytes]:
        scene = scenes[number]
        return {"real": encode(scene, Encoding()), "vae": encode(blurred(scene), Encoding())}

    dataset = write_dataset(COUNT, members)
    collector = MatchCollector(PlainEmbedder(), 0)
    second_look(dataset, 0, [Wish(share_of_all(dataset, 100), collector.take)])
    found = collector.matches()
    assert [(match.view, match.kind, match.pairs) for match in found] == [
        ("patch", "image-image", 20),
        ("scene", "image-image", 20),
    ]
    by_hand = collected(
        [({name: decode(data) for name, data in members(number).items()}, "") for number in range(0, COUNT, 2)]
    )[0]
    assert found[1].matched_mean == pytest.approx(by_hand.matched_mean, abs=1e-6)
