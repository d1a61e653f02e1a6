"""`otwatch site draft`: inactive as written, right when its lines are taken in, and what an incident did is marked."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from otwatch.site.load import load_site
from tests.cli.calling import ATTACK, LEARN, assert_one_line, otwatch


def draft(capture: Path, folder: Path) -> str:
    path = folder / "site.yaml"
    done = otwatch("site", "draft", capture, "--output", path)
    assert done.returncode == 0, done.stderr
    return path.read_text()


def active(text: str) -> str:
    """Every proposal accepted: what a person gets who takes the first # off each line that is not prose."""
    return "\n".join(line.removeprefix("#") for line in text.splitlines() if not re.match(r"#\s+[^\s-]|# \S", line))


def test_a_draft_is_inactive_until_lines_are_accepted(tmp_path: Path) -> None:
    text = draft(ATTACK, tmp_path)
    assert load_site(tmp_path / "site.yaml").is_empty
    (tmp_path / "accepted.yaml").write_text(active(text))
    site = load_site(tmp_path / "accepted.yaml")
    assert {(zone.level, str(zone.networks[0])) for zone in site.zones} == {(1.0, "192.168.10.0/24"), (4.0, "172.16.5.0/24")}
    assert site.role("192.168.10.10") == "controller"
    assert site.role("192.168.10.20") == "scada_server"
    assert "who: [192.168.10.20], to: [192.168.10.10], protocols: [modbus], actions: [WRITE]" in text


def test_what_an_incident_did_is_marked(tmp_path: Path) -> None:
    lines = draft(ATTACK, tmp_path).splitlines()
    writers = {line: why for line, why in pairwise(lines) if "who: [" in line}
    assert writers
    for line, why in writers.items():
        assert ("!! incident" in why) == ("172.16.5.66" in line or "who: [192.168.10.30]" in line), line
    assert any(line.startswith("#jump_hosts: [192.168.10.30]") for line in lines)


def test_an_ordinary_day_marks_nothing(tmp_path: Path) -> None:
    text = draft(LEARN, tmp_path)
    assert "!! incident" not in text
    assert "#writers:" in text


def test_a_draft_taken_in_whole_hides_no_pivot_and_lists_all_that_was_commanded(tmp_path: Path) -> None:
    text = draft(LEARN, tmp_path)
    assert "to: [192.168.10.12], protocols: [dnp3], actions: [CONTROL, CONFIGURE]" in text
    (tmp_path / "accepted.yaml").write_text(active(text))
    assert not load_site(tmp_path / "accepted.yaml").conduits  # one pair of hosts makes none
    assert "# office-1 to cell-1: one pair of hosts, not proposed" in text
    done = otwatch("analyze", ATTACK, "--site", tmp_path / "accepted.yaml")
    assert "by 172.16.5.66 through 192.168.10.30" in done.stdout


@pytest.mark.parametrize("words", [("exists already",)])
def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "site.yaml").write_text("version: 1\n")
    assert_one_line(otwatch("site", "draft", LEARN, "--output", tmp_path / "site.yaml"), *words)
    assert (tmp_path / "site.yaml").read_text() == "version: 1\n"


def test_a_capture_without_packets_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(LEARN.read_bytes()[:24])
    assert_one_line(otwatch("site", "draft", empty, "--output", tmp_path / "site.yaml"), "nothing to propose")
    assert not (tmp_path / "site.yaml").exists()
