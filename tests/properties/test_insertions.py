"""One packet of one side that the other side's packets do not acknowledge removes, changes or delays no other operation, and no pairing.

What only that packet carries may make rows of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.evasion import messages as say
from tests.evasion.acts import ACTS, Act
from tests.evasion.wire import ACK, FIN, GUEST, MS, PLC, PSH, RST, SYN, Capture, Tcp
from tests.properties.test_invariants import operations

SETTINGS = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
_SAME = ("time", "role", "protocol", "src", "dst", "function", "subfunction", "action", "unit", "start", "count", "value", "status", "latency_ns")
_SECOND = 1000 * MS


def _modbus() -> list[tuple[bytes, bytes]]:
    polls = [(say.poll(n, n), say.poll_answer(n)) for n in range(6)]
    return [*polls[:3], (say.write(77), say.write(77)), *polls[3:]]


def _s7() -> list[tuple[bytes, bytes]]:
    reads = [(say.job(say.variables(4, say.any_item(start=80, count=4)), reference=n),
              say.answer(bytes([4, 1]), say.item_data((0xFF, 4, bytes(4))), reference=n)) for n in range(10, 14)]
    stop = (say.job(bytes.fromhex("290000000000") + b"\x09P_PROGRAM", reference=30), say.answer(b"\x29", reference=30))
    return [(say.S7_CONNECT, say.S7_CONFIRM), (say.S7_SETUP, say.S7_SETUP_ANSWER), *reads[:2], stop, *reads[2:]]


def _of(act: Act) -> tuple[int, list[tuple[bytes, bytes]], bytes, bytes]:
    """An act of the evasion suite among harmless requests; the decoys are of a number that no other message has."""
    turns = [*act.opening, *(act.polled(number) for number in range(1, 4)), act.attack(4), *(act.polled(number) for number in range(5, 8))]
    return act.port, turns, *act.decoy(40 if act.port == 20000 else 900)


TALKS = {"modbus": (502, _modbus(), say.poll(4000, 900), say.poll_answer(4000)),
         "s7": (102, _s7(), say.job(say.variables(4, say.any_item(start=8, count=1)), reference=4000),
                say.answer(bytes([4, 1]), say.item_data((0xFF, 4, bytes(4))), reference=4000)),
         "s7-connect": (102, _s7(), say.connect(called=b"\x01\x07"), say.connect(0xD0, called=b"\x01\x07", destination=9, source=7)),
         **{act.name: _of(act) for act in ACTS if not act.datagrams}}


@st.composite
def insertions(draw: st.DrawFn) -> dict[str, Any]:
    """What is inserted, where, and when the conversation goes on."""
    return {"place": draw(st.integers(0, 7)), "within": draw(st.sampled_from([0, 0, 0, 1, 5])), "side": draw(st.integers(0, 1)),
            "flags": draw(st.sampled_from([SYN, RST, RST | ACK, FIN | ACK, SYN | ACK, SYN | FIN, PSH, 0, PSH | ACK, PSH | ACK, PSH | ACK])),
            "offset": draw(st.one_of(st.sampled_from([-1, 0, 1, 7, 12, 500_000, -500_000, 2**30, 2**31]), st.integers(-400, 400))),
            "start": draw(st.sampled_from([(700_000, 900_000), (2**32 - 60, 900_000), (700_000, 2**32 - 30), (0, 2**31 - 40)])),
            "decoy": draw(st.sampled_from(["message", "half", "garbage", "empty"])), "ttl": draw(st.sampled_from([64, 64, 1, 2, 63, 128, 255])),
            "bad_sum": draw(st.booleans()), "acknowledgement": draw(st.sampled_from([None, None, 77, 2**31])),
            "pause": draw(st.sampled_from([MS, 100 * MS, 2 * _SECOND, 15 * _SECOND]))}


def _capture(name: str, inserted: dict[str, Any], *, with_it: bool) -> Capture:
    port, turns, request, response = TALKS[name]
    place, within = inserted["place"], inserted["within"]
    capture = Capture()
    talk = Tcp(capture, GUEST, PLC, port, start=inserted["start"])
    for number, (question, reply) in enumerate(turns):
        cut = within if number == place else 0
        if cut:
            talk.say(question[:cut])
        if number == place:
            if with_it:
                side = inserted["side"]
                message = (request, response)[side]
                payload = {"message": message, "half": message[:9], "garbage": b"\xa5" * 23, "empty": b""}[inserted["decoy"]]
                if inserted["flags"] & (SYN | RST | FIN):
                    payload = b""
                talk.send(side, payload, flags=inserted["flags"], sequence=talk.sequence[side] + inserted["offset"], after_ns=0,
                          ttl=inserted["ttl"], bad_sum=inserted["bad_sum"],
                          acknowledgement=inserted["acknowledgement"] if inserted["flags"] & ACK else None)
            capture.now += inserted["pause"]
        talk.say(question[cut:])
        talk.answer(reply)
    return capture


def _rows(name: str, path: Path, capture: Capture) -> list[tuple[Any, ...]]:
    names = _SAME[:-1] if TALKS[name][0] == 44818 else _SAME  # stacks use one context for all: what a second reading asks is not paired
    return [tuple(repr(record.get(name)) for name in names) for record in operations(capture.write(path))]


@pytest.mark.parametrize("name", TALKS)
@SETTINGS
@given(inserted=insertions())
def test_an_inserted_packet_takes_nothing_away(name: str, inserted: dict[str, Any], tmp_path: Path) -> None:
    plain = _rows(name, tmp_path / "plain.pcap", _capture(name, inserted, with_it=False))
    told = _rows(name, tmp_path / "with.pcap", _capture(name, inserted, with_it=True))
    missing = [row for row in plain if row not in told]
    assert missing == [], [row for row in told if row not in plain]
    assert len(told) <= len(plain) + 2  # what the packet carries, and its bytes with those that follow
