from pathlib import Path

from sources.fetching.answers import Answer, AnswerLog, read_answers


def test_what_is_told_can_be_read_again(tmp_path: Path):
    told = [
        Answer(url=f"http://a.example/{number}", status=200, content_type="image/jpeg\n\x1b[31m", started=1, ended=2)
        for number in range(3)
    ]
    log = AnswerLog(tmp_path / "answers.jsonl")
    for answer in told:
        log.add(answer)
    assert list(read_answers((tmp_path / "answers.jsonl").read_bytes())) == told


def test_a_text_from_the_web_is_kept_within_reason(tmp_path: Path):
    AnswerLog(tmp_path / "log").add(
        Answer(url="http://a.example/", final_url="http://b.example/" + "x" * 10**5, started=1, ended=2)
    )
    [answer] = read_answers((tmp_path / "log").read_bytes())
    assert len(answer.final_url) == 2000
    assert answer.redirected


def test_only_another_url_is_a_redirect():
    url = "http://a.example/"
    assert not Answer(url=url, final_url=url, started=1, ended=2).redirected
    assert not Answer(url=url, started=1, ended=2).redirected  # nothing was asked
