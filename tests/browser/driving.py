"""Reports in the system's chromium. `python -m tests.browser.driving` writes the screenshots of the docs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.calling import ATTACK, ROOT, SITE, otwatch

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = ROOT / "docs" / "reference"
LARGEST_PICTURE = 150_000


@dataclass
class Seen:
    """What a page did that it must not do, and what it fetched."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page(browser: Any, path: Path, **options: Any) -> Iterator[tuple[Any, Seen]]:
    """A report in a tab of its own."""
    context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}, **options})
    tab, seen = context.new_page(), Seen()
    tab.set_default_timeout(8_000)
    tab.on("request", lambda request: seen.requests.append(request.url))
    tab.on("console", lambda message: seen.complaints.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: seen.complaints.append(f"error: {error}"))
    tab.on("dialog", lambda dialog: (seen.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    try:
        tab.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            tab.wait_for_selector("html[data-ready]", state="attached")
        yield tab, seen
    finally:
        context.close()


def demo_report(folder: Path) -> Path:
    """The report of the demonstration plant."""
    path = folder / "plant.html"
    assert otwatch("analyze", ATTACK, "--site", SITE, "--report", path).returncode == 0
    return path


def pictures(browser: Any, report: Path) -> dict[str, bytes]:
    """The screenshots of the docs: the verdict with the first incident, and the map with a controller selected."""
    with page(browser, report, viewport={"width": 1000, "height": 560}) as (tab, _):
        top = tab.screenshot()
    with page(browser, report, viewport={"width": 1000, "height": 700}) as (tab, _):
        tab.evaluate("document.querySelector('#map').scrollIntoView()")
        tab.locator("#nodes .node", has_text="plc-s7").click()
        tab.evaluate("document.querySelector('#map-tools').scrollIntoView(); scrollBy(0, -80)")
        drawing = tab.screenshot()
    return {"report-verdict.png": top, "report-map.png": drawing}


def main() -> None:
    """Writes the pictures."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, picture in pictures(browser, demo_report(Path(folder))).items():
            (PICTURES / name).write_bytes(picture)


if __name__ == "__main__":
    main()
