"""Which rules several processes weaken: those that look at more than one pair of addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otwatch.capture.bpf import libpcap
from otwatch.engine.detector import rules_of
from otwatch.errors import CaptureError
from otwatch.sensor.config import read_config
from otwatch.sensor.doctor import Finding, examine
from otwatch.sensor.sharing import weakened_rules


def findings(tmp_path: Path, **values: Any) -> list[Finding]:
    settings = {"state": str(tmp_path), "interfaces": ("lo",), **values}
    config = read_config(None, {f"sensor.{key}": value for key, value in settings.items()})
    return [finding for finding in examine(config) if finding.what in ("capture", "filter") or finding.what.endswith("processes")]


def test_rules_on_pairs_are_as_good_as_in_one_process() -> None:
    weaker = weakened_rules(rules_of())
    assert {"network.host-sweep", "network.ot-host-sweep", "ot.same-command-on-many", "lateral.pivot-command", "ot.stop-load-start"} <= set(weaker)
    assert not {"network.port-scan", "ot.brute-force", "ot.unauthorized-write", "ot.new-talker", "modbus.unit-scan"} & set(weaker)


def test_the_doctor_names_them(tmp_path: Path) -> None:
    assert findings(tmp_path) == []
    (tmp_path / "1-of-3" / "spool").mkdir(parents=True)
    told = findings(tmp_path, workers=64)
    assert [finding.state for finding in told] == ["note"] * 3
    assert "on " in told[0].text
    assert all(rule in told[1].text for rule in weakened_rules(rules_of()))
    assert "1-of-3" in told[2].text


def test_the_doctor_on_other_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        libpcap()
    except CaptureError:
        assert findings(tmp_path, capture="libpcap")[0].state == "bad"
    else:
        assert [finding.state for finding in findings(tmp_path, capture="libpcap", filter="port 502", workers=2)] == ["note", "note", "bad"]
    monkeypatch.setattr("otwatch.sensor.doctor.libpcap", _missing)
    assert findings(tmp_path, capture="libpcap")[0].state == "bad"


def _missing() -> None:
    raise CaptureError("libpcap is missing")
