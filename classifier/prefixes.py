"""The names of weights: other people's checkpoints begin them otherwise."""

from collections.abc import Mapping

from torch import Tensor

from manifests.errors import ModelError

_OURS = "backbone."


def renamed(state: Mapping[str, Tensor], prefixes: Mapping[str, str], place: str) -> dict[str, Tensor]:
    """Weights under timm's own names.

    Args:
        state: weights by the checkpoint's names.
        prefixes: what its names begin with, and what stands there instead; the longest that fits is taken, and "" fits
            all. A leading `backbone.` is then dropped, with or without prefixes.
        place: of the checkpoint, for messages.

    Raises:
        ModelError: a prefix that no name has, or two names that become one.
    """
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in state):
            example = next(iter(state), "")
            raise ModelError(
                f"checkpoint_prefix: no name in {place} begins with {prefix!r}; they look like {example!r}. Correct it."
            )
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        own = _renamed(name, prefixes).removeprefix(_OURS)
        if own in found:
            raise ModelError(f"checkpoint_prefix: two names in {place} become {own!r}. Correct it.")
        found[own] = tensor
    return found


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    fitting = [prefix for prefix in prefixes if name.startswith(prefix)]
    if not fitting:
        return name
    longest = max(fitting, key=len)
    return prefixes[longest] + name[len(longest) :]
