"""How much of a prompt a pipeline's tokenizers let through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FittedPrompt:
    """A prompt as it is used.

    Attributes:
        text: the prompt's beginning, whole words, that fits.
        tokens_dropped: tokens of the prompt that are not in `text`: the largest count of all tokenizers.
    """

    text: str
    tokens_dropped: int


class PromptBudget:
    """Cuts prompts where the text encoders end (CLIP: 77 tokens, two of which mark start and end).

    The pipelines would cut by themselves, in the middle of a word, and say so in a log line only. Where there are
    several tokenizers, the one that lets least through decides: all text encoders read the same text.
    """

    def __init__(self, tokenizers: Sequence[Any]) -> None:
        self._tokenizers = tokenizers

    def fit(self, prompt: str) -> FittedPrompt:
        """The longest beginning of the prompt, in whole words, that every tokenizer lets through."""
        end = min(_end_of_fit(tokenizer, prompt) for tokenizer in self._tokenizers)
        text = prompt if end == len(prompt) else prompt[:end].rstrip()
        # a cut inside an endless word can change how its rest is split
        while any(_count(tokenizer, text) > _room(tokenizer) for tokenizer in self._tokenizers):
            text = text[:-1]
        dropped = max(_count(tokenizer, prompt) - _count(tokenizer, text) for tokenizer in self._tokenizers)
        return FittedPrompt(text, tokens_dropped=max(0, dropped))


def _room(tokenizer: Any) -> int:
    """Tokens left for the text itself."""
    return int(tokenizer.model_max_length - tokenizer.num_special_tokens_to_add())


def _count(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)


def _end_of_fit(tokenizer: Any, prompt: str) -> int:
    """Where, in characters, the last word ends that fits; the end of the last token where one word fills the budget."""
    encoded = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    room = _room(tokenizer)
    if len(encoded.input_ids) <= room:
        return len(prompt)
    words = encoded.word_ids()
    kept = room
    while kept > 0 and words[kept - 1] == words[kept]:
        kept -= 1
    return int(encoded.offset_mapping[(kept or room) - 1][1])
