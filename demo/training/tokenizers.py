"""The two small vocabularies: byte-level pairs for the text encoder, word pieces for the captioner.

Both hold every word of the demo's captions as one token and fall back on pieces for any other word, so that no text is
refused.
"""

import json
import string
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import BertTokenizer, CLIPTokenizer

from demo.scenes import COLOURS, FLOORS, SHAPES

WORDS = tuple(sorted({"a", "an", "and", "on", "floor", *COLOURS, *FLOORS, *SHAPES}))
# the decoder's first token, as in the published BLIP vocabularies
DECODER_START = "[DEC]"

_WORD_END = "</w>"
_PROMPT_LENGTH = 77


def prompt_tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer of 77 tokens: 256 bytes, each also as the end of a word, then the merges of the demo's words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *(letter + _WORD_END for letter in alphabet)]
    merges = _merges()
    pieces += [first + second for first, second in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    merges_of_pairs: Any = merges  # the annotation leaves them out
    return CLIPTokenizer(
        vocab={piece: number for number, piece in enumerate(dict.fromkeys(pieces))},
        merges=merges_of_pairs,
        model_max_length=_PROMPT_LENGTH,
    )


def _merges() -> list[tuple[str, str]]:
    """The merges that byte-pair encoding finds when every word of the demo is to become one token."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=_WORD_END))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=1000, end_of_word_suffix=_WORD_END, show_progress=False)
    tokenizer.train_from_iterator(WORDS, trainer)
    return [(first, second) for first, second in json.loads(tokenizer.to_str())["model"]["merges"]]


def caption_tokenizer() -> BertTokenizer:
    """A BERT tokenizer with the demo's words, and letters, digits and marks as pieces of any other word."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", DECODER_START]
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *WORDS]
    return BertTokenizer(
        vocab={piece: number for number, piece in enumerate(dict.fromkeys(pieces))}, bos_token=DECODER_START
    )
