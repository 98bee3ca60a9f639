"""The classes of an image classifier, told by the model's own names; imports no model library."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from manifests.errors import ModelError


def class_numbers(names: Mapping[int, str], labels: Sequence[str], model: str) -> list[int]:
    """The numbers of classes.

    Args:
        names: the model's names by number.
        labels: the names that are asked for.
        model: what errors call the model.

    Raises:
        ModelError: the model has no class of one of the names.
    """
    numbers = {str(name): number for number, name in names.items()}
    unknown = [label for label in labels if label not in numbers]
    if unknown:
        raise ModelError(
            f"model {model} has no class {unknown[0]!r} (`screen.safety.unsafe_labels`); "
            f"its classes are {', '.join(repr(name)[1:-1] for name in sorted(numbers)[:20])}"
        )
    return sorted({numbers[label] for label in labels})


def require_classes(model: str, labels: Sequence[str]) -> None:
    """Check the names before any work begins. A Hub id is not looked up here.

    Raises:
        ModelError: the model's folder has no config, or no class of one of the names.
    """
    config = Path(model) / "config.json"
    if not config.parent.is_dir():
        return
    try:
        names = json.loads(config.read_text(encoding="utf-8"))["id2label"]
        class_numbers({int(number): name for number, name in names.items()}, labels, model)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{config}: names no classes; expected the config of an image classifier of transformers with `id2label`"
        ) from error
