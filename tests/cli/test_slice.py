"""`otwatch slice` and `analyze --evidence`: what is cut out stands for itself, and nothing is overwritten or mixed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.calling import ATTACK, SITE, assert_one_line, otwatch, process


@pytest.fixture(scope="module")
def incident() -> str:
    records = map(json.loads, otwatch("analyze", ATTACK, "--site", SITE, "--format", "jsonl").stdout.splitlines())
    return str(next(record["id"] for record in records if record["type"] == "incident"))


@pytest.fixture(scope="module")
def cut(incident: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slice") / "evidence"
    done = otwatch("slice", ATTACK, "--incident", f"INC-{incident[:8]}", "--site", SITE, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_slice_raises_the_same_alerts(cut: Path, incident: str) -> None:
    manifest = json.loads((cut / "manifest.json").read_text())
    assert manifest["id"] == incident
    assert manifest["not_raised_by_the_slice"] == []
    again = [json.loads(line) for line in otwatch("analyze", cut / "packets.pcapng", "--site", SITE, "--format", "jsonl").stdout.splitlines()]
    severities = {record["title"]: record["severity"] for record in again if record["type"] == "incident"}
    kept = [json.loads(line) for line in (cut / "incident.jsonl").read_text().splitlines()]
    assert severities[kept[0]["title"]] == kept[0]["severity"] == "critical"
    assert {record["type"] for record in kept[1:]} == {"alert"}


def test_hashes_are_those_of_the_files(cut: Path) -> None:
    manifest = json.loads((cut / "manifest.json").read_text())
    assert manifest["files"] == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(cut.iterdir()) if path.name != "manifest.json"
    }
    (capture,), (site,) = manifest["inputs"]["captures"], manifest["inputs"]["site"]
    assert capture == {"name": ATTACK.name, "bytes": ATTACK.stat().st_size, "sha256": hashlib.sha256(ATTACK.read_bytes()).hexdigest()}
    assert site["sha256"] == hashlib.sha256(SITE.read_bytes()).hexdigest()


def test_frames_of_the_alerts_are_found_in_the_slice(cut: Path) -> None:
    manifest = json.loads((cut / "manifest.json").read_text())
    named = {row["frame"]: row["slice_frame"] for row in manifest["frames"]}
    assert 626 in named
    rows = [json.loads(line) for line in (cut / "operations.jsonl").read_text().splitlines()]
    assert any(row["frame"] == named[626] and row["action"] == "STOP" for row in rows)


def test_every_incident_has_a_folder_of_its_own(tmp_path: Path, incident: str) -> None:
    done = otwatch("analyze", ATTACK, "--site", SITE, "--evidence", tmp_path / "all", "--output", tmp_path / "text")
    assert done.returncode == 0
    assert [path.name for path in (tmp_path / "all").iterdir()] == [f"INC-{incident[:8]}"]


def test_files_are_written_also_when_nobody_reads_the_text(tmp_path: Path) -> None:
    process("analyze", ATTACK, "--graph", tmp_path / "x.dot", "--output", "/dev/full")
    assert (tmp_path / "x.dot").exists()


def test_mistakes_are_one_line_and_change_nothing(tmp_path: Path, cut: Path) -> None:
    assert_one_line(otwatch("slice", ATTACK, "--incident", "ffffffff", "--output", tmp_path / "x"), "no such incident here: INC-")
    assert_one_line(otwatch("slice", ATTACK, "--incident", "x", "--output", cut), "exists already")
    assert_one_line(otwatch("slice", "/etc/hostname", "--incident", "x", "--output", tmp_path / "x"), "no such incident", lines=2)
    assert not (tmp_path / "x").exists()


def test_a_store_without_packets_says_where_they_would_be(tmp_path: Path, incident: str) -> None:
    store = tmp_path / "found.sqlite"
    otwatch("analyze", ATTACK, "--site", SITE, "--db", store, "--output", tmp_path / "text")
    assert_one_line(otwatch("slice", store, "--incident", incident[:8], "--output", tmp_path / "x"), "outputs.keep_packets")
