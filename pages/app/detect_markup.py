"""What the page Detect draws: verdicts, the window with its heat map, and what becomes of the verdict under re-saving."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal

from jinja2.environment import TemplateModule

from classifier.prediction import Answer
from classifier.resaving import Resaved
from pages.app.judging import Look
from pages.app.overlay import jpeg, overlaid, png
from pages.app.text import escaped, shown
from pages.templating import environment

_WIDEST = 22.0
"""Of a picture, in the page's letter sizes (rem)."""
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Bar:
    """One way of saving, and what is said of the image after it.

    Attributes:
        label: quality or factor.
        height: the probability of fake, in per cent.
        told: all of it in words.
    """

    label: str
    height: float
    verdict: Literal["real", "fake"]
    told: str


@dataclass(frozen=True)
class Panel:
    """All strengths of one family, in the order in which they were tried."""

    title: str
    bars: tuple[Bar, ...]


def verdict_markup(answer: Answer, threshold: float) -> str:
    """The verdict and the probability on a scale, as HTML.

    Args:
        answer: with a verdict.
        threshold: the probability above which an image is called fake.
    """
    return _rendered("verdict", answer=answer, threshold=threshold, name=shown(answer.image))


def answers_markup(answers: Sequence[Answer]) -> str:
    """Many answers, as an HTML table."""
    return _rendered(
        "answers",
        found=[
            (answer, shown(answer.image, _LONGEST_NAME), shown(_sentence(answer)) if answer.reason else "")
            for answer in answers
        ],
    )


def refusal_markup(answer: Answer) -> str:
    """Why an image was not judged, as HTML."""
    return (
        f'<div class="tw-empty tw-failed" role="alert"><h2>Not judged: {escaped(answer.image)}</h2>'
        f"<p>{escaped(_sentence(answer))}</p></div>"
    )


def look_markup(look: Look, verdict: Literal["real", "fake"]) -> str:
    """The image, the window in it, and the heat map over the window, as HTML."""
    heat = look.heat
    is_seen = heat is not None and float(heat.values.max()) > 0
    return _rendered(
        "look",
        look=look,
        verdict=verdict,
        preview=jpeg(look.preview),
        window=png(look.window),
        heat=png(overlaid(look.window, heat.values, verdict)) if heat is not None and is_seen else "",
        side=look.window.shape[0],
        width=round(_WIDEST * min(1.0, look.size[0] / look.size[1]), 2),
    )


def resaved_markup(found: Sequence[Resaved], answer: Answer, threshold: float) -> str:
    """The probability by way and strength of saving, as HTML."""
    return _rendered(
        "resaved",
        panels=panels(found),
        changed=[each.name for each in found if each.verdict != answer.verdict],
        total=len(found),
        verdict=answer.verdict,
        untouched=_per_cent(answer.probability or 0.0),
        threshold=_per_cent(threshold),
    )


def panels(found: Sequence[Resaved]) -> tuple[Panel, ...]:
    """The panels: of each family one."""
    return tuple(
        Panel(family, tuple(_bar(each) for each in members))
        for family, members in groupby(found, key=lambda each: each.family)
    )


def _bar(found: Resaved) -> Bar:
    told = f"{found.name}: called {found.verdict}, probability of fake {found.probability:.1%}"
    return Bar(f"{found.level:g}", _per_cent(found.probability), found.verdict, told)


def _per_cent(share: float) -> float:
    return round(100 * share, 2)


def _sentence(answer: Answer) -> str:
    return f"{answer.reason}: {answer.detail}" if answer.detail else str(answer.reason)


def _rendered(macro: str, **values: object) -> str:
    return str(getattr(_template(), macro)(**values))


@cache
def _template() -> TemplateModule:
    return environment().get_template("app_detect.html").module
