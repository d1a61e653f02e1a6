"""Polling is polling wherever a capture of it begins or ends, and whichever direction of it a tap shows: nothing above low."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import TCP
from scapy.utils import PcapReader, PcapWriter

from otwatch.alerts.alert import Alert, Severity
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.limits import Limits

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
POLLING = ("modbus-poll", "dnp3-poll", "s7comm-poll", "plant-learn")
RULES = rules_of()


@cache
def packets(name: str) -> tuple[list[tuple[bytes, float]], list[bool], int]:
    """(bytes and time) of each packet of a capture, whether it comes from a server's port, and the link type."""
    with PcapReader(str(PLANT / f"{name}.pcap")) as reader:
        read = list(reader)
        linktype = reader.linktype
    from_server = [TCP in packet and packet[TCP].sport < packet[TCP].dport for packet in read]
    return [(bytes(packet), float(packet.time)) for packet in read], from_server, linktype


def alerts_of(chosen: list[tuple[bytes, float]], linktype: int, path: Path) -> list[Alert]:
    with PcapWriter(str(path), linktype=linktype, sync=True) as writer:
        for data, time in chosen:
            writer.write_packet(data, sec=int(time), usec=round(time % 1 * 1e6))
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=RULES))
    analysis.run([str(path)])
    return [alert for alert in analysis.finish().alerts if alert.severity > Severity.LOW]


@pytest.mark.parametrize("name", POLLING)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_slice_of_polling_raises_nothing(name, tmp_path, data):
    read, from_server, linktype = packets(name)
    begin = data.draw(st.one_of(st.just(0), st.integers(0, len(read) - 1)))
    end = data.draw(st.integers(begin + 1, len(read)))
    way = data.draw(st.sampled_from(["both", "from servers", "to servers"]))
    chosen = [packet for packet, back in list(zip(read, from_server, strict=True))[begin:end] if way == "both" or back == (way == "from servers")]
    if chosen:
        found = alerts_of(chosen, linktype, tmp_path / "slice.pcap")
        allowed = Severity.MEDIUM if name == "plant-learn" else Severity.LOW  # it holds the operator's own writes
        assert [(alert.rule, alert.src, alert.dst) for alert in found if alert.severity > allowed] == []
