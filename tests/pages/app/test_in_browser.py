"""Each page of the app in a real browser, by clicks, over a dataset whose text is hostile."""

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from flows.folder import BuildFolder
from manifests.dataset import Dataset
from tests.command_line import start
from tests.ports import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<img src=x onerror=alert(1)> \u202e[a](javascript:alert(2)) **bold** a cone"
PATIENCE = 180_000  # milliseconds: other tests may have the cores


@pytest.fixture
def served(
    build: BuildFolder,
    build_dataset: Callable[..., Dataset],
    with_table: Callable[[Dataset], Dataset],
    write_training: Callable[[Dataset], Path],
) -> Iterator[tuple[str, Path]]:
    """The address of a server over a build whose captions are hostile, and the build's folder; Ctrl-C ends it."""
    write_training(with_table(build_dataset(text=HOSTILE)))
    port = free_port()
    with start("pages", build.url, "--port", port, "--no-browser") as process:
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}", Path(build.url)
        finally:
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Traceback" not in out + errors


def _wait(address: str, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address):  # noqa: S310 - the loopback address
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab that fails the test when a page opens a dialog, breaks, or asks another machine for anything."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install the package `chromium`")
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        tab = browser.new_page(viewport={"width": 1280, "height": 1000})
        tab.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        tab.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda request: wrong.append(request.url) if _is_foreign(request.url) else None)
        yield tab
        browser.close()
    assert wrong == []


def _is_foreign(address: str) -> bool:
    return not address.startswith(("http://127.0.0.1:", "data:", "blob:"))


def test_each_page_by_clicks(served: tuple[str, Path], page: Page):
    address, folder = served
    page.goto(address)
    _pairs(page)
    _one_pair(page, folder)
    _dropped(page)
    _judge(page, folder)
    _builds(page)
    _phone(page, address)


def _pairs(page: Page) -> None:
    expect(page.get_by_text("1–12 of 24 pairs")).to_be_visible()  # noqa: RUF001
    _press_until(page, "ArrowRight", page.get_by_text("13–24 of 24 pairs"))  # noqa: RUF001
    page.get_by_label("Split").click()
    page.get_by_role("option", name="test").click()
    expect(page.get_by_text("1–8 of 8 pairs")).to_be_visible()  # noqa: RUF001
    page.get_by_label("Words in the caption").fill("no such words")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No pair is like that")).to_be_visible()
    page.get_by_label("Words in the caption").fill("CONE")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1–8 of 8 pairs")).to_be_visible()  # noqa: RUF001
    # what is hostile stands there as it is written
    expect(
        page.get_by_text("<img src=x onerror=alert(1)> \\u202e[a](javascript:alert(2)) **bold**").first
    ).to_be_visible()
    assert page.locator("img[src='x'], a[href^='javascript']").count() == 0


def _press_until(page: Page, key: str, wanted: Locator) -> None:
    """Press a key until it is heard: what is drawn listens a moment later, and nothing on the page says when."""
    expect(page.get_by_role("button", name="Look closer").first).to_be_visible()
    until = time.monotonic() + PATIENCE / 1000
    while not wanted.is_visible() and time.monotonic() < until:
        page.keyboard.press(key)
        page.wait_for_timeout(500)
    expect(wanted).to_be_visible()


def _one_pair(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Look closer").first.click()
    expect(page.locator(".tw-window img")).to_have_count(3)
    assert (
        page.locator(".tw-window img").first.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    )
    page.get_by_text("Differences from the real").click()
    expect(page.get_by_text("|real - painter| times 4")).to_be_visible()
    page.get_by_text("The record in the manifest, in full").click()
    expect(page.get_by_text('"native_sha256"').first).to_be_visible()
    page.get_by_label("Why it should not be here").fill("shows a face")
    page.get_by_role("button", name="Flag this pair").click()
    expect(page.get_by_role("button", name="Unflag")).to_be_visible()
    pair_id = re.search(r"pair=([0-9a-z-]+)", page.url)
    assert pair_id is not None
    assert (folder / "flags.txt").read_text() == f"# shows a face\n{pair_id[1]}\n"
    page.get_by_role("button", name="All pairs").click()
    expect(page.get_by_text("1–8 of 8 pairs")).to_be_visible()  # noqa: RUF001


def _dropped(page: Page) -> None:
    page.get_by_role("radio", name="Dropped").click()
    expect(page.get_by_text("1–2 of 2 items")).to_be_visible()  # noqa: RUF001
    page.get_by_role("radio", name="Flagged").click()
    expect(page.get_by_text("twinset takedown")).to_be_visible()


def _judge(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Judge").click()
    page.get_by_label("Your name").fill("../Ann")
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    page.get_by_role("button", name="Begin").click()
    for number in range(8):
        expect(page.get_by_text(f"Image {number + 1} of 10")).to_be_visible()
        assert not re.search(r"painter|vae|accuracy", page.locator("[data-testid=stMain]").inner_text())
        # an answer that comes while this image is still being drawn would count for the one before it
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        if number % 2:
            page.get_by_role("button", name="Real").click()
        else:
            page.wait_for_function("window.twinsetKeys")  # the page's script listens
            page.keyboard.press("f")
    # 8 pairs were in the test split
    expect(page.get_by_text("You have seen all pairs")).to_be_visible()
    lines = (folder / "judgements" / "Ann.jsonl").read_text().splitlines()
    assert [json.loads(line)["answer"] for line in lines] == ["fake", "real"] * 4


def _builds(page: Page) -> None:
    page.get_by_role("link", name="Builds").click()
    expect(page.get_by_role("heading", name="Stages")).to_be_visible()
    expect(page.get_by_text("not-an-image")).to_be_visible()
    expect(page.get_by_text("Not begun, so that their time is not known")).to_be_visible()


def _phone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for name in ("judge", "?pair=../../etc/passwd"):
        page.goto(f"{address}/{name}")
        expect(page.locator(".tw-head h1, .tw-empty h2").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.get_by_text("There is no such pair")).to_be_visible()
