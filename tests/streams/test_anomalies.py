"""The closed list."""

from __future__ import annotations

from pathlib import Path

from otwatch.streams.anomalies import ANOMALIES, StreamAnomaly


def test_every_kind_is_described_once_and_reached_by_a_test() -> None:
    assert [kind.code for kind in ANOMALIES] == list(StreamAnomaly)
    assert len({kind.name for kind in ANOMALIES}) == len(ANOMALIES)
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py") if path.name != "test_anomalies.py")
    assert [kind.name for kind in StreamAnomaly if f'"{kind.name}"' not in tests] == []
