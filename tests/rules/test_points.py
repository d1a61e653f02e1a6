"""What a point was before a command."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import RuleDetector, policy_of
from otwatch.limits import Limits
from otwatch.rules.last_values import LastValues
from otwatch.tables import Octets, Operations
from tests.engine.network import Host, Wire, modbus

PLC = Host("192.168.10.10", "00:80:f4:0a:10:10")
HMI = Host("192.168.10.20", "00:d0:c9:0a:10:20")
ENG = Host("192.168.10.30", "d4:be:d9:0a:10:30")


def read(transaction: int, start: int, *values: int, unit: int = 1) -> tuple[bytes, bytes]:
    return (
        modbus(transaction, unit, struct.pack(">BHH", 3, start, len(values))),
        modbus(transaction, unit, struct.pack(f">BB{len(values)}H", 3, 2 * len(values), *values)),
    )


def write(transaction: int, start: int, value: int, *, unit: int = 1, refused: bool = False) -> tuple[bytes, bytes]:
    request = modbus(transaction, unit, struct.pack(">BHH", 6, start, value))
    return request, modbus(transaction, unit, bytes([0x86, 2])) if refused else request


def before(wire: Wire, folder: Path, *, batch: int = 8192) -> list[tuple[str, object, object]]:
    """Object, value before and value of the commands that alerts stand on, in order."""
    limits = Limits(batch_packets=batch)
    analysis = Analysis(limits)
    policy = policy_of(rules=(), site=None, baseline=None, learn_until=None)
    detector = analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
    analysis.run([str(wire.write(folder / "wire.pcap"))])
    analysis.finish()
    acts = {act.frames: act for alert in detector.alerts() for act in alert.evidence.acts if act.changing}
    return [(act.objects[0], act.before, act.value) for _, act in sorted(acts.items())]


def session(*exchanges: tuple[bytes, bytes]) -> Wire:
    """The HMI polls 100-103; then somebody does something."""
    wire = Wire()
    wire.tcp(HMI, PLC, 502, [read(number, 100, 1, 2, 455, 4) for number in range(1, 30)])
    wire.tcp(ENG, PLC, 502, exchanges)
    return wire


def test_the_part_of_what_was_read(tmp_path: Path) -> None:
    assert before(session(write(1, 102, 900)), tmp_path) == [("40103", 455, 900)]


def test_also_when_it_was_read_in_another_batch(tmp_path: Path) -> None:
    wire = session(write(1, 102, 900))
    wire.tcp(HMI, PLC, 502, [read(number, 100, 1, 2, 900, 4) for number in range(1, 30)])
    wire.tcp(Host("192.168.10.31", "d4:be:d9:0a:10:31"), PLC, 502, [write(1, 102, 7)])
    assert [one[1:] for one in before(wire, tmp_path, batch=32)][-1] == (900, 7)


def test_another_unit_tells_nothing(tmp_path: Path) -> None:
    assert before(session(write(1, 102, 900, unit=2)), tmp_path) == [("40103", None, 900)]


def test_what_nobody_read_is_unknown(tmp_path: Path) -> None:
    assert before(session(write(1, 104, 900)), tmp_path) == [("40105", None, 900)]


def test_a_refused_write_changed_nothing(tmp_path: Path) -> None:
    wire = session(write(1, 102, 900, refused=True))
    wire.tcp(Host("192.168.10.31", "d4:be:d9:0a:10:31"), PLC, 502, [write(1, 102, 7)])
    assert [one[1:] for one in before(wire, tmp_path)][-1] == (455, 7)


def test_behaviours_may_come_in_any_number(tmp_path: Path) -> None:
    """More than half of what there is room for in the first batch, and no more than that room with those of the second."""
    wire = Wire()
    wire.tcp(HMI, PLC, 502, [read(start, start, 455) for start in range(1, 362)])
    wire.tcp(ENG, PLC, 502, [write(1, 5, 900)])
    assert before(wire, tmp_path, batch=650) == [("40006", 455, 900)]


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 50, 8192])
def test_what_a_point_was_does_not_depend_on_the_batch(batch: int, tmp_path: Path) -> None:
    """Not on which batch held the read, the write or its refusal."""
    wire = session(write(1, 102, 900))
    for number, exchange in enumerate((write(1, 102, 901, refused=True), write(1, 102, 902), write(1, 102, 903)), 31):
        others = [write(transaction, 101, transaction, refused=True) for transaction in range(2, 14)]
        wire.tcp(Host(f"192.168.10.{number}", f"d4:be:d9:0a:10:{number}"), PLC, 502, [*others, exchange])
    found = before(wire, tmp_path, batch=batch)
    assert [one[1:] for one in found if one[0] == "40103"] == [(455, 900), (900, 901), (900, 902), (902, 903)]
    assert {one[1] for one in found if one[0] == "40102"} == {2}


def test_values_beyond_the_room_are_dropped_and_counted() -> None:
    known = LastValues(most=6)
    known.grow(3)
    known.follows[0] = known.follows[1] = 1
    operations, octets = Operations(4), Octets()
    for behaviour, value in ((0, b"old!"), (0, b"new!"), (1, b"more"), (2, b"else")):
        row = operations.new_row()
        operations.behaviour[row], operations.value_kind[row] = behaviour, 1
        operations.value_at[row], operations.value_length[row] = octets.append(value, 0, len(value)), len(value)
    known.feed(operations, octets)
    assert known.value(0) == b"new!"
    assert list(known.kind[:3]) == [1, 0, 0]
    assert known.dropped == 1
