"""Polling is polling wherever a capture of it begins or ends, and whichever direction a tap shows: nothing above low. And an attack stays one."""

from __future__ import annotations

import struct
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import PcapReader

from otwatch.alerts.alert import Alert, Severity
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.limits import Limits
from tests.oracle.streams import dnp3_frame

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import plant_wire

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
POLLING = {"modbus-poll": Severity.LOW, "s7comm-poll": Severity.LOW, "dnp3-poll": Severity.MEDIUM, "plant-learn": Severity.MEDIUM}
POLLING |= dict.fromkeys(("cip-poll", "cip-io", "pccc-poll", "iec104-poll", "opcua-poll", "bacnet-poll"), Severity.LOW)
# MEDIUM: they hold what the operator writes, and what a DNP3 master configures at its start.
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
    records = [struct.pack("<IIII", int(time), round(time % 1 * 1e6), len(data), len(data)) + data for data, time in chosen]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, linktype) + b"".join(records))
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=RULES))
    analysis.run([str(path)])
    result = analysis.finish()
    assert result.packets == len(chosen)
    return [alert for alert in result.alerts if alert.severity > Severity.LOW]


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
        assert [(alert.rule, alert.src, alert.dst) for alert in found if alert.severity > POLLING[name]] == []


PORTS = {"modbus": 502, "s7comm": 102, "dnp3": 20_000}


def said(protocol: str, number: int) -> tuple[bytes, bytes]:
    """The n-th question of a point list and its answer."""
    if protocol == "modbus":
        return struct.pack(">HHHBBHH", number + 1, 0, 6, 1, 3, number, 1), struct.pack(">HHHBBBH", number + 1, 0, 5, 1, 3, 2, 7)
    if protocol == "s7comm":
        return plant_wire.s7_read(number + 1, 1 + number % 4, 4 * number, bytes(4))
    header, control = bytes([30, 1, 0, number, number]), 0xC0 | number & 15  # an analogue input by its index
    request = dnp3_frame(bytes([control, control, 1]) + header, destination=10, source=1)
    return request, dnp3_frame(bytes([control, control, 129, 0, 0]) + header + bytes(5), control=0x44, destination=1, source=10)


def exchange(protocol: str, device: int, port: int, at: float, requests: int, *, on: bool = True) -> list[tuple[bytes, float, bool]]:
    """A connection of its own for each poll, to a device that answers or is switched off."""
    to, back = Ether() / IP(src="10.0.0.5", dst=f"10.0.0.{device}"), Ether() / IP(src=f"10.0.0.{device}", dst="10.0.0.5")
    there, here = {"sport": port, "dport": PORTS[protocol]}, {"sport": PORTS[protocol], "dport": port}
    if not on:
        return [(bytes(to / TCP(**there, flags="S", seq=99)), at + wait, False) for wait in (0, 1, 3)]
    packets = [
        (to / TCP(**there, flags="S", seq=99), False),
        (back / TCP(**here, flags="SA", seq=199, ack=100), True),
        (to / TCP(**there, flags="A", seq=100, ack=200), False),
    ]
    sequence, acknowledgement = 100, 200
    for question, answer in (*(plant_wire.S7_OPENING if protocol == "s7comm" else ()), *(said(protocol, number) for number in range(requests))):
        packets.append((to / TCP(**there, flags="PA", seq=sequence, ack=acknowledgement) / question, False))
        sequence += len(question)
        packets.append((back / TCP(**here, flags="PA", seq=acknowledgement, ack=sequence) / answer, True))
        acknowledgement += len(answer)
    packets.append((to / TCP(**there, flags="FA", seq=sequence, ack=acknowledgement), False))
    packets.append((back / TCP(**here, flags="FA", seq=acknowledgement, ack=sequence + 1), True))
    return [(bytes(packet), at + number / 1000, from_device) for number, (packet, from_device) in enumerate(packets)]


@cache
def generated(protocol: str, points: int, cycles: int, off: int) -> list[tuple[bytes, float, bool]]:
    """A master that polls six devices with a connection a poll; `off` others are switched off."""
    found = [
        packet
        for cycle in range(cycles)
        for device in range(10, 16 + off)
        for packet in exchange(protocol, device, 40_000 + 32 * cycle + device, 1.7e9 + 5 * cycle + device / 20, points, on=device < 16)
    ]
    return sorted(found, key=lambda packet: packet[1])


@pytest.mark.parametrize("protocol", PORTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(plant=st.sampled_from([(1, 8, 0), (1, 8, 1), (1, 8, 3), (60, 2, 1)]), data=st.data())
def test_a_connection_a_poll_and_devices_that_are_switched_off(protocol, tmp_path, plant, data):
    read = generated(protocol, *plant)
    begin = data.draw(st.one_of(st.just(0), st.integers(0, len(read) - 1)))
    end = data.draw(st.integers(begin + 1, len(read)))
    way = data.draw(st.sampled_from(["both", "from devices", "to devices"]))
    chosen = [(packet, time) for packet, time, back in read[begin:end] if way == "both" or back == (way == "from devices")]
    if chosen:
        assert [(alert.rule, alert.src, alert.dst) for alert in alerts_of(chosen, 1, tmp_path / "slice.pcap")] == []


# Few addresses, each of which might be there; data that ceases, which is seen only where it came from
NEEDS_BOTH = {"modbus-scan-addresses", "bacnet-walk", "cip-io-interrupted"}
NEEDS_BOTH |= {"admin-smb-write", "admin-telnet", "admin-telnet-refused"}  # an act over an IT protocol counts when it is answered
ATTACKS = sorted(path.stem for path in PLANT.glob("*.pcap") if path.stem not in NEEDS_BOTH)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_reported_by_a_tap_that_does_not_show_the_answers_to_it(name, tmp_path):
    read, _, linktype = packets(name)
    found = alerts_of(read, linktype, tmp_path / "whole.pcap")
    with PcapReader(str(PLANT / f"{name}.pcap")) as reader:
        targets = [packet[IP].dst if IP in packet else "" for packet in reader]
    for actor in {alert.src for alert in found if alert.src in targets}:
        half = [packet for packet, target in zip(read, targets, strict=True) if target != actor]
        assert actor in {alert.src for alert in alerts_of(half, linktype, tmp_path / "half.pcap")}, actor
