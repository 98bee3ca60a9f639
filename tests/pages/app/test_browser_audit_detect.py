"""The pages Audit and Detect in a real browser, by clicks: what a person sees, and that hostile files harm nobody."""

import csv
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from audit.report import Distribution, Feature, Probe, audit_report
from manifests.dataset import Dataset
from manifests.tables import write_manifest_parquet
from tests.pages.detectors import tiny_detector
from tests.pages.service.pictures import HOSTILE, POLYGLOT, encoded
from tests.ports import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 180_000  # milliseconds: other tests may have the cores


@pytest.fixture
def address(
    build_dataset: Callable[..., Dataset], write_training: Callable[[Dataset], Path], tmp_path: Path
) -> Iterator[str]:
    """The pages of a dataset whose audit failed at one probe, with a detector; asked by HTTP until they answer."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: install Debian's package `chromium`")
    dataset = build_dataset(6)
    write_manifest_parquet(dataset.folder, dataset.pairs())
    pair = next(pair for pair in dataset.pairs() if pair.frame.view == "scene")
    feature = Feature(
        name="border_ring", auc=0.8, distribution=Distribution(edges=(0, 1, 2), real=(0.9, 0.1), fake=(0.2, 0.8))
    )
    report = audit_report(
        (
            Probe(name="headers", verdict="ok", gate=True, pairs=12, value=0.0, detail="no header differs"),
            Probe(
                name="borders", subject="scene, painter", view="scene", generator="painter", verdict="fail", gate=True,
                classifier="gradient boosting", pairs=6, value=0.9, low=0.8, high=0.95, limit=0.55,
                top_features=(feature,), items=(f"{pair.pair_id}/painter", "0123456789abcdef-gone/real"),
                detail="a ring <b>of</b> one colour", remedy="cut the ring off",
            ),
        ),
        12,
    )  # fmt: skip
    dataset.folder.write("reports/audit.json", report.model_dump_json().encode())
    detector = write_training(dataset)
    tiny_detector().save(detector)
    port = free_port()
    command = [
        "-m",
        "twinset",
        "pages",
        str(dataset.folder),
        "--model",
        str(detector),
        "--port",
        str(port),
        "--no-browser",
    ]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, *command],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as server,
    ):
        try:
            yield _answering(f"http://127.0.0.1:{port}", server, tmp_path / "log")
        finally:
            server.kill()


def _answering(address: str, server: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until and server.poll() is None:
        try:
            httpx2.get(f"{address}/_stcore/health", trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.2)
        else:
            return address
    pytest.fail(f"the pages did not come up: {log.read_text()}")


def test_audit_and_detect_by_clicks(address: str, tmp_path: Path):
    from playwright.sync_api import expect, sync_playwright

    outside: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on(
            "request",
            lambda request: (
                outside.append(request.url) if not request.url.startswith((address, "data:", "blob:", "ws:")) else None
            ),
        )

        # the audit: the verdict, the probe that failed, and from it to the pair that drives it
        page.goto(f"{address}/audit")
        expect(page.locator(".tw-banner")).to_contain_text("Failed at borders")
        expect(page.locator(".tw-told").first).to_contain_text("a ring <b>of</b> one colour")
        expect(page.locator(".tw-told").first).to_contain_text("cut the ring off")
        page.locator(".tw-chart summary").first.click()
        expect(page.locator(".tw-more").first).to_be_visible()
        expect(page.locator(".tw-drivers figure")).to_have_count(2)
        assert page.locator(".tw-drivers img.tw-driver").first.evaluate("image => image.naturalWidth") == 64
        page.locator(".tw-drivers a").click()
        expect(page.get_by_text("All pairs")).to_be_visible()
        assert "?pair=" in page.url

        # the detector: nothing yet, then a good image among hostile ones
        page.get_by_role("link", name="Detect").click()
        expect(page.get_by_text("Drop images above")).to_be_visible()
        expect(page.get_by_text("of fakes recognised").or_(page.get_by_text("of its fakes recognised"))).to_be_visible()
        files = {"good.png": encoded(5, side=64), "=1+1.png": POLYGLOT} | {
            name: data for name, (data, _) in HOSTILE.items()
        }
        page.locator("input[type=file]").set_input_files(
            [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()]
        )
        expect(page.locator(".tw-verdict")).to_be_visible()
        expect(page.locator(".tw-panels .tw-bars")).to_have_count(3)
        heat = page.locator("img[alt^='heat map'], .tw-none")
        expect(heat).to_have_count(1)
        for name, (_, why) in HOSTILE.items():
            expect(page.locator("tr", has_text=name)).to_contain_text(why)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as CSV").click()
        rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
        assert sorted(row[0] for row in rows[1:]) == sorted(name.replace("=1+1", "'=1+1") for name in files)
        expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")
        page.get_by_role("combobox").click()
        page.keyboard.type("bomb")
        expect(page.get_by_role("option")).to_contain_text("bomb.png")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("20000x20000")

        # a private address is not asked
        page.get_by_label("Or a URL").fill(f"{address}/_stcore/health")
        page.get_by_role("button", name="Fetch").click()
        expect(page.locator("tr", has_text="_stcore/health")).to_contain_text("private-address")
        assert httpx2.get(f"{address}/_stcore/health", trust_env=False).status_code == 200
        browser.close()
    assert not outside
    assert "Traceback" not in (tmp_path / "log").read_text()
