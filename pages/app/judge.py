"""The page Judge: people tell reals from fakes without knowing the answer, for a human baseline."""

import time
from dataclasses import dataclass

import streamlit as st

from pages.app import judgements, pictures, questions, style
from pages.app.context import AppContext
from pages.app.judgements import Judgement, Side
from pages.app.results import show_people, show_round

_ROUNDS = (10, 20, 50, 100)
_BOX = 480
_STATE, _NUMBER, _SHOWN = "judging", "judging-number", "judging-shown"
_BUTTONS: tuple[tuple[Side, str, str], ...] = (
    ("real", "Real (R)", ":material/photo_camera:"),
    ("fake", "Fake (F)", ":material/smart_toy:"),
)

# r and f are not to be had as a button's own shortcut: Streamlit keeps r for itself
_KEYS = """<script>
if (!window.twinsetKeys) {
  window.twinsetKeys = true;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const side = { r: "real", f: "fake" }[event.key.toLowerCase()];
    const button = side && document.querySelector(`.st-key-judge-${side} button`);
    if (!button) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    button.click();
  }, true);
}
</script>"""


@dataclass(frozen=True)
class Round:
    """One person's round, as far as it has come.

    Attributes:
        person: the name that was given.
        number: of the round, from 1.
        images: how many it has.
        done: all that the person has judged, in this round and in earlier ones.
    """

    person: str
    number: int
    images: int
    done: tuple[Judgement, ...]

    @property
    def answered(self) -> list[Judgement]:
        """What was judged in this round."""
        return [judgement for judgement in self.done if judgement.round == self.number]


def page(context: AppContext) -> None:
    """Draw the page."""
    style.heading("Judge", "One image at a time: is it real, or was it generated? Nothing is told before the end.")
    if context.dataset is None or not context.catalogue.total:
        style.empty("Nothing to judge yet", "There are no images before the build has come to its dataset.")
        return
    begun: tuple[str, int] | None = st.session_state.get(_STATE)
    if begun is None:
        _begin(context)
        return
    now = _round(context, *begun)
    if len(now.answered) < now.images:
        _ask(context, now)
        return
    show_round(context, now.person, now.answered)
    st.button("Another round, or another person", on_click=_leave, type="primary")
    show_people(context)


def _round(context: AppContext, person: str, images: int) -> Round:
    """The round that a person is in: the last one, or a new one once that was judged to its end and left."""
    done = tuple(judgements.of_person(context.notes, person))
    number = st.session_state.get(_NUMBER)
    if number is None:
        number = judgements.open_round(done)
        st.session_state[_NUMBER] = number
    begun = [judgement.images for judgement in done if judgement.round == number]
    return Round(person, number, begun[0] if begun else images, done)


def _begin(context: AppContext) -> None:
    """Ask for a name, and start or go on."""
    with st.form("judge-begin", border=True):
        name = st.text_input("Your name", max_chars=40, placeholder="as it shall stand in the table", key="judge-name")
        images = st.select_slider("Images in a round", _ROUNDS, value=20, key="judge-images")
        if st.form_submit_button("Begin", type="primary", icon=":material/play_arrow:"):
            judgements.file_name(name)
            st.session_state[_STATE] = name.strip(), images
            st.rerun()
    style.note("An unfinished round goes on where it stopped. Keys: R real, F fake.")
    show_people(context)


def _leave() -> None:
    st.session_state.pop(_STATE, None)
    st.session_state.pop(_NUMBER, None)


def _ask(context: AppContext, now: Round) -> None:
    """Show one image, and two buttons."""
    number = len(now.answered)
    seen = {judgement.pair_id for judgement in now.done}
    question = questions.draw(context, now.person, number, now.number, seen)
    data = context.members.one(question.shard, question.pair_id, question.member).data
    if st.session_state.get(_SHOWN, ((), 0.0))[0] != question:
        st.session_state[_SHOWN] = question, time.monotonic()

    def answer(side: Side) -> None:
        judgements.add(
            context.notes,
            Judgement(
                person=now.person,
                round=now.number,
                number=number,
                images=now.images,
                pair_id=question.pair_id,
                member=question.member,
                truth=question.truth,
                answer=side,
                seconds=round(time.monotonic() - st.session_state[_SHOWN][1], 2),
                at=judgements.moment(),
            ),
        )

    st.progress(number / now.images, f"Image {number + 1} of {now.images}")
    style.images(_picture(data))
    with st.container(horizontal=True, horizontal_alignment="center"):
        for side, label, icon in _BUTTONS:
            st.button(label, key=f"judge-{side}", on_click=answer, args=(side,), icon=icon, width=170)
    with st.container(horizontal=True, horizontal_alignment="center"):
        st.button("Stop for now", key="judge-stop", on_click=_leave, type="tertiary")
    st.html(_KEYS, unsafe_allow_javascript=True)


def _picture(data: bytes) -> str:
    """The image as large as whole pixels let it be, and no word about where it comes from."""
    uri, size = pictures.whole(data), pictures.size(data)
    if uri is None or size is None:
        return '<p class="tw-note">This image cannot be shown. Answer as you like: its file is damaged.</p>'
    zoom = max(_BOX // max(size), 1)
    width = min(size[0] * zoom, _BOX)
    return f'<div class="tw-question"><img src="{uri}" alt="the image to judge" style="width:{width}px"></div>'
