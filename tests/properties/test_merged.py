"""Two plants on one wire: what happens in one is no part of what happens in the other, and nothing of either is lost."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.utils import PcapReader, PcapWriter

from otwatch.alerts.incidents import Incident
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.limits import Limits

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
ATTACKS = (
    *("modbus-write-stranger", "modbus-scan-addresses", "modbus-scan-functions", "modbus-listen-only", "s7comm-stop", "s7comm-download"),
    *("s7comm-delete", "s7comm-set-clock", "dnp3-cold-restart", "dnp3-operate-stranger", "iec104-reset", "iec104-stations"),
    *("lateral-rdp", "lateral-scan"),
)
# An operator's mistake, a device that refuses, nothing.
OTHERS = ("modbus-write-operator", "modbus-exceptions", "modbus-poll", "s7comm-poll", "dnp3-poll")
# All captures of the lab but the long ones, as far as they hold an attack; and those that hold none.
LABELLED = sorted(path.stem for path in PLANT.glob("*.pcap") if not path.stem.startswith("plant-"))
ATTACKED = [name for name in LABELLED if '"expected": "attack"' in (PLANT / f"{name}.operations.jsonl").read_text()]
ELSEWHERE = {"192.168.10.": "192.168.20.", "172.16.5.": "172.16.6."}


def moved(address: str) -> str:
    return next((address.replace(here, there) for here, there in ELSEWHERE.items() if address.startswith(here)), address)


@cache
def packets(name: str, elsewhere: bool) -> tuple[tuple[float, bytes], ...]:
    """(seconds from the first packet, bytes) of each packet; `elsewhere`: of the same plant in another place, with other addresses and cards."""
    with PcapReader(str(PLANT / f"{name}.pcap")) as reader:
        read = [packet for packet in reader if Ether in packet]
    first, found = float(read[0].time), []
    for packet in read:
        time = float(packet.time) - first
        if elsewhere:
            for side in ("src", "dst"):
                card = getattr(packet[Ether], side)
                if not int(card[:2], 16) & 1:
                    setattr(packet[Ether], side, f"{card[:-5]}ee:{card[-2:]}")
            for layer, sides in ((IP, ("src", "dst")), (ARP, ("psrc", "pdst"))):
                if layer in packet:
                    for side in sides:
                        setattr(packet[layer], side, moved(getattr(packet[layer], side)))
            for layer in (IP, TCP, UDP):
                if layer in packet:
                    del packet[layer].chksum
        found.append((time, bytes(packet)))
    return tuple(found)


def incidents_of(read: list[tuple[float, bytes]], path: Path) -> list[Incident]:
    with PcapWriter(str(path), linktype=1, nano=True) as writer:
        for time, data in sorted(read):
            packet = Ether(data)
            packet.time = 1.79e9 + time
            writer.write(packet)
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=rules_of(proofs=False)))
    analysis.run([str(path)])
    return [incident for incident in analysis.finish().incidents if not incident.is_note]


def shown(incidents: list[Incident]) -> set[tuple[object, ...]]:
    """Without the severity: a capture that is too short to know roles lowers it, and beside a longer one it is too short no more."""
    return {(one.actor, one.lead.rule, frozenset(party.address for party in one.targets), len(one.alerts)) for one in incidents}


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ATTACKS), st.sampled_from((*ATTACKS, *OTHERS)), st.floats(0, 0.5))
def test_two_captures_merged_give_the_incidents_of_both(tmp_path, one, other, later):
    here = list(packets(one, False))
    there = [(time + later, data) for time, data in packets(other, True)]
    apart = shown(incidents_of(here, tmp_path / "here.pcap")) | shown(incidents_of(there, tmp_path / "there.pcap"))
    assert shown(incidents_of([*here, *there], tmp_path / "both.pcap")) == apart


@cache
def parties(name: str, elsewhere: bool) -> list[tuple[str, frozenset[str]]]:
    """Actor and targets of each incident of a capture. What leads them may change with their severity."""
    with TemporaryDirectory() as folder:
        return parties_of(incidents_of(list(packets(name, elsewhere)), Path(folder) / "alone.pcap"))


def parties_of(incidents: list[Incident]) -> list[tuple[str, frozenset[str]]]:
    return sorted(((one.actor, frozenset(party.address for party in one.targets)) for one in incidents), key=lambda one: (one[0], sorted(one[1])))


def merged(one: str, other: str, later: float) -> None:
    """Each incident of both captures is one of the two together, and there is no other."""
    there = [(time + later, data) for time, data in packets(other, True)]
    with TemporaryDirectory() as folder:
        together = parties_of(incidents_of([*packets(one, False), *there], Path(folder) / "both.pcap"))
    assert sorted(map(str, together)) == sorted(map(str, parties(one, False) + parties(other, True)))


@settings(max_examples=6)
@given(st.sampled_from(ATTACKED), st.sampled_from(LABELLED), st.floats(0, 3))
def test_any_two_labelled_captures_merged_give_the_incidents_of_both(one, other, later):
    merged(one, other, later)


@pytest.mark.extended
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ATTACKED), st.sampled_from(LABELLED), st.floats(0, 3))
def test_many_more_pairs(one, other, later):
    merged(one, other, later)
