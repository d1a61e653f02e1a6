"""The report in a real browser: it fetches nothing, runs nothing but its own script, filters, selects, unfolds, prints."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otwatch.outputs.report.html import write_html
from otwatch.outputs.view.assemble import plant_view
from tests.browser.driving import CHROMIUM, LARGEST_PICTURE, PICTURES, chromium, demo_report, page, pictures
from tests.outputs.report.plants import hostile, plant

pytest.importorskip("playwright", reason="playwright is not installed: make browser")
pytestmark = [pytest.mark.browser, pytest.mark.extended, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_report(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.html"
    write_html(plant_view(plant(2_000, 10_000)), path)
    return path


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wild") / "wild.html"
    found, activity = hostile()
    write_html(plant_view(found, activity=activity), path)
    return path


def visible(tab: Any, what: str) -> int:
    return tab.locator(f"{what}:visible").count()


@pytest.mark.parametrize("name", ["demo", "large", "wild"])
def test_one_request_no_console_line_no_error_no_dialog(browser: Any, name: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(name)
    with page(browser, path) as (tab, seen):
        tab.mouse.wheel(0, 20_000)
        assert seen.requests == [path.as_uri()]
        assert seen.complaints == []


def test_hostile_text_does_not_run(browser: Any, wild: Path) -> None:
    with page(browser, wild) as (tab, seen):
        for node in tab.locator("#nodes .node").all()[::3]:
            node.dispatch_event("click")
        tab.fill("#search", "<script>")
        tab.wait_for_timeout(150)
        assert tab.locator("html").get_attribute("data-hit") is None
        assert tab.locator("main img, main script, [onerror], [onmouseover]").count() == 0
        assert tab.evaluate("({}).polluted") is None
        assert seen.complaints == []


def test_markup_cannot_be_made_of_text_at_all(browser: Any, demo: Path) -> None:
    with page(browser, demo) as (tab, _), pytest.raises(Exception, match="TrustedHTML"):
        tab.evaluate("document.querySelector('#panel').innerHTML = '<b>x</b>'")


def test_the_map_shows_what_python_laid_out_and_filters_it(browser: Any, demo: Path) -> None:
    with page(browser, demo) as (tab, _):
        assert tab.locator("#nodes .node").count() == 8
        every = visible(tab, "#lines .line")
        tab.select_option("[name=kind]", "incident")
        assert 0 < visible(tab, "#lines .line") == visible(tab, "#lines .line.incident") < every
        tab.select_option("[name=kind]", "")
        tab.select_option("[name=protocol]", label="s7comm")
        assert 0 < visible(tab, "#lines .line") < every
        assert "protocol=" in tab.url
        tab.reload()
        tab.wait_for_selector("html[data-ready]", state="attached")
        assert 0 < visible(tab, "#lines .line") < every


@pytest.mark.parametrize("name", ["demo", "large", "wild"])
def test_labels_do_not_overlap(browser: Any, name: str, request: pytest.FixtureRequest) -> None:
    overlapping = """() => {
        const texts = Array.from(document.querySelectorAll('#drawing .node text.title, #drawing .node text.subtitle, #drawing .zone-name'))
        const boxes = texts.map(text => [text.getBBox(), text.textContent])
        const found = []
        boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, other]) => {
            if (Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x) > 1 && Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y) > 3)
                found.push(one + ' / ' + other) }))
        return found }"""
    with page(browser, request.getfixturevalue(name)) as (tab, _):
        assert tab.evaluate(overlapping) == []


def test_a_symbol_is_selected_with_its_sheet_and_let_go(browser: Any, demo: Path) -> None:
    with page(browser, demo) as (tab, _):
        tab.locator("#nodes .node", has_text="plc-s7").click()
        panel = tab.locator("#panel").inner_text()
        for said in ("192.168.10.11", "controller", "s7comm", "level 1"):
            assert said in panel
        assert tab.locator("#nodes .node.dim").count() > 0
        assert tab.locator("tr.chosen").count() == 1
        tab.keyboard.press("Escape")
        assert tab.locator("#nodes .node.dim").count() == 0
        assert "Select a symbol" in tab.locator("#panel").inner_text()


def test_by_keyboard_alone(browser: Any, demo: Path) -> None:
    with page(browser, demo) as (tab, _):
        tab.keyboard.press("j")
        was = tab.evaluate("document.querySelector('details.incident').open")
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.querySelector('details.incident').open") is not was
        tab.keyboard.press("m")
        first = tab.evaluate("document.activeElement.dataset.key")
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate("document.activeElement.dataset.key") != first
        tab.keyboard.press("Enter")
        assert tab.locator("#nodes .node.chosen").count() == 1
        tab.keyboard.press("/")
        assert tab.evaluate("document.activeElement.id") == "search"
        tab.keyboard.press("Escape")
        tab.keyboard.press("?")
        assert tab.locator("#keys").is_visible()


def test_tables_filter_sort_and_search(browser: Any, large: Path) -> None:
    rows = "[data-table=assets] tbody tr"
    with page(browser, large) as (tab, _):
        assert visible(tab, rows) == 200
        tab.select_option("[data-filters=assets] [data-column='4']", "cell 007")
        assert visible(tab, rows) == 50
        tab.fill("#search", "dev-7-49")
        tab.wait_for_timeout(200)
        assert visible(tab, rows) == 1
        tab.fill("#search", "")
        tab.wait_for_timeout(200)
        tab.locator("[data-table=assets] thead button", has_text="address").click()
        tab.locator("[data-table=assets] thead button", has_text="address").click()
        assert tab.locator("[data-table=assets] [aria-sort=descending]").count() == 1
        assert tab.locator(f"{rows}:visible td").first.inner_text() == "10.0.7.50"
        tab.locator("[data-more=conversations]").click()
        assert visible(tab, "[data-table=conversations] tbody tr") == 1_200


def test_a_group_unfolds_in_its_own_place(browser: Any, large: Path) -> None:
    with page(browser, large) as (tab, seen):
        card = tab.locator("#nodes .card", has_text="controller").first
        key = card.get_attribute("data-key")
        card.click()
        members = tab.locator(f"[data-of='{key}'] .node")
        assert members.count() == 39
        assert tab.locator("#unfolded .line").count() > 0
        inside = """key => { const box = document.querySelector(`[data-key="${key}"] .card-box`).getBBox()
            return Array.from(document.querySelectorAll(`[data-of="${key}"] .node`))
                .every(node => { const {e, f} = node.transform.baseVal.consolidate().matrix
                return box.x <= e && e <= box.x + box.width && box.y <= f && f <= box.y + box.height }) }"""
        assert tab.evaluate(inside, key)
        members.nth(3).click()
        assert "controller" in tab.locator("#panel").inner_text()
        tab.locator("#refold").click()
        assert tab.locator("#unfolded .node").count() == 0
        assert seen.complaints == []


def test_without_script_everything_but_the_filters_is_there(browser: Any, demo: Path) -> None:
    with page(browser, demo, java_script_enabled=False) as (tab, _):
        assert visible(tab, "[data-table=assets] tbody tr") == 8
        assert visible(tab, "#nodes .node") == 8
        assert visible(tab, ".scripted") == 0


@pytest.mark.parametrize(("name", "least", "most"), [("demo", 4, 40), ("large", 4, 80)])
def test_it_prints_pages(browser: Any, name: str, least: int, most: int, request: pytest.FixtureRequest) -> None:
    with page(browser, request.getfixturevalue(name)) as (tab, _):
        sheets = re.findall(rb"/Type\s*/Page\b", tab.pdf(prefer_css_page_size=True))
    assert least <= len(sheets) <= most


@pytest.mark.parametrize("width", [360, 1024, 2560])
@pytest.mark.parametrize("name", ["demo", "wild"])
def test_no_width_makes_the_page_scroll_sideways(browser: Any, name: str, width: int, request: pytest.FixtureRequest) -> None:
    with page(browser, request.getfixturevalue(name), viewport={"width": width, "height": 800}) as (tab, _):
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(browser: Any, demo: Path, scheme: str) -> None:
    with page(browser, demo, color_scheme=scheme) as (tab, _):
        colours = tab.evaluate("""() => ['body', '.muted', 'td.danger', 'td.good', 'a'].map(what => { const one = document.querySelector(what)
            let back = one; while (getComputedStyle(back).backgroundColor === 'rgba(0, 0, 0, 0)') back = back.parentElement
            return [what, getComputedStyle(one).color, getComputedStyle(back).backgroundColor] })""")
    for what, ink, back in colours:
        assert _contrast(ink, back) >= 4.5, (what, ink, back)


def test_elements_stay_within_the_budget(browser: Any, large: Path) -> None:
    with page(browser, large) as (tab, _):
        assert tab.evaluate("document.querySelectorAll('*').length") < 80_000


def test_pictures_of_the_docs_are_those_of_the_report(browser: Any, demo: Path, request: pytest.FixtureRequest) -> None:
    for name, picture in pictures(browser, demo).items():
        if request.config.getoption("--update-golden"):
            (PICTURES / name).write_bytes(picture)
        kept = (PICTURES / name).read_bytes()
        assert len(kept) < LARGEST_PICTURE, name
        assert _size(kept) == _size(picture), f"{name}: python -m tests.browser.driving"


def _size(png: bytes) -> tuple[int, ...]:
    return struct.unpack(">II", png[16:24])


def _contrast(ink: str, back: str) -> float:
    lights = sorted(_luminance([int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]) for colour in (ink, back))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(parts: list[float]) -> float:
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
