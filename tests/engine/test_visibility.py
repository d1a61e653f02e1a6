"""What could not be seen, in words: one packet is not `1 packets`."""

from __future__ import annotations

import pytest

from otwatch.engine.kinds import anomaly_kinds, anomaly_name
from otwatch.engine.visibility import NOT_DECODED, blind_spots
from otwatch.protocols import protocols
from tests.engine.network import Host, Wire, polls


@pytest.mark.parametrize(("count", "words"), [(1, "1 packet"), (22834, "22,834 packets")])
def test_counts_are_written_as_people_write_them(count, words):
    told = blind_spots(
        [],
        [],
        {"undecoded": count, "undecoded.ethertype.0x88b5": count, "duplicates": count},
        {"skipped": count},
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


def test_every_kind_that_leaves_a_part_undecoded_exists() -> None:
    specs = protocols()
    kinds = anomaly_kinds(specs)
    known = {anomaly_name(layer, code, specs, kinds) for layer, codes in kinds.items() for code in codes}
    assert known >= NOT_DECODED, NOT_DECODED - known


def test_requests_without_any_response_are_told(tmp_path) -> None:
    """Both directions are there, and still nobody knows what became of the requests."""
    wire = Wire()
    wire.tcp(Host("10.0.0.5", "00:d0:c9:0a:10:20"), Host("10.0.0.9", "00:80:f4:0a:10:10"), 502, [(request, b"") for request, _ in polls(3)])
    result, _ = wire.analysed(tmp_path)
    assert [spot.text for spot in result.blind_spots] == ["3 requests of modbus and not one response: what became of them cannot be told"]
