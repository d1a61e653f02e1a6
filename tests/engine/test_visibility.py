"""What could not be seen, in words: one packet is not `1 packets`."""

from __future__ import annotations

import pytest

from otwatch.capture.report import CaptureReport
from otwatch.engine.analysis import Analysis
from otwatch.engine.kinds import anomaly_kinds, anomaly_name
from otwatch.engine.visibility import blind_spots, hiding
from otwatch.limits import Limits
from otwatch.protocols import protocols
from tests.engine.network import Host, Wire, polls


@pytest.mark.parametrize(("count", "words"), [(1, "1 packet"), (22834, "22,834 packets")])
def test_counts_are_written_as_people_write_them(count, words):
    told = blind_spots(
        [],
        [],
        {"undecoded": count, "undecoded.ethertype.0x88b5": count, "duplicates": count},
        {"skipped_bytes": count},
        packets=9,
        operations=1,
        behaviours_merged=0,
        forgotten={"flows": count},
        anomalies={},
        protocols={},
    )
    texts = [spot.text for spot in told]
    assert texts[0] == f"{words} of unknown EtherType 0x88b5: what they carry was not read"
    assert texts[1].startswith(f"{words} arrived twice")
    assert texts[3].startswith(f"the limit on flows was hit {words.split()[0]} time{'' if count == 1 else 's'}:")


def told_of(anomalies: dict[str, int]) -> dict[str, str]:
    spots = blind_spots([], [], {}, {}, packets=9, operations=1, behaviours_merged=0, forgotten={}, anomalies=anomalies, protocols={})
    return {spot.kind: spot.text for spot in spots}


def test_what_was_decoded_in_part_is_told() -> None:
    told = told_of({"dnp3.too-many-objects": 1, "stream.wrong-bytes": 2, "modbus.echo-mismatch": 7})
    assert told == {
        "parts-not-decoded": "3 messages of OT protocols decoded in part or not at all: 2 stream.wrong-bytes, 1 dnp3.too-many-objects",
    }
    assert told_of({"modbus.echo-mismatch": 7}) == {}


def test_kinds_say_themselves_whether_they_hide_something() -> None:
    specs = protocols()
    kinds = anomaly_kinds(specs)
    known = {anomaly_name(layer, code, specs, kinds) for layer, codes in kinds.items() for code in codes}
    assert known > hiding()
    assert {"stream.wrong-bytes", "modbus.truncated", "dnp3.block-crc", "s7comm.data-short", "s7comm-plus.fragments"} < hiding()
    assert {"stream.late", "modbus.echo-mismatch", "dnp3.direction", "s7comm.pdu-size"} & hiding() == set()


def test_disorder_is_told() -> None:
    spots = blind_spots([], [], {}, {}, packets=9, operations=1, behaviours_merged=0, forgotten={}, anomalies={}, protocols={},
                        disorder=(3, 12_500_000))
    assert [(spot.kind, spot.count, spot.incomplete) for spot in spots] == [("capture-disorder", 3, False)]
    assert "3 responses captured before the request, by up to 12.5 ms" in spots[0].text


def test_requests_without_any_response_are_told(tmp_path) -> None:
    """Both directions are there, and still nobody knows what became of the requests."""
    wire = Wire()
    wire.tcp(Host("10.0.0.5", "00:d0:c9:0a:10:20"), Host("10.0.0.9", "00:80:f4:0a:10:10"), 502, [(request, b"") for request, _ in polls(3)])
    result, _ = wire.analysed(tmp_path)
    assert [spot.text for spot in result.blind_spots] == ["3 requests of modbus and not one response: what became of them is unknown"]


def spots_of(decoder: dict[str, int], anomalies: dict[str, int] | None = None, *, packets: int = 100) -> list[tuple[str, int, bool]]:
    found = blind_spots([], [], decoder, {}, packets=packets, operations=1, behaviours_merged=0, forgotten={}, anomalies=anomalies or {},
                        protocols={})
    return [(spot.kind, spot.count, spot.incomplete) for spot in found]


@pytest.mark.parametrize("counter", ["not_read.wireguard", "not_read.macsec_encrypted", "not_read.ip_protocol.50", "not_read.ip_protocol.253",
                                     "undecoded.ethertype.0x88b5", "undecoded.llc.0x1010", "undecoded.snap.0x1234560001", "undecoded.ppp.0x00fd",
                                     "undecoded.link_type.127", "undecoded.llc.others"])
def test_what_may_carry_other_traffic_makes_a_result_incomplete(counter: str) -> None:
    assert spots_of({counter: 1}) == [("undecoded-traffic", 1, True)]


@pytest.mark.parametrize("counter", ["undecoded.ethertype.0x88cc", "undecoded.ethertype.0x8809", "undecoded.ethertype.0x88f7",
                                     "undecoded.ethertype.0x888e", "undecoded.llc.0x4242", "undecoded.snap.0x00000c2000",
                                     "undecoded.ppp.0xc021", "not_read.ip_protocol.2", "not_read.ip_protocol.89",
                                     "not_read.ip_protocol.112", "not_read.ike", "not_read.tunnel_control"])
def test_control_traffic_is_no_blind_spot(counter: str) -> None:
    assert spots_of({counter: 90}) == []


def test_ot_protocols_over_ethernet_are_counted_once() -> None:
    assert spots_of({"undecoded": 30, "undecoded.ethertype.0x88b8": 30}) == [("undecoded-protocol", 30, False)]
    assert spots_of({"undecoded": 60, "undecoded.ethertype.0x88b8": 60}) == [("undecoded-protocol", 60, True)]


def test_many_kinds_of_carriers_are_summed_up() -> None:
    found = spots_of({f"not_read.ip_protocol.{number}": 300 - number for number in range(200, 250)})
    assert len(found) == 9
    assert sum(count for _, count, _ in found) == sum(300 - number for number in range(200, 250))


def test_headers_and_fragments_that_were_not_decoded_are_told() -> None:
    assert spots_of({}, {"network.fragment-timeout": 2, "network.fragment-missing": 1}) == [("fragments", 3, False)]
    assert spots_of({}, {"network.bad-version": 2}) == [("headers-not-decoded", 2, False)]
    assert spots_of({}, {"network.tunnel-too-deep": 2}) == [("headers-not-decoded", 2, True)]


def capture(**figures: object) -> list[tuple[str, int, bool]]:
    report = CaptureReport(**({
        "path": "x.pcap", "format": "pcap", "compression": "", "packets": 200, "captured_bytes": 1, "wire_bytes": 1,
        "first_ns": 1_700_000_000 * 10**9, "last_ns": 1_700_000_100 * 10**9, "link_types": {1: 200}, "interfaces": (), "snapped": 0,
        "time_backwards": 0, "cut_short_at": None, "skipped_bytes": 0, "problems": (), "problem_counts": {}} | figures))  # type: ignore[arg-type]
    found = blind_spots([report], [], {}, {}, packets=200, operations=1, behaviours_merged=0, forgotten={}, anomalies={}, protocols={})
    return [(spot.kind, spot.count, spot.incomplete) for spot in found]


def test_times_that_cannot_be_true_are_told() -> None:
    assert capture() == []
    assert capture(time_backwards=3, step_back_ns=10**6) == [("time-backwards", 3, False)]
    assert capture(time_backwards=1, step_back_ns=86_400 * 10**9) == [("capture-clock", 1, True)]
    assert capture(problem_counts={"time-out-of-range": 7}) == [("capture-clock", 7, True)]
    assert capture(last_ns=1_700_000_000 * 10**9) == [("capture-clock", 200, True)]
    assert capture(squeezed=True) == [("capture-clock", 200, True)]
    assert capture(first_ns=5) == [("clock-not-set", 1, False)]


def test_what_was_read_before_an_interruption_is_the_result(tmp_path) -> None:
    wire = Wire()
    wire.tcp(Host("10.0.0.5", "00:d0:c9:0a:10:20"), Host("10.0.0.9", "00:80:f4:0a:10:10"), 502, polls(3))
    wire.write(tmp_path / "x.pcap")
    analysis = Analysis(Limits(batch_packets=4))
    analysis.run([str(tmp_path / "x.pcap")] * 2, stop=lambda: True)
    result = analysis.finish()
    assert analysis.stopped
    assert len(analysis.captures) == 1
    assert next(spot.kind for spot in result.blind_spots if spot.incomplete) == "interrupted"
