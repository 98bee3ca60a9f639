"""How much of a prompt a pipeline's tokenizers let through."""

import re
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_CAPTION = "{caption}"
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class FittedPrompt:
    """A prompt as it is used.

    Attributes:
        prompt: the whole prompt.
        text: the prompt with the caption's beginning, whole words, that fits.
        tokens_dropped: tokens of the prompt that are not in `text`: the largest count of all tokenizers.
    """

    prompt: str
    text: str
    tokens_dropped: int


class PromptBudget:
    """Cuts prompts where the text encoders end (CLIP: 77 tokens, two of which mark start and end).

    The pipelines would cut by themselves, in the middle of a word, and say so in a log line only. Where there are
    several tokenizers, the one that lets least through decides: all text encoders read the same text.
    """

    def __init__(self, tokenizers: Sequence[Any]) -> None:
        self._tokenizers = tokenizers

    def fit(self, caption: str, template: str = _CAPTION) -> FittedPrompt:
        """The prompt, its caption cut after the last word with which every tokenizer lets all of it through.

        Args:
            caption: what is cut.
            template: the words round it, which are not: `{caption}` stands for the caption.
        """

        def filled(end: int) -> str:
            return template.replace(_CAPTION, caption[:end])

        prompt = filled(len(caption))
        if self._fits(prompt):
            return FittedPrompt(prompt, prompt, tokens_dropped=0)
        text = filled(_longest(caption, lambda end: self._fits(filled(end)))).rstrip()
        # where the template alone is too long there is nothing left to cut
        dropped = max(_count(tokenizer, prompt) - _count(tokenizer, text) for tokenizer in self._tokenizers)
        return FittedPrompt(prompt, text, tokens_dropped=max(1, dropped))

    def _fits(self, text: str) -> bool:
        return all(_count(tokenizer, text) <= _room(tokenizer) for tokenizer in self._tokenizers)


def _longest(caption: str, fits: Callable[[int], bool]) -> int:
    """Where the caption ends that fits, in characters: after a word, or within the first where that is too long."""
    words = [match.end() for match in _WORD.finditer(caption)]
    ends = words if words and fits(words[0]) else list(range(1, words[0] if words else 1))
    kept = bisect(ends, False, key=lambda end: not fits(end))
    # a longer text can have fewer tokens, so that the search may end beside the mark
    while kept and not fits(ends[kept - 1]):
        kept -= 1
    return ends[kept - 1] if kept else 0


def _room(tokenizer: Any) -> int:
    """Tokens left for the text itself."""
    return int(tokenizer.model_max_length - tokenizer.num_special_tokens_to_add())


def _count(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)
