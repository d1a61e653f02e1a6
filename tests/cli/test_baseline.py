"""otwatch baseline: learn, check, show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.calling import ATTACK, LEARN, SMALL, assert_one_line, otwatch


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("baseline") / "plant.json"
    told = otwatch("baseline", "learn", LEARN, "--output", path)
    assert told.returncode == 0
    assert "hosts" in told.stdout
    return path


def test_what_was_learned_is_no_deviation(learned: Path) -> None:
    told = otwatch("baseline", "check", learned, LEARN, "--fail-on-deviation")
    assert told.returncode == 0
    assert told.stdout.startswith("0 deviations from ")


def test_an_attack_is_many(learned: Path) -> None:
    told = otwatch("baseline", "check", learned, ATTACK, "--fail-on-deviation")
    assert told.returncode == 3
    assert "172.16.5.66 -> 192.168.10.10 modbus write" in " ".join(told.stdout.split())


def test_show_lists_conversations_and_ranges_whole_in_any_terminal(learned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    told = otwatch("baseline", "show", learned)
    assert told.returncode == 0
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert "…" not in told.stdout
    written = lines[lines.index("Written addresses"):lines.index("Read, browsed and identified")]
    at = written.index("192.168.10.20 -> 192.168.10.10 modbus")
    assert written[at + 1:at + 3] == ["unit 1 coil 2 2 messages", "unit 1 holding_register 100 2 messages"]
    assert "rack 0 slot 2 DB object 1 64-67 2 messages" in written


def test_extend_adds_to_it(learned: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.json"
    shutil.copy(learned, both)
    assert otwatch("baseline", "learn", ATTACK, "--output", both, "--extend").returncode == 0
    for capture in (LEARN, ATTACK):
        assert otwatch("baseline", "check", both, capture).stdout.startswith("0 deviations from ")


def test_the_same_captures_give_the_same_file(learned: Path, tmp_path: Path) -> None:
    otwatch("baseline", "learn", LEARN, "--output", tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == learned.read_bytes()


def test_nothing_read_is_nothing_learned(tmp_path: Path) -> None:
    assert_one_line(otwatch("baseline", "learn", "nowhere.pcap", "--output", tmp_path / "x.json"), "nowhere.pcap")
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("command", [
    ("check", "nowhere.json", SMALL), ("show", "nowhere.json"), ("learn", SMALL, "--extend", "--output", "nowhere.json"),
])
def test_a_missing_baseline(command: tuple[str | Path, ...]) -> None:
    assert_one_line(otwatch("baseline", *command), "nowhere.json")


def test_a_bad_baseline(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[1, 2")
    assert_one_line(otwatch("baseline", "show", tmp_path / "bad.json"), "bad.json")


def test_a_capture_is_never_overwritten(tmp_path: Path) -> None:
    shutil.copy(SMALL, tmp_path / "x.pcap")
    assert_one_line(otwatch("baseline", "learn", tmp_path / "x.pcap", "--output", tmp_path / "x.pcap"), "is a capture")
    assert (tmp_path / "x.pcap").read_bytes() == SMALL.read_bytes()
