"""BLIP models of the published shapes with random weights, in a folder as they are published.

The configurations are those of `Salesforce/blip-image-captioning-base` and `-large`; the tokenizer has as many tokens, but
none that means anything.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

SIDE = 384
_VOCABULARY = 30_524
_SPECIAL = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, "[DEC]": 30_522}

_VISION = {
    "blip-base": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
    "blip-large": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16},
}


def write_blip(folder: Path, name: str, device: torch.device, dtype: torch.dtype) -> None:
    """A captioner of the shapes of `blip-base` or `blip-large`."""
    vision = _VISION[name]
    text = {
        "vocab_size": _VOCABULARY,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "encoder_hidden_size": vision["hidden_size"],
        "max_position_embeddings": 512,
        "bos_token_id": _SPECIAL["[DEC]"],
        "eos_token_id": 2,
        "sep_token_id": _SPECIAL["[SEP]"],
        "pad_token_id": _SPECIAL["[PAD]"],
    }
    torch.manual_seed(0)
    config = BlipConfig(text_config=text, vision_config=vision | {"image_size": SIDE, "patch_size": 16})
    with device:
        model: Any = BlipForConditionalGeneration(config).to(dtype)
    model.save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": SIDE, "width": SIDE}), _tokenizer()).save_pretrained(folder)


def _tokenizer() -> Any:
    names = {number: token for token, number in _SPECIAL.items()}
    vocabulary = {names.get(number, f"word{number}"): number for number in range(_VOCABULARY)}
    return BertTokenizer(vocab=vocabulary, model_max_length=512)
