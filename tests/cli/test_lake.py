"""otwatch analyze --lake and otwatch lake, as people call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import ATTACK, LEARN, SITE, assert_one_line, otwatch

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake") / "lake"
    assert otwatch("analyze", LEARN, ATTACK, "--site", SITE, "--lake", folder).returncode == 0
    return folder


def rows(lake: Path, *question: str) -> list[dict[str, object]]:
    told = otwatch("lake", *question, "--lake", lake, "--format", "jsonl")
    assert (told.returncode, told.stderr) == (0, "")
    return [json.loads(line) for line in told.stdout.splitlines()]


def test_every_operation_is_in_the_lake_once(lake: Path) -> None:
    """Those that act as rows, the others as counts: together, what `export` writes. Independent of how the lake chooses."""
    told = otwatch("export", "operations", LEARN, ATTACK, "--merge")
    exported = [json.loads(line) for line in told.stdout.splitlines()]
    kept = rows(lake, "query", "SELECT action, status, frame, file, item, value FROM operations")
    counted = rows(lake, "query", "SELECT sum(messages)::BIGINT AS n FROM behaviours")
    assert len(kept) + int(str(counted[0]["n"])) == len(exported)
    wrote = [(one["frame"], one["file"], one["item"]) for one in exported if one["action"] in ("WRITE", "CONTROL", "STOP") or one["status"] != "ok"]
    assert {(one["frame"], one["file"], one["item"]) for one in kept} >= set(wrote)
    for action in ("READ", "WRITE"):
        wanted = sum(one["action"] == action and one["role"] == "request" for one in exported)
        chosen = f"action = '{action}' AND role = 'request'"
        [acting] = rows(lake, "query", f"SELECT count(*) AS n FROM operations WHERE {chosen}")
        [looking] = rows(lake, "query", f"SELECT coalesce(sum(messages), 0)::BIGINT AS n FROM behaviours WHERE {chosen}")
        assert int(str(acting["n"])) + int(str(looking["n"])) == wanted


def test_the_questions_are_answered(lake: Path) -> None:
    told = rows(lake, "writers", "192.168.10.12")
    assert {"192.168.10.20", "172.16.5.66"} <= {one["client"] for one in told}
    assert any(one["refused"] for one in told)
    history = rows(lake, "history", "192.168.10.12")
    assert {"serves", "commanded by"} <= {str(one["what"]) for one in history}
    assert rows(lake, "first-seen", "172.16.5.66")[0]["first"] == rows(lake, "first-seen")[0]["first"]
    assert any(one["src"] == "172.16.5.66" for one in rows(lake, "alerts"))
    assert rows(lake, "writers", "192.0.2.1") == []
    assert rows(lake, "writers", "--since", "2030-01-01") == []
    assert rows(lake, "writers", "x' OR '1'='1") == []


def test_the_whole_record_is_there_as_json(lake: Path) -> None:
    for table in ("assets", "alerts", "incidents"):
        [one, *_] = rows(lake, "query", f"SELECT id, record FROM {table}")
        assert json.loads(str(one["record"]))["id"] == one["id"]


def test_a_name_finds_the_addresses_of_an_asset(lake: Path) -> None:
    [asset, *_] = rows(lake, "query", "SELECT id, addresses FROM assets WHERE addresses LIKE '%192.168.10.12%'")
    assert rows(lake, "writers", str(asset["id"])) == rows(lake, "writers", "192.168.10.12")


def test_read_again_adds_nothing(lake: Path) -> None:
    before = rows(lake, "query", "SELECT count(*) AS n FROM operations")
    told = otwatch("analyze", LEARN, ATTACK, "--site", SITE, "--lake", lake)
    assert told.returncode == 0
    assert "is in the lake already" in told.stderr
    assert rows(lake, "query", "SELECT count(*) AS n FROM operations") == before


def test_jobs_make_the_same_lake(lake: Path, tmp_path: Path) -> None:
    both = (ATTACK, ATTACK.with_name("opcua-walk.pcap"))
    for jobs in ("1", "2"):
        assert otwatch("analyze", *both, "--lake", tmp_path / jobs, "--jobs", jobs).returncode == 0
    for table in ("operations", "behaviours", "flows", "facts"):
        sql = f"SELECT * FROM {table} ORDER BY ALL"
        assert rows(tmp_path / "1", "query", sql) == rows(tmp_path / "2", "query", sql), table


def test_verify_and_days_and_tidy(lake: Path) -> None:
    told = otwatch("lake", "verify", lake)
    assert told.returncode == 0
    head = told.stdout.split()[-1]
    assert otwatch("lake", "verify", lake, "--head", head).returncode == 0
    assert otwatch("lake", "verify", lake, "--head", "0" * 63 + "1").returncode == 3
    assert "hours without a sensor" in otwatch("lake", "days", "--lake", lake).stdout
    assert otwatch("lake", "tidy", "--lake", lake).returncode == 0
    assert otwatch("lake", "verify", lake).returncode == 0


def test_raw_reads_where_they_are_wanted(tmp_path: Path) -> None:
    assert otwatch("analyze", ATTACK, "--lake", tmp_path / "lake", "--lake-raw-reads").returncode == 0
    [counts] = rows(tmp_path / "lake", "query", "SELECT (SELECT count(*) FROM reads) AS r, (SELECT sum(messages)::BIGINT FROM behaviours) AS b")
    assert counts["r"] == counts["b"]


def test_wrong_use_is_one_line(lake: Path, tmp_path: Path) -> None:
    assert_one_line(otwatch("lake", "query", "SELEC", "--lake", lake), "SQL")
    assert_one_line(otwatch("lake", "writers", "--lake", tmp_path / "no"), "no such folder")
    assert_one_line(otwatch("lake", "writers", "--lake", lake, "--since", "soon"), "is no time")
    assert_one_line(otwatch("lake", "tidy", "--lake", lake, "--size", "big"), "no size")


def test_days_are_compared(tmp_path: Path) -> None:
    assert otwatch("analyze", ATTACK, ATTACK.with_name("opcua-walk.pcap"), "--lake", tmp_path / "lake").returncode == 0
    days = [f"{tmp_path / 'lake'}@2026-11-{day}" for day in (22, 30)]
    told = otwatch("diff", *days, "--fail-on", "new-asset")
    assert told.returncode == 3
    assert "192.168.10.18" in told.stdout
    assert "gone-conversation" not in told.stdout  # a minute of a day says nothing of who is gone
    assert "No change was seen." in otwatch("diff", days[0], days[0]).stdout
    assert_one_line(otwatch("diff", days[0], f"{tmp_path / 'lake'}@2026-01-01"), "no such day")
