"""Texts as vectors: as the model's own config says, one a text, whatever else is in the batch."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from generation.clip import ClipEmbedder
from generation.config import RetrieveConfig
from generation.retrieve_texts import TextEncoder
from manifests.errors import ModelError

pytestmark = pytest.mark.xdist_group("models")

TEXTS = ["a red cube", "blue", "a photo of a red cube and a blue cube", "red", "a red cube"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "photo", "of", "red", "blue", "cube", "and"]


def encoder(model: Path, batch_size: int = 2) -> TextEncoder:
    config = RetrieveConfig(name="found", candidates="fakes", model=str(model), batch_size=batch_size)
    return TextEncoder(config, "cpu")


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer in the published format."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    from generation.quiet import quiet

    folder = tmp_path_factory.mktemp("sentences")
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=6,
        initializer_range=0.5,
    )
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
        BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)}).save_pretrained(folder)
    return folder


def pooled(sentences: Path, folder: Path, **modes: bool) -> Path:
    """The same model, with a word of its folder on how tokens become one vector."""
    shutil.copytree(sentences, folder)
    (folder / "1_Pooling").mkdir()
    settings = {f"pooling_mode_{name}": value for name, value in modes.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 8, **settings}))
    return folder


def test_clip_s_text_tower_alone_gives_clip_s_vectors(models: Path):
    assert_allclose(
        encoder(models / "clip").vectors(TEXTS), ClipEmbedder(str(models / "clip"), "", "cpu").texts(TEXTS), atol=1e-5
    )


def test_vectors_are_of_unit_length_and_no_others_business(sentences: Path):
    together = encoder(sentences, batch_size=5).vectors(TEXTS)
    assert together.shape == (5, 8)
    assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert_allclose(together, encoder(sentences, batch_size=1).vectors(TEXTS), atol=1e-5)
    assert_allclose(together[0], together[4], atol=1e-6)
    assert np.abs(together[0] - together[1]).max() > 0.01
    assert encoder(sentences).vectors([]).shape == (0, 0)


def test_the_folder_says_how_tokens_become_one_vector(sentences: Path, tmp_path: Path):
    plain = encoder(sentences).vectors(TEXTS)
    mean = encoder(pooled(sentences, tmp_path / "mean", mean_tokens=True, cls_token=False)).vectors(TEXTS)
    first = encoder(pooled(sentences, tmp_path / "first", mean_tokens=False, cls_token=True)).vectors(TEXTS)
    assert (plain == mean).all()
    assert np.abs(plain - first).max() > 0.01
    with pytest.raises(ModelError, match="pooling by max_tokens"):
        encoder(pooled(sentences, tmp_path / "max", max_tokens=True))


def test_a_model_with_a_decoder_is_refused(sentences: Path, tmp_path: Path):
    shutil.copytree(sentences, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps(config | {"is_encoder_decoder": True}))
    with pytest.raises(ModelError, match="a text encoder is expected"):
        encoder(tmp_path / "model")


def test_pickled_weights_are_never_read(sentences: Path, tmp_path: Path):
    shutil.copytree(sentences, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="has no weights"):
        encoder(tmp_path / "model")
