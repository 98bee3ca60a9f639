"""A BERT of one layer, in the published format, that tells words apart."""

from collections.abc import Sequence
from pathlib import Path

_LONGEST = 16


def write_text_encoder(folder: Path, words: Sequence[str]) -> None:
    """Write model and tokenizer into a folder; the words are all that they know."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    from generation.quiet import quiet

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=_LONGEST,
        initializer_range=0.5,
    )
    numbers = {word: number for number, word in enumerate(vocabulary)}
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
        BertTokenizer(vocab=numbers, model_max_length=_LONGEST).save_pretrained(folder)
