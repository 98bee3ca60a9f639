"""What came of judging: a round image by image, and everybody's accuracy beside the detector's."""

from manifests.errors import TwinsetError
from pages.app import judgements, pictures, style
from pages.app.context import AppContext
from pages.app.judgements import Judgement
from pages.app.scores import Score, Standing, detector_answers, detector_standing, standing
from pages.app.text import escaped

_COLUMNS = ("who", "images", "accuracy", "95 % interval", "reals right", "fakes right", "median time")


def show_round(context: AppContext, person: str, answered: list[Judgement]) -> None:
    """Draw a finished round: the figures, then each image with the answer and the truth."""
    mine = standing(person, answered)
    answers = detector_answers(context.detector, (judgement.pair_id for judgement in answered))
    detector = detector_standing(answers, answered)
    style.tiles(
        [
            ("right", f"{mine.score.right} of {mine.score.images}"),
            ("accuracy", f"{mine.score.share:.0%}"),
            ("95 % interval", _interval(mine.score)),
            *([("the detector, same images", f"{detector.score.share:.0%}")] if detector else []),
        ]
    )
    style.section("Your answers")
    style.images(
        f'<div class="tw-members tw-wrap">{"".join(_answer(context, judgement) for judgement in answered)}</div>'
    )


def show_people(context: AppContext) -> None:
    """Draw everybody's accuracy over the rounds that were finished, and the detector's on the same images."""
    style.section("People and the detector", "Finished rounds only.")
    by_person = {name: judgements.finished(given) for name, given in judgements.of_all(context.notes).items()}
    everyone = [judgement for given in by_person.values() for judgement in given]
    if not everyone:
        style.empty("Nobody has finished a round yet", "Be the first: give a name and begin.")
        return
    standings = [standing(name, given) for name, given in sorted(by_person.items()) if given]
    if len(standings) > 1:
        standings.append(standing("all people", everyone))
    answers = detector_answers(context.detector, (judgement.pair_id for judgement in everyone))
    detector = detector_standing(answers, everyone)
    if detector is not None:
        standings.append(detector)
    style.table(_COLUMNS, (_row(one) for one in standings), numbers=range(1, len(_COLUMNS)))
    if detector is None:
        style.note("The detector stands here too once one was trained on this dataset.")


def _row(one: Standing) -> tuple[str, ...]:
    return (
        one.name,
        str(one.score.images),
        f"{one.score.share:.1%}",
        _interval(one.score),
        _share(one.reals),
        _share(one.fakes),
        f"{one.seconds:.1f} s" if one.seconds is not None else "",
    )


def _interval(score: Score) -> str:
    return f"{score.low:.0%} to {score.high:.0%}"


def _share(score: Score) -> str:
    return f"{score.share:.0%}" if score.images else ""


def _answer(context: AppContext, judgement: Judgement) -> str:
    """One image with what was said and what is so."""
    try:
        row = context.catalogue.find(judgement.pair_id)
        shard = row.shard if row is not None else ""
        uri = pictures.reduced(context.members.one(shard, judgement.pair_id, judgement.member).data)
    except TwinsetError:
        uri = None
    picture = f'<img src="{uri}" alt="">' if uri else '<p class="tw-note">not here any more</p>'
    verdict = "right" if judgement.is_right else "wrong"
    truth = judgement.truth if judgement.member in ("real", "image") else f"{judgement.truth}: {judgement.member}"
    return (
        f'<figure class="tw-member tw-{judgement.truth}"><div class="tw-thumb">{picture}</div>'
        f'<figcaption><b>{escaped(truth)}</b><br><span class="tw-{verdict}">you said {judgement.answer}</span>'
        "</figcaption></figure>"
    )
