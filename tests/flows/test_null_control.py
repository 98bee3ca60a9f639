"""No shipped recipe's alignment leaves a trace: the null control, asked of each recipe's own settings.

What is asked is an AUC within 0.03 of one half at 2,000 pairs of each view, which takes minutes a recipe:
`TWINSET_TEST_NULL_PAIRS=2000` asks that; otherwise few pairs are made. Views of more than 128 pixels are reduced in
proportion; `TWINSET_TEST_NULL_SIDE=1024` has them at the recipe's own sizes, which takes hours. By chance alone an AUC of n
pairs strays from one half, with 95 % probability by up to 0.8 / sqrt(n) (0.08 at 100 pairs, 0.057 at 200, 0.025 at 1,000): so
much is added to the 0.03 where they are few.
"""

import dataclasses
import itertools
import math
import os
from pathlib import Path

import pytest

from audit import null_control
from audit.config import AuditConfig
from flows.null_control import of_recipe
from flows.recipe import Recipe, load_recipe
from pixels.config import LARGEST_MCU, SMALLEST_SIDE, ViewRules

FULL = 2000
PAIRS = int(os.environ.get("TWINSET_TEST_NULL_PAIRS", "100"))
LIMIT = 0.03
RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))

_LARGEST = int(os.environ.get("TWINSET_TEST_NULL_SIDE", "128"))
_PICTURES, _WINDOWS = 40, 3


def reduced(recipe: Recipe) -> Recipe:
    """The recipe with views and reals of no more pixels than a quick test can make; all proportions stay."""
    views = [view for view in recipe.views if not view.is_single]
    share = min(1.0, _LARGEST / max(view.frame for view in views))
    screen = recipe.screen.model_copy(update={"min_side": max(LARGEST_MCU, round(recipe.screen.min_side * share))})
    return recipe.model_copy(update={"views": tuple(_reduced(view, share) for view in views), "screen": screen})


def _reduced(view: ViewRules, share: float) -> ViewRules:
    frame = max(SMALLEST_SIDE, round(view.frame * share / LARGEST_MCU) * LARGEST_MCU)
    return view.model_copy(update={"frame": frame, "size": max(SMALLEST_SIDE, round(frame * view.size / view.frame))})


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_no_shipped_recipe_leaves_a_trace(path: Path, monkeypatch: pytest.MonkeyPatch):
    recipe = load_recipe(path)
    if recipe.alignment.mode != "aligned" or all(view.is_single for view in recipe.views):
        pytest.skip("the recipe makes no aligned pairs")
    recipe = reduced(recipe)
    if PAIRS < FULL:
        monkeypatch.setattr(null_control, "_NETWORK_PAIRS", 40)  # the network learns nothing from so few
    config = AuditConfig(null_control_pairs=PAIRS, bootstrap_draws=50 if PAIRS < FULL else 200)
    control = dataclasses.replace(of_recipe(recipe, config), workers=1)
    if PAIRS < FULL:
        control = dataclasses.replace(control, pictures=itertools.islice(control.pictures, _PICTURES), windows=_WINDOWS)
    probes = control.probes(config)
    assert {probe.subject for probe in probes} == {view.name for view in recipe.views if not view.is_single}
    for probe in probes:
        strays = LIMIT if PAIRS >= FULL else LIMIT + 0.8 / math.sqrt(probe.pairs)
        assert probe.pairs > 0, probe
        assert probe.verdict != "fail" or PAIRS < FULL, probe
        assert abs(probe.value - 0.5) <= strays, probe
