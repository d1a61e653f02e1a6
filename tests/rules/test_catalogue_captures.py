"""Rows of the catalogue that rules for every protocol detect: each fires on a capture of this protocol of the project's own, and is silent on its
benign twin. Where a rule of the protocol detects a row, the captures stand in the rule's own tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import PLANT, ROOT, otwatch

MADE = ROOT / "pcaps" / "made"
ROWS = {  # row: rule, a capture in which it happens, and one in which the like is done by whom it becomes, or is not done
    "IE-001": ("ot.unauthorized-write", PLANT / "iec104-operate-unknown.pcap", PLANT / "iec104-operate-operator.pcap"),
    "IE-007": ("ot.new-talker", PLANT / "iec104-stations.pcap", PLANT / "iec104-poll.pcap"),
    "IE-008": ("ot.unauthorized-configuration", PLANT / "iec104-clock.pcap", PLANT / "iec104-clock-operator.pcap"),
    "IE-010": ("ot.file-transfer", PLANT / "iec104-files.pcap", PLANT / "iec104-poll.pcap"),
    "CI-003": ("ot.program-download", PLANT / "cip-program.pcap", PLANT / "cip-poll.pcap"),
    "CI-004": ("ot.force", PLANT / "cip-force.pcap", PLANT / "cip-write-operator.pcap"),
    "CI-005": ("ot.unauthorized-write", PLANT / "cip-parameters.pcap", PLANT / "cip-poll.pcap"),
    "CI-006": ("ot.unauthorized-write", PLANT / "cip-write-unknown.pcap", PLANT / "cip-write-operator.pcap"),
    "CI-009": ("ot.new-talker", PLANT / "cip-read-unknown.pcap", PLANT / "cip-poll.pcap"),
    "BA-003": ("ot.unauthorized-write", PLANT / "bacnet-write-unknown.pcap", PLANT / "bacnet-write-operator.pcap"),
    "PN-004": ("profinet.signal", MADE / "profinet.factory-reset.silent.pcap", MADE / "profinet.factory-reset.fires.pcap"),
}


def raised(capture: Path, *options: str | Path) -> set[str]:
    """The rules that raise an alert on a capture."""
    told = otwatch("analyze", capture, "--format", "jsonl", *options)
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert records, told.stderr
    return {record["rule"] for record in records if record["type"] == "alert"}


@pytest.mark.parametrize("row", sorted(ROWS))
def test_the_row_fires_on_its_protocol_and_not_on_the_benign_twin(row: str) -> None:
    rule, fires, silent = ROWS[row]
    assert rule in raised(fires)
    assert rule not in raised(silent)


def test_a_tag_outside_the_learned_set_is_reported(tmp_path: Path) -> None:
    """CI-007: the operator station writes a tag that it did not write when the baseline was learned."""
    baseline, known = tmp_path / "baseline.json", PLANT / "cip-write-operator.pcap"
    assert otwatch("baseline", "learn", known, "--output", baseline).returncode == 0
    assert "baseline.write-outside-range" in raised(PLANT / "cip-write-new-tag.pcap", "--baseline", baseline)
    assert "baseline.write-outside-range" not in raised(known, "--baseline", baseline)
