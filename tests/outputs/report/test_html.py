"""The report as a file: what it may load, what it escapes, the same bytes for the same input, captures with little in them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.report import html
from otwatch.outputs.report.html import html_text, write_html
from otwatch.outputs.view.assemble import plant_view
from tests.cli.calling import ATTACK, PLANT, ROOT, SITE, SMALL, assert_one_line, otwatch
from tests.outputs.report.plants import HOSTILE, hostile, plant, result

FORBIDDEN = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    r"document\.write",
    r"\beval\b",
    r"\bFunction\b",
    "ContextualFragment",
    r"fetch\(",
    "XMLHttp",
    r"import\(",
)
FOLDER = Path(html.__file__).parent


class Page(HTMLParser):
    """Elements with their attributes, and all text outside of script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag if tag in self.raw else ""

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in:
            self.raw[self._in].append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "plant.html"
    assert otwatch("analyze", ATTACK, "--site", SITE, "--report", path).returncode == 0
    return path.read_text("utf-8")


def test_the_report_of_the_demo_says_what_the_terminal_says(demo: str) -> None:
    page = Page(demo)
    terminal = " ".join(otwatch("analyze", ATTACK, "--site", SITE).stdout.split())
    for said in (
        "ACT NOW",
        "1 incident (critical): 192.168.10.11 was stopped and reprogrammed by 172.16.5.66 through 192.168.10.30",
        "100 % of OT packets decoded; both directions seen",
        "Commands from a remotely accessed host (pivot)",
    ):
        assert said in page.text
        assert said in terminal
    assert len(demo) < 300_000


def test_the_policy_allows_our_script_and_style_and_nothing_else(demo: str) -> None:
    page = Page(demo)
    policy = next(attributes["content"] for tag, attributes in page.elements if tag == "meta" and "http-equiv" in attributes)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    allowed = set(re.findall(r"sha256-[A-Za-z0-9+/=]+", policy))
    script = page.raw["script"][-1]
    for text in (script, page.raw["style"][0]):
        assert "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in allowed
    assert len(allowed) == 2
    assert "unsafe" not in policy


def test_nothing_leads_out_of_the_file(demo: str) -> None:
    for tag, attributes in Page(demo).elements:
        assert tag not in ("img", "link", "iframe", "object", "embed", "base", "form action")
        assert "src" not in attributes
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")], attributes
        for name in ("href", "action", "formaction", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")


def test_script_and_templates_never_make_markup_of_text() -> None:
    script = (FOLDER / "report.js").read_text("utf-8")
    assert not re.search("|".join(FORBIDDEN), script)
    for template in FOLDER.glob("*.html"):
        assert "|safe" not in template.read_text("utf-8").replace(" ", "")
    assert len(script) < 60_000
    assert len((FOLDER / "report.css").read_text("utf-8")) < 25_000


def test_hostile_text_of_the_wire_stays_text() -> None:
    found, activity = hostile()
    text = html_text(plant_view(found, activity=activity))
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "b onmouseover"}
    assert sum(tag == "script" for tag, _ in page.elements) == 2
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)
    for wire in HOSTILE[:7]:
        assert " ".join(wire.split()) in page.text
    assert "49" not in re.findall(r"\{\{ (\d+)", text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)
    assert "/secret" not in text
    data = page.raw["script"][0]
    assert data.isascii()
    assert not set("<>&") & set(data)
    assert json.loads(data)["lines"]


def test_element_ids_are_ours() -> None:
    found, activity = hostile()
    ids = [attributes["id"] for _, attributes in Page(html_text(plant_view(found, activity=activity))).elements if attributes.get("id")]
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)?", name or "") for name in ids)
    assert len(ids) == len(set(ids))


def test_same_bytes_twice_in_any_locale_zone_and_hash_seed(tmp_path: Path) -> None:
    written = []
    for number, environment in enumerate(
        ({"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"})
    ):
        path = tmp_path / f"{number}.html"
        command = [sys.executable, "-m", "otwatch", "analyze", str(ATTACK), "--site", str(SITE), "--report", str(path)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_the_order_of_assets_and_conversations_does_not_change_the_map() -> None:
    found = plant(60, 200)
    before = plant_view(found).map
    found.talks.reverse()
    assert plant_view(found).map == before


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (result(packets=0, operations=0, first_ns=None, last_ns=None, captures=[]), "CANNOT JUDGE"),
        (result(operations=0), "CLEAN AS FAR AS JUDGED"),
        (plant(3, 0), "No command was seen."),
    ],
    ids=["empty", "quiet", "silent"],
)
def test_captures_with_little_in_them(found, said: str) -> None:  # type: ignore[no-untyped-def]
    text = Page(html_text(plant_view(found))).text
    assert said in text
    assert "Nothing was recorded over time." in text


def test_a_capture_without_packets_is_reported_and_exits_with_2(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(SMALL.read_bytes()[:24])
    told = otwatch("analyze", empty, "--report", tmp_path / "r.html")
    assert told.returncode == 2
    assert "CANNOT JUDGE" in Page((tmp_path / "r.html").read_text("utf-8")).text


def test_one_way_captures_say_so(tmp_path: Path) -> None:
    from scapy.all import IP, rdpcap, wrpcap

    one_way = tmp_path / "one-way.pcap"
    wrpcap(str(one_way), [packet for packet in rdpcap(str(SMALL)) if IP in packet and packet[IP].dst.endswith(".10")])
    otwatch("analyze", one_way, "--report", tmp_path / "r.html")
    assert "one direction" in Page((tmp_path / "r.html").read_text("utf-8")).text


def test_files_are_named_without_folder_and_with_their_hash(demo: str) -> None:
    assert hashlib.sha256(ATTACK.read_bytes()).hexdigest() in demo
    assert str(PLANT) not in demo
    assert "pcaps/" not in demo


def test_the_file_is_its_owners_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text("before")
    write_html(plant_view(result()), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["r.html"]


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    assert_one_line(otwatch("analyze", SMALL, "--report", tmp_path / "x.docx"), "name it *.html")
    assert_one_line(otwatch("analyze", SMALL, "--report", tmp_path / "no" / "x.html"), "cannot be written")
    with pytest.raises(CaptureError, match="cannot be written"):
        write_html(plant_view(result()), tmp_path / "gone" / "x.html")


def test_a_large_plant_is_folded_and_small() -> None:
    view = plant_view(plant(2_000, 10_000))
    text = html_text(view)
    assert view.map.folded
    assert len(view.map.symbols) <= 200
    assert len(view.assets) == 2_000
    assert len(text.encode()) < 4_000_000
    assert text.count('<g class="line') <= 1_000
