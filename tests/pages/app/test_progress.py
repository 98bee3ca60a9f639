import pytest

from flows.folder import BuildFolder
from flows.stages.base import StageCount
from manifests.records import Reason
from pages.app.builds import duration, prefect_page
from pages.app.progress import Progress, ProgressReader, read_progress, time_left


def stage(name: str, chunks: int, done: int, seconds: float) -> StageCount:
    return StageCount(name, "images", chunks, done, done * 10, done * 9, {Reason.NOT_FOUND: done}, seconds)


def test_the_time_left_is_that_of_the_begun_stages_at_their_pace():
    stages = [
        stage("reals", 10, 10, 100),
        stage("screen", 10, 5, 20),
        stage("frame", 10, 0, 0),
        stage("shards", 0, 0, 0),
    ]
    left = time_left(stages)
    assert left.seconds == 20
    assert left.unknown == ("frame", "shards")
    assert time_left(stages[:1]).seconds == 0


def test_progress_counts_chunks_and_reasons():
    progress = Progress((stage("reals", 10, 10, 1), stage("screen", 10, 5, 1)), finished=False, latest=None, warning="")
    assert progress.share == 0.75
    assert progress.rejected == {("reals", "not-found"): 10, ("screen", "not-found"): 5}
    assert Progress((), finished=False, latest=None, warning="").share == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (42, "42 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (12_000, "3 h 20 min"),
        (90_000, "1 d 1 h"),
        (3_599.7, "1 h"),
    ],
)
def test_a_duration_is_told_in_two_units(seconds: float, text: str):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, None),
        ({"PREFECT_API_URL": "http://127.0.0.1:4200/api"}, "http://127.0.0.1:4200"),
        (
            {"PREFECT_UI_URL": "https://prefect.example/", "PREFECT_API_URL": "http://elsewhere/api"},
            "https://prefect.example",
        ),
        ({"PREFECT_UI_URL": "javascript:alert(1)"}, None),
    ],
)
def test_prefects_page_is_where_its_settings_say(environment: dict[str, str], address: str | None):
    assert prefect_page(environment) == address


def test_a_build_is_read_from_its_folder(build: BuildFolder):
    progress = read_progress(build)
    assert not progress.finished
    assert progress.latest is not None
    assert [(stage.name, stage.chunks_done) for stage in progress.stages][:4] == [
        ("list", 2),
        ("reals", 2),
        ("screen", 2),
        ("select", 0),
    ]
    assert progress.rejected == {("screen", "not-an-image"): 1}


def test_all_who_look_share_one_reading(build: BuildFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pages.app.progress._PAUSE", 1e9)
    reader = ProgressReader()
    assert reader.read(build) is reader.read(build)
