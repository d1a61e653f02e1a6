"""The report of a lake says what the report of the analysis says, and what its manifest proves."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.lake.asking import Span
from otwatch.lake.layout import MANIFEST, Lake
from otwatch.lake.manifest import heads
from otwatch.lake.proof import monitoring_of
from otwatch.lake.reporting import stored_of
from otwatch.outputs.view.model import Level
from otwatch.outputs.view.plant import PlantView
from otwatch.outputs.view.stored import stored_view
from otwatch.site.load import load_site
from tests.cli.calling import ATTACK, LEARN, SITE, otwatch

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lake") / "lake"
    assert otwatch("analyze", ATTACK, "--site", SITE, "--lake", path).returncode == 0
    return path


@pytest.fixture(scope="module")
def view(lake: Path) -> PlantView:
    site = load_site(Path(SITE))
    return stored_view(stored_of(Lake(lake), Span(), site), site)


def test_commands_are_whole_with_what_became_of_them(view: PlantView) -> None:
    points = {(point.source, point.target, point.function, point.point): point for point in view.writers.points}
    stop = points["itpc", "plc-s7", "plc_stop", ""]
    assert (stop.state, stop.outcome, stop.unit) == ("not in the site file", "confirmed by the device", "rack 0 slot 2")
    assert points["hmi", "plc-mb", "write_single_register", "40101"].value == "460"  # the operator's, on which no alert stands
    assert ("eng", "plc-s7", "download_block", "DB200") in points  # the controller asks for it: the engineer acts
    assert not any(point.source == "plc-s7" for point in view.writers.points)


def test_it_has_the_requests_over_time_and_the_protocols(view: PlantView) -> None:
    assert view.timeline.packets == ()
    assert view.timeline.bin_text == "5 min"
    found = {row.name: row for row in view.protocols}
    assert found["modbus"].decoded
    assert found["modbus"].requests == found["modbus"].responses == 97 == sum(row.total for row in view.timeline.heat if row.protocol == "modbus")
    assert view.view.verdict.level is Level.ACT_NOW


def test_the_manifest_is_the_proof_of_monitoring(lake: Path, view: PlantView) -> None:
    [place] = Lake(lake).places()
    rows = {row.requirement: "; ".join(row.facts) for row in view.evidence}
    for requirement in ("SR 6.1, 6.2 monitoring", "R1.1, R1.2 feeds and detection", "R1.3, R2, R3 evaluation, retention, protection"):
        assert "23 hours of 24 without a sensor" in rows[requirement]
        assert f"head {heads(place)[-1]}" in rows[requirement]
        assert "0 captures" not in rows[requirement]


def test_a_changed_file_or_line_stands_in_the_evidence(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    assert otwatch("analyze", LEARN, "--lake", path).returncode == 0
    assert not any("BROKEN" in sentence for sentence in monitoring_of(Lake(path), Span()))
    [file] = path.glob("site=*/sensor=*/day=*/*/behaviours.*")
    file.write_bytes(file.read_bytes() + b" ")
    assert any("BROKEN" in sentence and "was changed" in sentence for sentence in monitoring_of(Lake(path), Span()))
    assert not any("was changed" in sentence for sentence in monitoring_of(Lake(path), Span(since="2030-01-01")))  # of the days that are asked about
    [manifest] = path.glob(f"site=*/sensor=*/{MANIFEST}")
    manifest.write_bytes(manifest.read_bytes().split(b"\n", 1)[1])
    assert any("does not follow" in sentence for sentence in monitoring_of(Lake(path), Span(since="2030-01-01")))


def test_the_plant_is_chosen_where_there_are_several(tmp_path: Path, lake: Path) -> None:
    both = tmp_path / "lake"
    for options in ((), ("--site", SITE)):
        assert otwatch("analyze", LEARN, *options, "--lake", both).returncode == 0
    with pytest.raises(CaptureError, match="2 plants: choose one with --lake-site: Demonstration plant, plant"):
        stored_of(Lake(both), Span())
    assert stored_of(Lake(both), Span(site="plant")).name == "plant"
    with pytest.raises(CaptureError, match="nothing of that site"):
        stored_of(Lake(both), Span(site="other"))
    report = tmp_path / "plant.html"
    assert otwatch("report", both, "--lake-site", "plant", "--output", report).returncode == 0
    assert "2 days sealed" not in report.read_text()
    assert "1 day sealed" in report.read_text()
    refused = otwatch("report", tmp_path / "none.sqlite", "--until", "2026-11-23", "--output", report)
    assert refused.returncode == 2
    assert "for the folder of a lake" in refused.stderr


def test_a_time_without_rows_is_no_clean_plant(lake: Path) -> None:
    found = stored_view(stored_of(Lake(lake), Span(since="2030-01-01")))
    assert found.view.verdict.level is Level.CANNOT_JUDGE
    assert found.timeline.requests == ()
