"""What is refused before Prefect starts."""

import sys
from pathlib import Path

import pytest

from flows.environment import prepare
from manifests.errors import TwinsetError


def test_the_dataclasses_backport_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    prepare()
    record = tmp_path / "dataclasses-0.8.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: dataclasses\nVersion: 0.8\n")
    # last on the path, as site-packages is: Python's own module is the one that is imported here
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(TwinsetError, match="pip uninstall dataclasses"):
        prepare()
