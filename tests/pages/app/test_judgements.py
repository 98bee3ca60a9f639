from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import DatasetError
from manifests.storage import Folder
from pages.app import judgements
from pages.app.judgements import Judgement


def judgement(
    number: int, *, round_number: int = 1, images: int = 3, answer: str = "real", person: str = "Ann"
) -> Judgement:
    return Judgement(
        person=person,
        round=round_number,
        number=number,
        images=images,
        pair_id=f"{number:016x}-scene",
        member="real",
        truth="real",
        answer=answer,
        seconds=1.5,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_what_is_written_is_read_again(tmp_path: Path):
    folder = Folder.at(str(tmp_path))
    given = [judgement(number) for number in range(3)] + [judgement(0, person="Zoë B.")]
    for one in given:
        judgements.add(folder, one)
    assert judgements.of_person(folder, "Ann") == given[:3]
    assert judgements.of_all(folder) == {"Ann": given[:3], "Zoë B.": given[3:]}
    assert sorted(path.name for path in (tmp_path / "judgements").iterdir()) == ["Ann.jsonl", "Zoë-B.jsonl"]


@given(st.text(max_size=60))
def test_a_name_leads_to_no_other_folder(name: str):
    try:
        made = judgements.file_name(name)
    except DatasetError:
        return
    assert made.removesuffix(".jsonl")
    assert "/" not in made
    assert "\\" not in made
    assert not made.startswith((".", "-"))
    assert "\0" not in made
    assert len(made) <= 46


@pytest.mark.parametrize("name", ["", "  ", "..", "../..", "///", "-", "__"])
def test_a_name_without_a_letter_is_refused(name: str):
    with pytest.raises(DatasetError, match="letter"):
        judgements.file_name(name)


def test_lines_that_are_none_and_second_answers_are_passed_over(tmp_path: Path):
    folder = Folder.at(str(tmp_path))
    judgements.add(folder, judgement(0))
    judgements.add(folder, judgement(0, answer="fake"))
    with (tmp_path / "judgements" / "Ann.jsonl").open("a") as stream:
        stream.write('{"person":"Ann","rou')
    assert judgements.of_person(folder, "Ann") == [judgement(0)]
    judgements.add(folder, judgement(1))
    assert judgements.of_person(folder, "Ann") == [judgement(0), judgement(1)]


def test_an_unfinished_round_is_gone_on_with_and_not_counted():
    whole = [judgement(number) for number in range(3)]
    begun = [judgement(0, round_number=2), judgement(1, round_number=2)]
    assert judgements.open_round([]) == 1
    assert judgements.open_round(whole[:2]) == 1
    assert judgements.open_round(whole) == 2
    assert judgements.open_round(whole + begun) == 2
    assert judgements.finished(whole + begun) == whole
