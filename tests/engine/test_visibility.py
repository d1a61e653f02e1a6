"""What could not be seen is told, and `incomplete` only where silence would mean nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otwatch.capture.report import CaptureReport, Interface
from otwatch.engine.visibility import blind_spots
from otwatch.inventory.inventory import Talk
from otwatch.outputs.result import BlindSpot
from tests.engine.network import Host, Wire, polls

REPORT = CaptureReport(path="x.pcap", format="pcap", compression="", packets=10, captured_bytes=1, wire_bytes=1, first_ns=1, last_ns=2,
                       link_types={1: 10}, interfaces=(),
                       snapped=0, time_backwards=0, cut_short_at=None, skipped_bytes=0, problems=(), problem_counts={})
_NAMES = ("packets_to_server", "packets_to_client", "bytes_to_server", "bytes_to_client", "payload_to_server", "payload_to_client", "pdus", "gaps",
          "gap_bytes", "conflicts")
HMI, PLC = Host("10.0.0.5", "00:d0:c9:0a:10:20"), Host("10.0.0.9", "00:80:f4:0a:10:10")


def talk(service: str = "modbus", *, one_way: bool = False, protocol: str | None = None, **counts: int) -> Talk:
    given = dict.fromkeys(_NAMES, 0) | {"packets_to_server": 5, "bytes_to_server": 500, "payload_to_server": 50, "pdus": 5} | counts
    return Talk(client="a", server="b", service=service, protocol=service if protocol is None else protocol, server_port=502, first_seen_ns=0,
                last_seen_ns=1, flows=1, counts=given, one_way=one_way)


def spots(*, report: CaptureReport = REPORT, talks: tuple[Talk, ...] = (), decoder: dict[str, int] | None = None,
          streams: dict[str, int] | None = None, **more: Any) -> dict[str, BlindSpot]:
    given: dict[str, Any] = {"packets": 10, "operations": 1, "behaviours_merged": 0, "forgotten": {}, **more}
    return {spot.kind: spot for spot in blind_spots([report], talks, decoder or {}, streams or {}, **given)}


def test_nothing_missing_is_nothing_told() -> None:
    assert spots(talks=(talk(packets_to_client=5),)) == {}


@pytest.mark.parametrize(("given", "kind", "incomplete"), [
    ({"report": replace(REPORT, cut_short_at=99)}, "file-cut-short", False),
    ({"report": replace(REPORT, skipped_bytes=9)}, "file-damaged", False),
    ({"report": replace(REPORT, interfaces=(Interface(link_type=1, dropped=7),))}, "dropped-by-capture", False),
    ({"report": replace(REPORT, snapped=5)}, "cut-by-snap-length", False),
    ({"report": replace(REPORT, snapped=6)}, "cut-by-snap-length", True),
    ({"report": replace(REPORT, time_backwards=2)}, "time-backwards", False),
    ({"talks": (talk(one_way=True),)}, "one-way", True),
    ({"talks": (talk(one_way=True), talk(packets_to_client=5))}, "one-way", False),
    ({"talks": (talk(gaps=1, gap_bytes=100),)}, "stream-gaps", False),
    ({"talks": (talk(conflicts=1),)}, "stream-conflicts", False),
    ({"talks": (talk("iec104?", protocol=""),)}, "undecoded-protocol", False),
    ({"talks": (talk("modbus?", protocol=""),)}, "unidentified-on-ot-port", False),
    ({"decoder": {"undecoded": 5}}, "undecoded-link-type", False),
    ({"decoder": {"undecoded": 6}}, "undecoded-link-type", True),
    ({"decoder": {"duplicates": 3}}, "span-duplicates", False),
    ({"streams": {"skipped": 3}}, "skipped-bytes", False),
    ({"behaviours_merged": 3}, "behaviours-merged", False),
    ({"forgotten": {"facts": 3}}, "limit-facts", False),
    ({"operations": 0}, "no-ot-traffic", True),
])
def test_each_blind_spot(given: dict[str, Any], kind: str, incomplete: bool) -> None:
    found = spots(**given)
    assert found[kind].incomplete is incomplete
    assert found[kind].count > 0
    assert found[kind].text


def test_an_empty_observation_is_not_called_a_quiet_network() -> None:
    assert "no-ot-traffic" not in spots(packets=0, operations=0)


def test_the_gravest_is_first() -> None:
    found = blind_spots([replace(REPORT, time_backwards=1)], (), {}, {}, packets=10, operations=0, behaviours_merged=0, forgotten={})
    assert [spot.incomplete for spot in found] == [True, False]


# On whole captures


def test_a_tap_that_sees_one_direction(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(5), one_way=True)
    result, _ = wire.analysed(tmp_path)
    assert "one-way" in {spot.kind for spot in result.blind_spots if spot.incomplete}
    assert result.incomplete


def test_a_capture_with_a_short_snap_length(tmp_path: Path) -> None:
    from otwatch.engine.analysis import Analysis
    from otwatch.limits import Limits

    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(40))
    analysis = Analysis(Limits())
    analysis.run([str(wire.write(tmp_path / "x.pcap", snap=60))])
    assert "cut-by-snap-length" in {spot.kind for spot in analysis.finish().blind_spots if spot.incomplete}


def test_a_segment_that_the_tap_lost(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(20))
    del wire.frames[21]
    result, _ = wire.analysed(tmp_path)
    assert "stream-gaps" in {spot.kind for spot in result.blind_spots}


def test_an_office_network(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 80, [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")])
    result, _ = wire.analysed(tmp_path)
    assert {spot.kind for spot in result.blind_spots} == {"no-ot-traffic"}
    assert result.incomplete


def test_a_tap_that_sees_everything(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 502, polls(5))
    result, _ = wire.analysed(tmp_path)
    assert result.blind_spots == []
