"""What alerts say of several objects, values and outcomes of one function: none has what is another's."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from otwatch.alerts.incidents import Incident
from otwatch.alerts.outcome import Outcome
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import RuleDetector, policy_of
from otwatch.limits import Limits
from otwatch.outputs.view.build import _said
from tests.engine.network import Host, Wire, modbus
from tests.rules.test_points import ENG, HMI, PLC, read, session, write

EXCEPTION = bytes([0x85, 2])


def incidents(wire: Wire, folder: Path, *, batch: int = 8192) -> list[Incident]:
    """All incidents of a capture."""
    analysis = Analysis(Limits(batch_packets=batch))
    policy = policy_of(rules=(), site=None, baseline=None, learn_until=None)
    detector = analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
    analysis.run([str(wire.write(folder / "wire.pcap"))])
    analysis.finish()
    return [one for one in detector.incidents() if not one.is_note]


def said(wire: Wire, folder: Path, *, batch: int = 8192) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What succeeded and what failed in the one incident."""
    (incident,) = incidents(wire, folder, batch=batch)
    return _said(incident.succeeded, refused=False), _said(incident.failed, refused=True)


def coil(transaction: int, number: int, on: bool, *, refused: bool = False) -> tuple[bytes, bytes]:
    request = modbus(transaction, 1, struct.pack(">BHH", 5, number, 0xFF00 if on else 0))
    return request, modbus(transaction, 1, EXCEPTION) if refused else request


@pytest.mark.parametrize("batch", [8192, 16])
def test_many_registers_of_which_one_is_refused(tmp_path: Path, batch: int) -> None:
    wire = session(*(write(number + 1, 100 + number, 1000 + number, refused=number == 20) for number in range(40)))
    assert said(wire, tmp_path, batch=batch) == (
        ("write_single_register 39 objects 40101-40120, 40122-40140: 39 values 1000 to 1039 on 192.168.10.10, 39 times",),
        ("write_single_register 40121 = 1020 on 192.168.10.10",),
    )


def test_the_refused_object_is_named_and_not_the_first(tmp_path: Path) -> None:
    wire = session(write(1, 40, 7), coil(2, 3, True), coil(3, 3, False), write(4, 9999, 8, refused=True), coil(5, 4000, True, refused=True))
    succeeded, failed = said(wire, tmp_path)
    assert set(succeeded) == {
        "write_single_register 40041: unknown → 7 on 192.168.10.10",
        "write_single_coil 00004: unknown → true, then false on 192.168.10.10, 2 times",
    }
    assert set(failed) == {"write_single_register 410000 = 8 on 192.168.10.10", "write_single_coil 04001 = true on 192.168.10.10"}


def test_what_was_refused_of_one_object_is_apart_from_what_was_confirmed(tmp_path: Path) -> None:
    wire = session(write(1, 102, 7), write(2, 102, 65535, refused=True))
    assert said(wire, tmp_path) == (
        ("write_single_register 40103: 455 → 7 on 192.168.10.10",),
        ("write_single_register 40103 = 65535 on 192.168.10.10",),
    )


@pytest.mark.parametrize("batch", [8192, 16])
def test_twenty_values_are_not_the_first(tmp_path: Path, batch: int) -> None:
    wire = session(*(write(number + 1, 102, 20 + number % 20) for number in range(104)))
    assert said(wire, tmp_path, batch=batch)[0] == ("write_single_register 40103: 455 → 20 values 20 to 39, last 23 on 192.168.10.10, 104 times",)


def test_one_odd_write_in_a_flood_is_seen_and_each_message_counts_once(tmp_path: Path) -> None:
    wire = Wire()
    wire.tcp(HMI, PLC, 502, [read(number, 100, 1, 2, 455, 4) for number in range(1, 30)])
    wire.tcp(HMI, PLC, 502, [write(number + 1, 4000, 65535) if number == 400 else write(number + 1, 100, 1000) for number in range(600)])
    (incident,) = incidents(wire, tmp_path)
    assert {(step.act.objects, step.act.value, step.count) for step in incident.succeeded if step.act} == {
        (("40101",), 1000, 599),
        (("44001",), 65535, 1),
    }
    assert incident.count == 600
    assert [step.act.before for step in incident.succeeded if step.act and step.act.objects == ("40101",)] == [1]  # before the first, not a later one


def test_acts_of_several_units_are_apart(tmp_path: Path) -> None:
    wire = session(write(1, 102, 900), write(2, 102, 901, unit=2))
    (incident,) = incidents(wire, tmp_path)
    assert [(step.act.unit, step.act.value) for step in incident.succeeded if step.act] == [(1, 900), (2, 901)]


def test_the_alert_leads_with_a_value_of_its_object(tmp_path: Path) -> None:
    wire = session(write(1, 102, 900, refused=True), write(2, 103, 7), write(3, 103, 8))
    (incident,) = incidents(wire, tmp_path)
    lead = incident.lead
    assert (lead.object, lead.value, lead.outcome) == ("40104", 8, Outcome.PARTLY_REFUSED)
    assert (lead.items.requested, lead.items.confirmed, lead.items.refused) == (3, 2, 1)


def test_an_attacker_beside_is_not_mixed_in(tmp_path: Path) -> None:
    wire = session(write(1, 102, 900))
    wire.tcp(Host("192.168.10.31", "d4:be:d9:0a:10:31"), PLC, 502, [write(1, 102, 7, refused=True)])
    assert {(one.actor, bool(one.succeeded), bool(one.failed)) for one in incidents(wire, tmp_path)} == {
        (ENG.ip, True, False),
        ("192.168.10.31", False, True),
    }


def test_of_more_objects_than_are_named_all_are_counted(tmp_path: Path) -> None:
    wire = session(*(write(number + 1, number % 1500, 7) for number in range(3000)))
    assert said(wire, tmp_path)[0] == ("write_single_register 1,500 objects 40001-40064 … on 192.168.10.10, 3,000 times",)
