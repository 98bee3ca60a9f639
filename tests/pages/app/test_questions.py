from collections import Counter

import pytest

from manifests.errors import DatasetError
from pages.app.context import AppContext
from pages.app.questions import Question, draw


def questions(context: AppContext, person: str, count: int) -> list[Question]:
    drawn: list[Question] = []
    for number in range(count):
        drawn.append(draw(context, person, number, 1, {question.pair_id for question in drawn}))
    return drawn


def test_a_round_is_the_same_each_time_and_another_for_each_person(context: AppContext):
    assert questions(context, "Ann", 6) == questions(context, "Ann", 6)
    assert questions(context, "Ann", 6) != questions(context, "Ben", 6)


def test_nobody_sees_two_images_of_one_pair(context: AppContext):
    drawn = questions(context, "Ann", 15)
    assert len({question.pair_id for question in drawn}) == 15


def test_the_truth_is_the_members_and_both_sides_are_asked(context: AppContext):
    drawn = [draw(context, f"person {number}", 0, 1, ()) for number in range(200)]
    assert all((question.truth == "real") == (question.member == "real") for question in drawn)
    sides = Counter(question.truth for question in drawn)
    assert 70 < sides["real"] < 130
    assert {question.member for question in drawn} == {"real", "vae", "painter"}


def test_where_a_detector_was_tested_its_test_images_are_asked(trained: AppContext):
    splits = {pair.pair_id: pair.split for pair in trained.opened.pairs()}
    drawn = [draw(trained, f"person {number}", 0, 1, ()) for number in range(40)]
    assert {splits[question.pair_id] for question in drawn} == {"test"}
    assert {question.truth for question in drawn} == {"real", "fake"}


def test_who_has_seen_all_pairs_is_told_so(context: AppContext):
    with pytest.raises(DatasetError, match="seen all"):
        draw(context, "Ann", 0, 1, {pair.pair_id for pair in context.opened.pairs()})
