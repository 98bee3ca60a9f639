from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.clip import ClipEmbedder
from manifests.errors import ModelError

TEXTS = ["a red cube", "two blue balls on a floor", "x" * 300]


@pytest.fixture
def embedder(models: Path) -> ClipEmbedder:
    return ClipEmbedder(str(models / "clip"), "", "cpu")


def test_images_and_texts_are_vectors_of_unit_length_in_one_space(
    embedder: ClipEmbedder, pictures: list[NDArray[np.uint8]]
):
    images = embedder.images(pictures)
    texts = embedder.texts(TEXTS)
    assert images.shape == (5, 16)
    assert texts.shape == (3, 16)
    assert images.dtype == texts.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([images, texts]), axis=1), 1, atol=1e-5)


def test_the_similarity_is_the_models_own(embedder: ClipEmbedder, models: Path, pictures: list[NDArray[np.uint8]]):
    import torch
    from transformers import CLIPModel, CLIPProcessor

    processor = CLIPProcessor.from_pretrained(models / "clip")
    model = CLIPModel.from_pretrained(models / "clip").eval()
    inputs = processor(text=TEXTS[:2], images=pictures[:2], padding=True, return_tensors="pt")
    with torch.no_grad():
        answer = model(**inputs)
    expected = answer.logits_per_image.numpy() / model.logit_scale.exp().item()
    np.testing.assert_allclose(embedder.images(pictures[:2]) @ embedder.texts(TEXTS[:2]).T, expected, atol=1e-5)


def test_pictures_of_any_size_are_taken_together(embedder: ClipEmbedder, pictures: list[NDArray[np.uint8]]):
    mixed = embedder.images([pictures[0], np.zeros((50, 70, 3), dtype=np.uint8), pictures[1]])
    np.testing.assert_allclose(mixed[[0, 2]], embedder.images(pictures[:2]), atol=1e-5)


def test_nothing_asked_is_nothing_answered(embedder: ClipEmbedder):
    assert len(embedder.images([])) == 0


def test_the_name_says_which_weights_they_were(embedder: ClipEmbedder):
    name, revision = embedder.name.split()
    assert name == "clip"
    assert len(revision) == len("(01234567)")


def test_a_folder_of_another_kind_is_refused(models: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="has no weights"):
        ClipEmbedder(str(tmp_path), "", "cpu")
    with pytest.raises(ModelError, match="other weights than the recipe asks for"):
        ClipEmbedder(str(models / "clip"), "0123", "cpu")
