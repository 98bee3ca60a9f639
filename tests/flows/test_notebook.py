"""The example notebook runs from its first cell to its last, on a small dataset."""

from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "first-look.ipynb"


# the kernel's own: it listens on the loopback address
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::ResourceWarning")
def test_the_notebook_runs(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TWINSET_DATASET", str(built))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    told = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "small by twinset" in told
    assert "headers" in told


def test_the_notebook_names_no_machine():
    text = NOTEBOOK.read_text()
    assert "/home/" not in text
    assert "/root/" not in text
    assert NOTEBOOK.stat().st_size < 300_000
