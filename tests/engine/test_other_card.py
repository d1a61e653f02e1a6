"""The operator's address in other hands: what comes from another network card is reported, and is not the operator's."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.alerts.alert import Alert, Severity
from tests.engine.analysing import analyse
from tests.evasion.wire import Capture, Host, Tcp
from tests.protocols.modbus.wire import adu, pdu

HMI, PLC = Host("192.168.10.20", "00d0c90a1020", "fd00::20"), Host("192.168.10.10", "0080f40a1010", "fd00::10")
WAYS = {"injected": "3c5282112233", "own connection": "3c5282112233", "own card": HMI.mac, "team": "00d0c90a1021"}
WRITE = adu(pdu(6, 100, 1000), transaction=77)


def taken_over(way: str, folder: Path) -> list[Alert]:
    """The operator polls; after 20 seconds a card writes under its address: inside its connection, or in one of its own."""
    capture = Capture()
    polling, began = Tcp(capture, HMI, PLC, 502), capture.now
    for second in range(30):
        capture.now = began + second * 1_000_000_000
        polling.say(adu(pdu(3, 0, 1), transaction=second))
        polling.answer(adu(bytes([3, 2, 0, 1]), transaction=second))
        if second == 20:
            card = Host(HMI.ip, WAYS[way], HMI.ip6)
            talk = Tcp(capture, card, PLC, 502, client_port=50_001) if way != "injected" else polling
            hosts, talk.hosts = talk.hosts, (card, PLC)
            talk.say(WRITE)
            talk.hosts = hosts
            talk.answer(WRITE)
    return analyse(capture.write(folder / "capture.pcap")).alerts(Severity.INFO)


@pytest.mark.parametrize("way", ["injected", "own connection"])
def test_a_command_from_another_card_is_not_the_operators(way: str, tmp_path: Path) -> None:
    alerts = taken_over(way, tmp_path)
    [command] = [alert for alert in alerts if alert.rule == "ot.command-from-other-card"]
    assert command.severity is Severity.HIGH
    assert (command.src, command.dst, command.count, command.src_mac) == (HMI.ip, PLC.ip, 1, "3c:52:82:11:22:33")
    assert command.evidence.cards == ("00:d0:c9:0a:10:20", "3c:52:82:11:22:33")
    assert "ot.write-by-operator" not in {alert.rule for alert in alerts}
    [used] = [alert for alert in alerts if alert.rule == "network.other-card"]
    assert used.evidence.cards == command.evidence.cards
    assert used.incident == command.incident


@pytest.mark.parametrize("way", ["own card", "team"])
def test_the_operators_own_cards_are(way: str, tmp_path: Path) -> None:
    assert [alert.rule for alert in taken_over(way, tmp_path)] == ["ot.write-by-operator"]
