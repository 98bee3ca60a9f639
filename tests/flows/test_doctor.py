"""What the doctor finds, and whether it knows what a recipe lacks."""

import http.server
import importlib.metadata
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.doctor.devices import check_device
from flows.doctor.findings import Finding, missing
from flows.doctor.machine import check_backport, check_disk, check_open_files, check_python
from flows.doctor.needs import check_models, check_sources, disk_needed, fetches_urls
from flows.doctor.network import check_hub, check_prefect
from flows.doctor.packages import check_extra, check_requirements
from flows.recipe import Recipe, parse_recipe

MODELS = Path(__file__).parents[2] / "demo" / "models"


def recipe(**changes: object) -> Recipe:
    content: dict[str, object] = {
        "name": "small",
        "sources": [{"type": "folder", "path": "photographs"}],
        "views": [{"name": "scene", "framing": "scene", "frame": 64, "size": 40, "generators": ["sd"]}],
        "caption": {"source": "blip", "model": str(MODELS / "blip")},
        "generators": [{"name": "sd", "method": "text-to-image", "model": str(MODELS / "stable-diffusion")}],
    }
    return parse_recipe(content | changes, "test")


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in found}


@pytest.fixture
def server() -> Iterator[str]:
    """A server that has a health page of Prefect's API, and nothing else."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_the_machine_of_the_tests_can_build():
    for finding in (check_python(), check_backport(), check_requirements(), check_open_files()):
        assert finding.state == "ok", finding


def test_the_backport_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    records = tmp_path / "dataclasses-0.6.dist-info"
    records.mkdir()
    (records / "METADATA").write_text("Metadata-Version: 2.1\nName: dataclasses\nVersion: 0.6\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = check_backport()
    assert finding.state == "missing"
    assert finding.remedy == "pip uninstall dataclasses"


def test_a_full_disk_is_told(tmp_path: Path):
    assert check_disk(tmp_path, needed=1).state == "ok"
    finding = check_disk(tmp_path, needed=2**70)
    assert finding.state == "missing"
    assert "the recipe takes about" in finding.found


def test_an_extra_that_is_not_installed_is_missing_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        importlib.metadata,
        "requires",
        lambda _: ["no-such-package>=1; extra == 'web'", "typer<0.1; extra == 'web'", "numpy; extra == 'fast'"],
    )
    assert check_requirements().state == "ok"
    assert check_extra("fast").state == "ok"
    finding = check_extra("web")
    assert finding.state == "warning"
    assert "no-such-package is not installed; typer " in finding.found
    assert "expected <0.1" in finding.found
    assert finding.remedy == "pip install 'twinset[web]'"
    assert check_extra("web", is_needed=True).state == "missing"


def test_torch_and_its_devices_are_named():
    torch, *devices = check_device()
    assert (torch.name, torch.state) == ("torch", "ok")
    assert devices


def test_prefects_server_is_asked_where_one_is_named(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert "each run starts its own" in check_prefect().found
    monkeypatch.setenv("PREFECT_API_URL", f"{server}/api")
    assert check_prefect().state == "ok"
    monkeypatch.setenv("PREFECT_API_URL", server)
    assert "must end in /api" in check_prefect().remedy
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert check_prefect().state == "missing"
    monkeypatch.setenv("PREFECT_API_URL", "no url")
    assert check_prefect().state == "missing"


def test_the_hub_is_asked(server: str, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in check_hub().found
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", server)
    assert check_hub().state == "ok"
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert check_hub().state == "warning"


def test_models_in_folders_are_there(tmp_path: Path):
    found = by_name(check_models(recipe(), tmp_path, hub_answers=False))
    assert {name: finding.state for name, finding in found.items()} == {"caption model": "ok", "generator sd": "ok"}


def test_a_model_that_is_neither_here_nor_in_reach_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    asked = recipe(
        caption={"source": "blip", "model": "org/captioner"},
        generators=[
            {"name": "sd", "method": "text-to-image", "preset": "sd14"},
            {"name": "gone", "method": "text-to-image", "model": "./gone"},
        ],
        views=[{"name": "scene", "framing": "scene", "frame": 64, "size": 40, "generators": ["sd", "gone"]}],
        classifier={"weights": "first.safetensors"},
    )
    (tmp_path / "models--org--captioner" / "snapshots" / "0123").mkdir(parents=True)
    found = by_name(check_models(asked, tmp_path, hub_answers=False))
    assert "in the Hub's cache" in found["caption model"].found
    assert found["generator sd"].state == "missing"
    assert "CompVis/stable-diffusion-v1-4 is not on this machine" in found["generator sd"].found
    assert found["generator gone"].state == "missing"
    assert found["classifier weights"].state == "missing"


def test_sources_of_this_machine_are_looked_for(tmp_path: Path):
    assert [finding.state for finding in check_sources(recipe(), tmp_path)] == ["missing"]
    (tmp_path / "photographs").mkdir()
    assert [finding.state for finding in check_sources(recipe(), tmp_path)] == ["ok"]
    elsewhere = recipe(sources=[{"type": "open-images", "csv": "https://example.org/images.csv"}])
    assert check_sources(elsewhere, tmp_path) == []
    assert fetches_urls(elsewhere)
    assert not fetches_urls(recipe())


def test_the_disk_that_a_recipe_needs_is_told_where_its_sources_are_counted(tmp_path: Path):
    assert disk_needed(recipe(), tmp_path) is None
    (tmp_path / "photographs").mkdir()
    assert disk_needed(recipe(), tmp_path) == 0


def test_foreign_text_is_made_printable():
    assert missing("a", "\x1b[2Jgone", "\x07").found == "?[2Jgone"
