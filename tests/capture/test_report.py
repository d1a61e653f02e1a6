"""The report can be kept, compared and turned into a record."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.capture.craft import Pcapng, read


def test_a_report_is_frozen_and_plain(tmp_path: Path) -> None:
    ng = Pcapng()
    path = tmp_path / "x"
    path.write_bytes(ng.section() + ng.interface((2, b"eth0")) + ng.packet(b"x", 5) + b"rest")
    report = read(path).report
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.packets = 2  # type: ignore[misc]
    record = json.loads(json.dumps(dataclasses.asdict(report)))
    assert record["interfaces"][0]["name"] == "eth0"
    assert record["problems"][0] == {"offset": 28 + 32 + 36, "frame": 1, "kind": "truncated",
                                     "text": "The file ends inside a record (needed 12, had 4)"}


def test_a_capture_without_packets_has_no_times(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(Pcapng().section())
    report = read(path).report
    assert (report.packets, report.first_ns, report.last_ns, report.link_types) == (0, None, None, {})
