"""The folder in which a training works."""

import subprocess
import sys
from pathlib import Path

import pytest

from classifier.workspace import working_folder
from manifests.errors import TwinsetError

ANOTHER = """
import sys, time
from pathlib import Path
from manifests.locks import open_locked
assert open_locked(Path(sys.argv[1])) is not None
print("held", flush=True)
time.sleep(600)
"""


def test_two_trainings_do_not_work_in_one_folder(tmp_path: Path):
    out = tmp_path / "detector"
    lock = tmp_path / ".detector.lock"
    with working_folder(out, "run") as workspace:
        assert lock.exists()
        workspace.keep_best({})
    assert not lock.exists()
    with subprocess.Popen([sys.executable, "-c", ANOTHER, lock], stdout=subprocess.PIPE, text=True) as another:
        assert another.stdout is not None
        assert another.stdout.readline() == "held\n"
        with (
            pytest.raises(TwinsetError, match=r"detector: another training works here\. Wait"),
            working_folder(out, "2"),
        ):
            pass
        assert [path.name for path in out.iterdir()] == []
        another.kill()
    # what a killed one leaves locks nobody out
    assert lock.exists()
    with working_folder(out, "run"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["detector"]


@pytest.mark.parametrize("out", ["/", "."])
def test_a_folder_that_cannot_be_replaced_is_refused_before_the_training(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TwinsetError, match="or the one that you are in"), working_folder(Path(out).resolve(), "run"):
        pass
    assert list(tmp_path.iterdir()) == []
