"""What the page Detect shows and hands out, without a browser."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from classifier.prediction import Answer
from classifier.resaving import Resaved
from manifests.errors import ModelError, RejectedItem
from manifests.records import Reason
from pages.app.answers_csv import COLUMNS, answers_csv
from pages.app.detect_markup import look_markup, panels, refusal_markup, resaved_markup, verdict_markup
from pages.app.judging import Judge, fetch
from pages.app.overlay import overlaid
from tests.pages.detectors import tiny_detector
from tests.pages.page import HOSTILE as MARKUP
from tests.pages.service.pictures import HOSTILE, POLYGLOT, encoded


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder = tmp_path_factory.mktemp("detector")
    tiny_detector().save(folder)
    (folder / "README.md").write_text("# A card")
    return Judge(str(folder))


def test_good_images_have_verdicts_and_bad_ones_reasons(judge: Judge):
    assert judge.answer("a.png", encoded()).verdict in ("real", "fake")
    assert judge.answer("polyglot.png", POLYGLOT).verdict in ("real", "fake")
    found = {name: judge.answer(name, data) for name, (data, _) in HOSTILE.items()}
    assert {name: answer.reason for name, answer in found.items()} == {name: why for name, (_, why) in HOSTILE.items()}
    told = judge.answer("a.png", RejectedItem(Reason.TIMEOUT, "no answer"))
    assert (told.verdict, told.reason, told.detail) == (None, Reason.TIMEOUT, "no answer")


def test_the_verdict_and_the_calibrated_threshold_agree(judge: Judge):
    for number in range(8):
        answer = judge.answer("a.png", encoded(number))
        assert answer.probability is not None
        assert (answer.verdict == "fake") == (answer.probability > judge.calibrated_threshold)


def test_a_closer_look_shows_what_the_network_sees(judge: Judge):
    data = encoded(3, side=100)
    look = judge.look(data, judge.answer("a.png", data))
    assert (look.size, look.window.shape, look.preview.shape) == ((100, 100), (32, 32, 3), (100, 100, 3))
    assert (look.place.width, look.place.height) == (0.32, 0.32)
    assert (look.preview[34:66, 34:66] == look.window).all()
    assert look.heat is not None
    assert len(look.resaved) == 16
    assert 'src="data:image/png;base64,' in look_markup(look, "fake")


def test_a_place_that_spoke_for_a_verdict_takes_its_colour():
    window = np.full((8, 8, 3), 100, np.uint8)
    heat = np.zeros((8, 8), np.float32)
    heat[0, 0] = 1
    shown = overlaid(window, heat, "fake")
    assert (shown[1:] == 100).all()
    red, green, blue = shown[0, 0].tolist()
    assert red > 180 > green > blue


def test_urls_of_private_networks_and_other_schemes_are_not_asked():
    for url in ("http://127.0.0.1:1/a.png", "http://[::1]/a.png", "http://169.254.169.254/latest", "http://10.0.0.1/"):
        found = fetch(url)
        assert isinstance(found, RejectedItem)
        assert found.reason == Reason.PRIVATE_ADDRESS
        assert "1" not in found.detail
    for url in ("file:///etc/passwd", "ftp://x.example/a", "data:image/png;base64,AAAA", "/etc/passwd", ""):
        found = fetch(url)
        assert isinstance(found, RejectedItem)
        assert found.reason == Reason.NOT_FOUND


def test_a_detector_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(ModelError, match="no detector here"):
        Judge(str(tmp_path / "nothing"))


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "a\r=1"])
def test_no_cell_of_the_table_begins_like_a_formula(name: str):
    answers = [
        Answer(image=name, reason=Reason.NOT_AN_IMAGE, detail=name),
        Answer(image="b", verdict="real", probability=0.25, score=0.5),
    ]
    table = answers_csv(answers).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(table, newline="")))
    assert rows[0] == list(COLUMNS)
    assert rows[1][0].lstrip("'") == name
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert rows[2] == ["b", "real", "0.25", "0.5", "", ""]


def test_nothing_of_a_name_is_taken_for_markup():
    judged = Answer(image=MARKUP + "\u202e", verdict="fake", probability=0.9, score=0.9)
    refused = Answer(image=MARKUP + "\u202e", reason=Reason.NOT_AN_IMAGE, detail=MARKUP + "\u202e")
    for markup in (verdict_markup(judged, 0.5), refusal_markup(refused)):
        assert "<script" not in markup
        assert "<img" not in markup
        assert "\u202e" not in markup


def test_the_verdict_under_saving_is_told_in_words_and_bars():
    found = [
        Resaved("JPEG 95", "JPEG quality", 95, 0.9, "fake"),
        Resaved("JPEG 30", "JPEG quality", 30, 0.125, "real"),
        Resaved("WebP 50", "WebP quality", 50, 0.8, "fake"),
    ]
    [jpeg, webp] = panels(found)
    assert [(bar.label, bar.height, bar.verdict) for bar in jpeg.bars] == [("95", 90, "fake"), ("30", 12.5, "real")]
    assert webp.title == "WebP quality"
    markup = resaved_markup(found, Answer(image="a", verdict="fake", probability=0.9, score=0.9), 0.5)
    assert "The verdict changes under 1 of 3 ways of saving: JPEG 30." in markup
    assert "stays fake under all 2" in resaved_markup(
        found[::2], Answer(image="a", verdict="fake", probability=0.9, score=0.9), 0.5
    )
