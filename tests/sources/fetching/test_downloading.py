"""img2dataset as a program of its own: refused in one line, and never left behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from manifests.errors import SourceError
from sources.fetching import downloading
from sources.fetching.downloading import FetchSettings, download, require_img2dataset
from sources.fetching.politeness import Pace

URL = "http://127.0.0.1:1/"


def fetch(workdir: Path):
    return list(download([URL], workdir, FetchSettings(), max_bytes=1000))


def program(path: Path, *lines: str):
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)
    return str(path)


def processes(group: int | None = None, *, naming: str = ""):
    """Processes that are alive: of a group, or with a text in their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            state, _, process_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            line = (folder / "cmdline").read_text()
        except OSError:
            continue  # no process, or it ended meanwhile
        if state != "Z" and (int(process_group) == group if group else naming in line):
            found.append(int(folder.name))
    return found


def gone(group: int | None = None, *, naming: str = "", within: float = 20):
    """Whether no such process is left after some seconds at most."""
    end = time.monotonic() + within
    while processes(group, naming=naming) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes(group, naming=naming)


def test_hosts_are_asked_politely_unless_they_are_ones_own():
    settings = FetchSettings(private_hosts=frozenset({"127.0.0.1"}))
    assert settings.pace("photos.example") == Pace(at_a_time=8, interval=0.02)
    assert settings.pace("127.0.0.1") == Pace(at_a_time=None, interval=0)


def test_a_pace_that_is_given_holds_for_all_hosts():
    settings = FetchSettings(per_host=2, interval=1, private_hosts=frozenset({"127.0.0.1"}))
    assert settings.pace("photos.example") == settings.pace("127.0.0.1") == Pace(at_a_time=2, interval=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"private_hosts": ["http://127.0.0.1/"]},
        {"private_hosts": ["LOCALHOST"]},
        {"contact": "me)\r\nX-Header: 1"},
        {"per_host": 0},
        {"interval": -1},
    ],
)
def test_a_wrong_setting_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        FetchSettings.model_validate(wrong)


def test_settings_are_written_the_same_each_time():
    hosts = [f"{number}.example" for number in range(20)]
    texts = {FetchSettings(private_hosts=frozenset(hosts[n:] + hosts[:n])).model_dump_json() for n in range(20)}
    assert len(texts) == 1


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def test_a_missing_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "img2dataset", None)
    with pytest.raises(SourceError, match=r"pip install 'twinset\[fetch\]'"):
        fetch(tmp_path)


def test_the_backport_of_dataclasses_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    require_img2dataset()
    (tmp_path / "dataclasses.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(SourceError, match="pip uninstall -y dataclasses"):
        require_img2dataset()


def test_nothing_to_fetch_starts_nothing(tmp_path: Path):
    assert list(download([], tmp_path, FetchSettings(), max_bytes=1000)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_is_one_line_with_its_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    failing = program(tmp_path / "python", "echo starting", "echo 'OSError: no space left' >&2", "exit 3")
    monkeypatch.setattr(sys, "executable", failing)
    with pytest.raises(SourceError, match=r"exit code 3: OSError: no space left; see .*img2dataset.log") as caught:
        fetch(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "img2dataset").exists()


@needs_proc
def test_a_run_that_hangs_is_killed_with_all_that_it_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    started = tmp_path / "started"
    hanging = program(tmp_path / "python", "sleep 600 &", f"echo $$ > {started}", "sleep 600")
    monkeypatch.setattr(sys, "executable", hanging)
    monkeypatch.setattr(downloading, "_START", 2.0)
    monkeypatch.setattr(downloading, "_LOOK_UP", 0.0)
    with pytest.raises(SourceError, match="did not end within 3 s"):
        list(
            download([URL], tmp_path, FetchSettings(deadline=1, private_hosts=frozenset({"127.0.0.1"})), max_bytes=1000)
        )
    assert gone(int(started.read_text()))


PARENT = """
import sys
from pathlib import Path
from sources.fetching.downloading import FetchSettings, download
list(download([sys.argv[1]], Path(sys.argv[2]), FetchSettings(deadline=300, private_hosts={"127.0.0.1"}), max_bytes=1000))
"""


@needs_proc
def test_a_killed_parent_leaves_no_process_behind(tmp_path: Path, server: Any):
    server.routes["/silent"] = lambda handler: handler.wait(300)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, server.url("/silent"), str(tmp_path)])
    try:
        assert server.asked.wait(180)
        worker = next(pid for pid in processes(naming=str(tmp_path)) if pid != parent.pid)
        assert len(processes(worker)) >= 3  # img2dataset, its logger and the process that fetches
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert gone(worker)
