"""The report of a store says what the report of the analysis says, as far as a store keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.alerts.severity import Severity
from otwatch.outputs.store import StoreReader
from otwatch.outputs.view.model import Level
from otwatch.outputs.view.plant import PlantView
from otwatch.outputs.view.stored import Stored, asset_of, stored_view, time_ns
from tests.cli.calling import ATTACK, SITE, otwatch


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "found.sqlite"
    assert otwatch("analyze", ATTACK, "--site", SITE, "--db", path).returncode == 0
    return path


def view_of(path: Path, since: str = "") -> PlantView:
    reader, severities = StoreReader(path), [one.label for one in Severity]
    return stored_view(Stored(
        name=path.name, assets=list(reader.assets()), flows=reader.flows(since=since), since=since,
        alerts=list(reader.alerts(severities=severities, since=since, limit=1000)),
        incidents=list(reader.incidents(severities=severities, since=since, limit=1000)),
    ))


def test_the_incident_is_told_as_the_analysis_tells_it(store: Path) -> None:
    found = view_of(store)
    assert found.view.verdict.level is Level.ACT_NOW
    (incident,) = found.view.incidents
    assert incident.id.startswith("9542e071")
    assert any(step.value == "455 → 900" and step.before_frame for step in incident.steps)
    assert incident.path.startswith("172.16.5.66 (itpc, office) → 192.168.10.30 (eng, cell)")


def test_assets_conversations_and_writers(store: Path) -> None:
    found = view_of(store)
    assert {(asset.label, asset.level_text) for asset in found.assets} >= {("plc-s7", "1"), ("hmi", "2"), ("firewall", "3.5")}
    kinds = {(row.client_text.split()[-1], row.server_text.split()[-1], row.service): row.kind for row in found.conversations}
    assert kinds["eng", "plc-mb", "modbus"] == "incident"
    assert kinds["hmi", "plc-mb", "modbus"] in ("other", "command")  # never "read": a store does not say so
    assert {cell.verbs for cell in found.writers.cells.values()} >= {"W"}


def test_a_store_never_says_clean(store: Path) -> None:
    found = view_of(store, since="2030-01-01T00:00:00.000000000Z")
    assert found.view.verdict.level is Level.CANNOT_JUDGE
    assert "No incident and no note in the store since 2030-01-01 00:00 UTC" in found.view.verdict.sentence
    assert "otwatch status" in found.view.verdict.judged


def test_an_asset_of_an_older_store() -> None:
    old = {"type": "asset", "id": "10.0.0.1", "addresses": ["10.0.0.1"], "macs": [], "first_seen": "2026-11-22T05:34:03.5Z", "last_seen": "-",
           "facts": [{"kind": "vendor", "value": "x", "source": "y", "confidence": 1.0, "frame": 1, "file": "", "count": 1}]}
    found = asset_of(old)
    assert (found.id, found.first_seen_ns % 10**9, found.last_seen_ns, found.facts[0].value) == ("10.0.0.1", 5 * 10**8, 0, "x")


def test_times() -> None:
    assert time_ns("1970-01-01T00:00:01.000000002Z") == 1_000_000_002
    assert time_ns(None) == time_ns("nonsense") == 0


def test_the_command(store: Path, tmp_path: Path) -> None:
    page = tmp_path / "plant.html"
    done = otwatch("report", store, "--site", SITE, "--output", page)
    assert (done.returncode, done.stderr.strip()) == (0, f"otwatch: 1 incident, 8 assets written to {page}")
    assert "455 → 900" in page.read_text(encoding="utf-8")
    assert otwatch("report", tmp_path / "none.sqlite", "--output", page).returncode == 2
    assert otwatch("report", store, "--output", tmp_path / "plant.doc").returncode == 2
