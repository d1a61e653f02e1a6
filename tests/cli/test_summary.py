"""otwatch summary: a period of a store on a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otwatch.outputs.store import Store
from tests.cli.calling import ATTACK, SITE, assert_one_line, otwatch


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plant under attack, seen on 22 November 2026."""
    path = tmp_path_factory.mktemp("store") / "found.sqlite"
    assert otwatch("analyze", ATTACK, "--site", SITE, "--db", path).returncode == 0
    return path


def test_the_week_of_the_attack(store: Path) -> None:
    text = otwatch("summary", "--db", store, "--until", "2026-11-25T00:00:00").stdout
    assert text.startswith("otwatch 2026-11-18 to 2026-11-25: 1 incident (1 critical), ")
    assert "critical 2026-11-22T05:34 INC-9542e071 Commands from a remotely accessed host (pivot): 172.16.5.66 → " in text
    assert "New assets: 8 of 8" in text
    assert "Assets seen before and silent in this period: 0" in text


def test_the_week_after_it(store: Path) -> None:
    told = otwatch("summary", "--db", store, "--until", "2026-12-01", "--format", "mail")
    subject, rest = told.stdout.split("\n\n", 1)
    assert subject.startswith("Subject: otwatch 2026-11-24 to 2026-12-01: no incident, 0 notes, 0 new assets\nContent-Type: ")
    assert "silent in this period: 8" in rest
    record = json.loads(otwatch("summary", "--db", store, "--until", "2026-12-01", "--format", "json").stdout)
    assert (record["incidents"], len(record["silent_assets"])) == ([], 8)


def test_a_hostile_name_stays_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    store = Store(path)
    seen = {"first_seen": "2026-11-30T00:00:00Z", "last_seen": "2026-11-30T00:00:00Z"}
    store.assets([{"id": "10.0.0.9", **seen, "vendor": "a\nSubject: b\x1b[2J", "name": "", "roles": ["host"], "zone": ""}])
    assert store.commit()
    store.close()
    text = otwatch("summary", "--db", path, "--until", "2026-12-01", "--format", "mail").stdout
    assert text.count("Subject:") == 2
    assert "\nSubject: b" not in text
    assert "\x1b" not in text


def test_no_store_says_what_to_name(tmp_path: Path) -> None:
    assert_one_line(otwatch("summary", "--db", tmp_path / "none.sqlite"), "no such store", "--db")
