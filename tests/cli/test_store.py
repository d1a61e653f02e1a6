"""otwatch analyze --db, and the questions to such a store."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from otwatch.outputs.store import Store
from tests.cli.calling import ATTACK, SITE, SMALL, assert_one_line, otwatch


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]]]:
    """(store, records that the analysis printed)."""
    path = tmp_path_factory.mktemp("store") / "found.sqlite"
    told = otwatch("analyze", ATTACK, "--site", SITE, "--format", "jsonl", "--db", path)
    assert (told.returncode, told.stderr) == (0, "")
    return path, [json.loads(line) for line in told.stdout.splitlines()]


def printed(*arguments: str | Path) -> list[dict[str, object]]:
    told = otwatch(*arguments, "--format", "jsonl")
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_alerts_and_assets_are_those_of_the_analysis(analysed: tuple[Path, list[dict[str, object]]]) -> None:
    path, records = analysed
    for kind, more in (("alert", ("--limit", "100000")), ("asset", ())):
        stored = printed(f"{kind}s", "--db", path, *more)
        wanted = [record for record in records if record["type"] == kind]
        assert wanted
        assert sorted(stored, key=lambda record: str(record["id"])) == sorted(wanted, key=lambda record: str(record["id"]))


def test_questions(analysed: tuple[Path, list[dict[str, object]]]) -> None:
    path, records = analysed
    critical = printed("alerts", "--database", path, "--min-severity", "critical", "--address", "172.16.5.66")
    assert critical
    assert all(record["severity"] == "critical" and "172.16.5.66" in (record["src"], record["dst"]) for record in critical)
    assert {record["id"] for record in printed("assets", "--db", path, "--role", "controller")} == {
        record["id"] for record in records if record["type"] == "asset" and "controller" in record["roles"]}  # type: ignore[operator]
    text = otwatch("alerts", "--db", path, "--rule", "lateral.*", "--limit", "2").stdout
    assert "critical" in text


def test_a_rule_is_that_of_the_alert_and_also_where_it_is_wanted(analysed: tuple[Path, list[dict[str, object]]]) -> None:
    path, _ = analysed
    own = printed("alerts", "--db", path, "--rule", "lateral.*")
    assert own
    assert all(str(record["rule"]).startswith("lateral.") for record in own)
    more = printed("alerts", "--db", path, "--rule", "lateral.*", "--also")
    assert len(more) > len(own)
    assert otwatch("alerts", "--db", path, "--also").returncode == 2


@pytest.mark.parametrize("command", ["ack", "note", "snooze"])
def test_options_before_and_after_the_subcommand(command: str, analysed: tuple[Path, list[dict[str, object]]], tmp_path: Path) -> None:
    path, _ = analysed
    alert = str(printed("alerts", "--db", path, "--limit", "1")[0]["id"])
    where, said = ("--db", path, "--state", tmp_path), (alert, "--name", "kim", "--reason", "r")
    until = ("--until", "2099-01-01") if command == "snooze" else ()
    for arguments in ((*where, command, *said), (command, *where, *said), (*where[:2], command, *where[2:], *said)):
        told = otwatch("alerts", *arguments, *until)
        assert (told.returncode, told.stderr) == (0, "")
    assert len(printed("alerts", *where, "--limit", "1")[0]["annotations"]) >= 1  # type: ignore[arg-type]
    refused = otwatch("alerts", "--limit", "3", command, *where, *said, *until)
    assert refused.returncode == 2
    assert "--limit: not an option of alerts" in refused.stderr


def test_flows_are_there(analysed: tuple[Path, list[dict[str, object]]]) -> None:
    connection = sqlite3.connect(analysed[0])
    flows = [json.loads(row[0]) for row in connection.execute("SELECT record FROM flows ORDER BY number")]
    connection.close()
    assert flows == [json.loads(line) for line in otwatch("export", "flows", ATTACK).stdout.splitlines()]


def test_an_analysis_again_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    assert otwatch("analyze", ATTACK, "--db", path).returncode == 0
    assert otwatch("analyze", SMALL, "--site", SITE, "--db", path).returncode == 0
    assert printed("alerts", "--db", path, "--min-severity", "high") == []


def test_what_could_not_be_read_leaves_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    assert otwatch("analyze", ATTACK, "--db", path).returncode == 0
    before = path.read_bytes()
    assert_one_line(otwatch("analyze", tmp_path / "nowhere.pcap", "--db", path), "nowhere.pcap")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["x.sqlite"]


def test_a_sensor_s_store_is_refused_before_the_work(tmp_path: Path) -> None:
    Store(tmp_path / "otwatch.sqlite").close()
    told = otwatch("analyze", ATTACK, "--db", tmp_path / "otwatch.sqlite")
    assert_one_line(told, "not overwritten", "name another file")
    assert told.stdout == ""


def test_a_capture_and_a_folder_that_is_not_there_are_refused(tmp_path: Path) -> None:
    capture = tmp_path / "evidence.pcap"
    capture.write_bytes(SMALL.read_bytes())
    assert_one_line(otwatch("analyze", capture, "--db", capture), "is a capture")
    assert_one_line(otwatch("analyze", capture, "--db", tmp_path / "no" / "x.sqlite"), "no folder")
    assert capture.read_bytes() == SMALL.read_bytes()


def test_no_store_is_one_line(tmp_path: Path) -> None:
    assert_one_line(otwatch("alerts", "--db", tmp_path / "none.sqlite"), "no such store", "otwatch analyze --db")
    (tmp_path / "notes").write_text("the pump hums")
    assert_one_line(otwatch("assets", "--db", tmp_path / "notes"), "not a store")
