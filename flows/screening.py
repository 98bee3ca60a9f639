"""What screening asks beyond an image's pixels: the scores that its source gives, and the recipe's deny-lists."""

import re

from flows.folder import BuildFolder
from manifests.denied import DenyList, deny_digest, read_denied
from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.config import ScreenRules

_OF_SAFETY = re.compile(r"nsfw|unsafe")
"""What a score of safety has in its name: `punsafe`, `nsfw`, `image_nsfw`, ..."""


def check_scores(scores: dict[str, float], rules: ScreenRules) -> None:
    """Refuse an image by the scores that its source gives.

    Raises:
        RejectedItem: `unsafe` for a score of safety, `score` for any other, naming score and limit; `score` for one
            that is missing, where the rules say so.
    """
    for limits, sign, bound in ((rules.max_scores, 1, "at most"), (rules.min_scores, -1, "at least")):
        for name, limit in sorted(limits.items()):
            if name not in scores:
                if rules.missing_scores == "reject":
                    raise RejectedItem(Reason.SCORE, f"no {name}, expected {bound} {limit:g}")
            elif not sign * scores[name] <= sign * limit:
                reason = Reason.UNSAFE if _OF_SAFETY.search(name) else Reason.SCORE
                raise RejectedItem(reason, f"{name} {scores[name]:g}, expected {bound} {limit:g}")


def denied(build: BuildFolder) -> DenyList:
    """What the recipe's deny-lists hold.

    Raises:
        DatasetError: a list is missing, or a line of it is no hash.
    """
    rules = build.recipe.screen
    return read_denied([build.place(url) for url in rules.deny], rules.deny_radius)


def deny_settings(build: BuildFolder) -> list[str | int]:
    """What an answer of the deny-lists depends on.

    Raises:
        DatasetError: a list is missing.
    """
    rules = build.recipe.screen
    return [deny_digest([build.place(url) for url in rules.deny]), rules.deny_radius] if rules.deny else []
