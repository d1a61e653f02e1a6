"""Dangerous operations, each in a whole conversation of its protocol: what the variants of `test_variants` carry."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.evasion.messages import S7_CONFIRM, S7_CONNECT, S7_SETUP, S7_SETUP_ANSWER, UMAS_STOPPED, poll, poll_answer
from tests.evasion.wire import GUEST, MS, PLC, Capture, Tcp, udp
from tests.oracle.bacnet import complex_ack, confirmed, context, datagram, object_id, unsigned, wrapped
from tests.oracle.streams import dnp3_frame
from tests.protocols.iec104.wire import asdu, i_frame, u_frame
from tests.protocols.modbus.wire import adu, pdu
from tests.protocols.s7comm.wire import answer, any_item, item_data, job, variables

Turn = tuple[bytes, bytes]  # a request, and what is answered


@dataclass(frozen=True, kw_only=True)
class Act:
    """Messages are made by their number in the conversation. `decoy`: another request, as long as the dangerous one."""

    name: str
    port: int
    seen: dict[str, Any]
    polled: Callable[[int], Turn]
    attack: Callable[[int], Turn]
    decoy: Callable[[int], Turn]
    opening: tuple[Turn, ...] = ()
    datagrams: bool = False


def _modbus(name: str, body: bytes, reply: bytes, other: bytes, seen: dict[str, Any]) -> Act:
    return Act(name=name, port=502, seen={"protocol": "modbus", "unit": 1, **seen}, polled=lambda number: (poll(number), poll_answer(number)),
               attack=lambda number: (adu(body, transaction=number), adu(reply, transaction=number)),
               decoy=lambda number: (adu(other, transaction=number), adu(other[:5], transaction=number)))


def _s7(name: str, body: tuple[bytes, ...], reply: tuple[bytes, ...], other: tuple[bytes, ...], seen: dict[str, Any]) -> Act:
    def polled(number: int) -> Turn:
        return (job(variables(4, any_item(start=80, count=4)), reference=number),
                answer(bytes([4, 1]), item_data((0xFF, 4, bytes(4))), reference=number))

    return Act(name=name, port=102, seen={"protocol": "s7comm", **seen}, polled=polled,
               opening=((S7_CONNECT, S7_CONFIRM), (S7_SETUP, S7_SETUP_ANSWER)),
               attack=lambda number: (job(*body, reference=number), answer(*reply, reference=number)),
               decoy=lambda number: (job(*other, reference=number), answer(b"\0", reference=number)))


def _dnp3(name: str, body: bytes, reply: bytes, other: bytes, seen: dict[str, Any], *, datagrams: bool = False) -> Act:
    def turn(number: int, asked: bytes, replied: bytes) -> Turn:
        head = bytes((0xC0 | number % 64, 0xC0 | number % 16))
        return dnp3_frame(head + asked), dnp3_frame(head + b"\x81\0\0" + replied, control=0x44, destination=1, source=10)

    return Act(name=name, port=20000, seen={"protocol": "dnp3", "unit": 10, **seen}, datagrams=datagrams,
               polled=lambda number: turn(number, b"\x01\x3c\x02\x06", b""),
               attack=lambda number: turn(number, body, reply), decoy=lambda number: turn(number, other, b""))


def _iec104() -> Act:
    def turn(number: int, asked: bytes, replied: bytes) -> Turn:
        return i_frame(asked, number - 1, number - 1), i_frame(replied, number - 1, number)

    return Act(name="iec104-command", port=2404, seen={"protocol": "iec104", "function": 45, "action": "CONTROL", "start": 11},
               opening=((u_frame(7), u_frame(0x0B)),),
               polled=lambda number: turn(number, asdu(102, 5, (13, b"")), asdu(13, 5, (13, b"\0\0\xc8\x41\0"))),
               attack=lambda number: turn(number, asdu(45, 6, (11, b"\1")), asdu(45, 7, (11, b"\1"))),
               decoy=lambda number: turn(number, asdu(45, 6, (900, b"\0")), asdu(45, 7, (900, b"\0"))))


_REAL = b"\x44" + struct.pack(">f", 21.5)


def _bacnet() -> Act:
    def where(instance: int) -> bytes:
        return context(0, object_id(1, instance)) + context(1, unsigned(85))

    def write(number: int, instance: int) -> Turn:
        return (datagram(confirmed(number, 15, where(instance) + wrapped(3, _REAL) + context(4, b"\x08"))),
                datagram(bytes((0x20, number, 15))))

    return Act(name="bacnet-write", port=47808, datagrams=True, seen={"protocol": "bacnet", "action": "CONTROL", "function": 15, "object": 7},
               polled=lambda number: (datagram(confirmed(number, 12, where(3))), datagram(complex_ack(number, 12, where(3) + wrapped(3, _REAL)))),
               attack=lambda number: write(number, 7), decoy=lambda number: write(number, 9))


def _enip(name: str, body: bytes, reply: bytes, other: bytes, seen: dict[str, Any]) -> Act:
    """CIP by UCMM in a session; each message has a context of its own."""

    def frame(number: int, message: bytes, command: int = 0x6F) -> bytes:
        data = message if command == 0x65 else struct.pack("<IHHHHHH", 0, 10, 2, 0, 0, 0xB2, len(message)) + message
        return struct.pack("<HHIIQI", command, len(data), 77, 0, number, 0) + data

    read, tag = bytes((0x4C, 4)) + b"\x91\x05Speed\0" + b"\1\0", b"\xcc\0\0\0" + b"\xca\0" + struct.pack("<f", 21.5)
    session = struct.pack("<HH", 1, 0)
    return Act(name=name, port=44818, seen=seen, opening=((frame(0, session, 0x65).replace(b"M", b"\0", 1), frame(0, session, 0x65)),),
               polled=lambda number: (frame(number, read), frame(number, tag)),
               attack=lambda number: (frame(number, body), frame(number, reply)),
               decoy=lambda number: (frame(number, other), frame(number, bytes((other[0] | 0x80, 0, 8, 0)))))


_MODE = bytes.fromhex("02208e2401")  # path to class 8E, instance 1
_PCCC = bytes.fromhex("4b022067240107091009101971")  # to class 67, with a requestor's id
_CROB = bytes([0x81, 1]) + struct.pack("<IIB", 100, 100, 0)
_OPERATE = bytes([5, 12, 1, 0x28]) + struct.pack("<HH", 1, 3) + _CROB
ACTS: tuple[Act, ...] = (
    _modbus("modbus-write", pdu(6, 7, 666), pdu(6, 7, 666), pdu(3, 900, 1), {"function": 6, "action": "WRITE", "start": 7}),
    _modbus("modbus-write-many", pdu(16, 7, 2, data=b"\4\1\2\3\4"), pdu(16, 7, 2), pdu(16, 900, 2, data=b"\4\0\0\0\0"),
            {"function": 16, "action": "WRITE", "start": 7}),
    _modbus("umas-stop", bytes([0x5A, 7, 0x41, 0xFF, 0]), bytes([0x5A, 7, 0xFE]), pdu(3, 900, 1),
            {name: value for name, value in UMAS_STOPPED.items() if name != "protocol"}),
    _s7("s7-stop", (bytes.fromhex("290000000000") + b"\x09P_PROGRAM",), (b"\x29",), (bytes(16),), {"function": 0x29, "action": "STOP"}),
    _s7("s7-write", (variables(5, any_item(start=8, count=4)), item_data((0, 4, b"\1\2\3\4"))), (b"\5\1", b"\xff"),
        (variables(5, any_item(start=7200, count=4)), item_data((0, 4, b"\1\2\3\4"))), {"function": 5, "action": "WRITE", "start": 8}),
    _s7("s7-delete", (b"\x28" + bytes(6) + b"\xfd\0\x0a\1\0" + b"0C00001P" + b"\x05_DELE",), (b"\x28",), (bytes(26),),
        {"function": 0x28, "action": "PROGRAM_DELETE"}),
    _dnp3("dnp3-operate", _OPERATE, _OPERATE[1:], _OPERATE[:6] + b"\x84\3" + _CROB, {"function": 5, "action": "CONTROL", "start": 3}),
    _dnp3("dnp3-restart", b"\x0d", b"\x34\2\7\1\x10\x27", b"\x17", {"function": 13, "action": "RESTART"}),
    _iec104(),
    _bacnet(),
    _enip("cip-stop", b"\7" + _MODE, b"\x87\0\0\0", b"\x17" + _MODE, {"protocol": "cip", "function": 7, "action": "STOP"}),
    _enip("pccc-mode", _PCCC + b"\x0f\0\1\0\x80\1", b"\xcb\0\0\0" + _PCCC[6:] + b"\x4f\0\1\0", _PCCC + b"\x06\0\1\0\0\1",
          {"protocol": "pccc", "function": 15, "action": "STOP"}),
    _dnp3("dnp3-datagram", _OPERATE, _OPERATE[1:], _OPERATE[:6] + b"\x84\3" + _CROB, {"function": 5, "action": "CONTROL", "start": 3},
          datagrams=True),
)


class Talk(Tcp):
    """A conversation of an act. `number` counts its requests, from 1 on."""

    def __init__(self, capture: Capture, act: Act, **how: Any) -> None:
        self.act = act
        self.number = 1
        port = how.pop("port", act.port)
        how.setdefault("start", (700_000, 900_000))
        super().__init__(capture, how.pop("client", GUEST), how.pop("server", PLC), port, **how)

    def open(self) -> None:
        """The handshake, none of datagrams."""
        if not self.act.datagrams:
            super().open()

    def send(self, side: int, payload: bytes = b"", *, after_ns: int = MS, ttl: int = 64, **how: Any) -> None:
        """A segment, or a datagram."""
        if not self.act.datagrams:
            super().send(side, payload, after_ns=after_ns, ttl=ttl, **how)
        elif side != self.blind:
            self.capture.datagram(self.hosts[side], self.hosts[1 - side], 17,
                                  udp(self.hosts[side], self.hosts[1 - side], self.ports[::1 - 2 * side], payload, six=self.six),
                                  six=self.six, after_ns=after_ns, ttl=ttl)

    def exchange(self, turn: Turn, *sizes: int) -> None:
        """A request and its answer."""
        self.say(turn[0], *sizes)
        self.answer(turn[1])
        self.number += 1

    def begin(self) -> Talk:
        """What opens the protocol, then three harmless requests."""
        for turn in self.act.opening:
            self.say(turn[0])
            self.answer(turn[1])
        return self.poll(3)

    def poll(self, times: int = 1) -> Talk:
        """Harmless requests."""
        for _ in range(times):
            self.exchange(self.act.polled(self.number))
        return self

    @property
    def attack(self) -> Turn:
        """The dangerous request, as the next one, and its answer."""
        return self.act.attack(self.number)

    @property
    def decoy(self) -> Turn:
        """Another one in its place."""
        return self.act.decoy(self.number)

    def taken(self, size: int, side: int = 0) -> None:
        """Bytes that were sent by `send` were accepted."""
        self.sequence[side] += size

    def answered(self) -> None:
        """The answer to the attack, then two harmless requests."""
        self.answer(self.attack[1])
        self.number += 1
        self.poll(2)
