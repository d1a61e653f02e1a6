"""A capture on UDP that begins with a response: its request lies before, so nobody answered unasked, whatever is asked while the response is held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.limits import Limits
from tests.evasion.wire import HMI, PLC, Capture, udp
from tests.oracle.streams import dnp3_frame
from tests.protocols.modbus.wire import adu, pdu

Exchange = Callable[[int], tuple[bytes, bytes]]


def modbus(number: int) -> tuple[bytes, bytes]:
    return adu(pdu(3, 0, 10), transaction=number), adu(bytes([3, 20]) + bytes([number] * 20), transaction=number)


def dnp3(number: int) -> tuple[bytes, bytes]:
    control = 0xC0 | number & 15
    asked = dnp3_frame(bytes([control, control, 1]) + bytes.fromhex("3c0206"), destination=10, source=1)
    said = bytes([control, control, 129, 0, 0, 30, 1, 0, 0, 0, 1, number, 0, 0, 0])
    return asked, dnp3_frame(said, control=0x44, destination=1, source=10)


def bacnet(number: int) -> tuple[bytes, bytes]:
    place = bytes.fromhex("0c0000000119 55".replace(" ", ""))
    asked = bytes([0, 5, number, 12]) + place
    said = bytes([0x30, number, 12]) + place + b"\x3e\x44" + bytes([0x41, number, 0, 0]) + b"\x3f"
    head = b"\x81\x0a\0"
    return head + bytes([6 + len(asked)]) + b"\x01\x04" + asked, head + bytes([6 + len(said)]) + b"\x01\0" + said


@pytest.mark.parametrize(("exchange", "port"), [(modbus, 502), (dnp3, 20_000), (bacnet, 47_808)])
def test_a_response_at_the_beginning_is_no_forgery(exchange: Exchange, port: int, tmp_path: Path) -> None:
    capture = Capture()
    capture.datagram(PLC, HMI, 17, udp(PLC, HMI, (port, port), exchange(1)[1]))
    for number in range(2, 30):
        asked, said = exchange(number)
        capture.datagram(HMI, PLC, 17, udp(HMI, PLC, (port, port), asked))
        capture.datagram(PLC, HMI, 17, udp(PLC, HMI, (port, port), said))
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=rules_of()), analysis.inventory)
    analysis.run([str(capture.write(tmp_path / "x.pcap"))])
    assert [alert.rule for alert in analysis.finish().alerts] == []
