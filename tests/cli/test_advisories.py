"""`analyze --advisories`: what is published about the devices of a capture, as text and records."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.cli.calling import LEARN, assert_one_line, otwatch
from tests.intel.craft import advisory, library

MODICON = advisory(
    "ICSA-2", vendor="Schneider Electric", product="Modicon M340 CPU (part numbers BMXP34*)", numbers=(), ranges=("< 3.10",), cve="CVE-2"
)


def test_devices_are_looked_up_and_the_age_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    text = otwatch("analyze", LEARN, "--advisories", library(tmp_path, advisory("ICSA-1"), MODICON)).stdout
    assert "2 advisories in 2 files, 1 files refused; the newest of 2026-01-02, 324 days before the end of the capture" in text
    assert "affected  192.168.10.10 unit 1  ICSA-2: CVE-2 (CVSS 7.5)" in text
    assert "possible  192.168.10.11  ICSA-1" in text
    assert "vulnerable" not in text


def test_the_report_has_them_and_names_them_on_the_sheet(tmp_path: Path) -> None:
    report = tmp_path / "plant.html"
    told = otwatch("analyze", LEARN, "--advisories", library(tmp_path, advisory("ICSA-1"), MODICON), "--report", report)
    assert told.returncode == 0
    text = report.read_text()
    assert 'href="#advisories">Advisories 2<' in text
    assert "2 advisories in 2 files; the newest of 2026-01-02" in text
    table = text[text.index('<section id="advisories">') :]
    assert table.index("<td>affected") < table.index("<td>possible")
    assert re.search(r'<a href="#sheet-\d+">192.168.10.10 unit 1</a></td><td>affected</td><td class="right">80%</td>', table)
    assert re.search(r"<th>advisory</th><td>affected \(80%\): ICSA-2 CVE-2", text)
    assert otwatch("analyze", LEARN, "--report", report).returncode == 0
    assert "Advisories" not in report.read_text()


def test_records(tmp_path: Path) -> None:
    lines = otwatch("analyze", LEARN, "--format", "jsonl", "--advisories", library(tmp_path, MODICON)).stdout.splitlines()
    (record,) = (one for one in map(json.loads, lines) if one["type"] == "advisory")
    assert (record["subject"], record["result"], record["cves"]) == ("192.168.10.10 unit 1", "affected", ["CVE-2"])
    assert "frame 366 of plant-learn.pcap" in record["reason"]


def test_a_folder_without_advisories_is_refused_before_the_work(tmp_path: Path) -> None:
    assert_one_line(otwatch("analyze", LEARN, "--advisories", tmp_path), "no advisories there")
    (tmp_path / "x.json").write_text("[]")
    assert_one_line(otwatch("analyze", LEARN, "--advisories", tmp_path), "none of 1 files is a CSAF advisory")
