"""Modbus conversations made to be compared: every function, subfunction and exception, with right and with odd fields. The same at every run."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tests.evasion.wire import GUEST, HMI, PLC, Capture, Tcp, udp
from tests.oracle.modbus import crc16
from tests.protocols.modbus.wire import adu

PORT, OTHER_PORT, RTU_PORT = 502, 1502, 4001
BITS, REGISTERS = 2000, 125  # the most that a read may ask for (APP 6.1, 6.3)
OPAQUE = (9, 10, 13, 14, 18, 19, 25, 42, 44, 65, 72, 89, 100, 110, 126, 127)  # of other makers, user-defined, reserved
UMAS = 90
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .-_/"


@dataclass(frozen=True)
class Exchange:
    """A request and its answer (function code and data), None where there is none."""

    request: bytes
    response: bytes | None
    unit: int


def _counted(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _words(*words: int) -> bytes:
    return struct.pack(f">{len(words)}H", *words)


def _bits(chance: Random, count: int) -> bytes:
    """As many bits, the rest of the last byte 0 (APP 6.1)."""
    return (chance.getrandbits(count) if count else 0).to_bytes((count + 7) // 8, "little")


def _place(chance: Random, most: int) -> tuple[int, int]:
    """Start and count, often at the edges of what may be."""
    count = chance.choice([1, 2, 7, 8, 9, 16, 17, most - 1, most, chance.randint(1, most)])
    return chance.choice([0, 1, 65536 - count, chance.randint(0, 65536 - count)]), count


def _read(chance: Random, function: int) -> tuple[bytes, bytes]:
    start, count = _place(chance, BITS if function < 3 else REGISTERS)
    data = _bits(chance, count) if function < 3 else chance.randbytes(2 * count)
    return bytes([function]) + _words(start, count), bytes([function]) + _counted(data)


def _write_one(chance: Random, function: int) -> tuple[bytes, bytes]:
    value = chance.choice([0, 0xFF00]) if function == 5 else chance.randrange(0x10000)
    whole = bytes([function]) + _words(chance.randrange(0x10000), value)
    return whole, whole


def _write_many(chance: Random, function: int) -> tuple[bytes, bytes]:
    start, count = _place(chance, 1968 if function == 15 else 123)
    data = _bits(chance, count) if function == 15 else chance.randbytes(2 * count)
    head = bytes([function]) + _words(start, count)
    return head + _counted(data), head


def _mask(chance: Random, function: int) -> tuple[bytes, bytes]:
    whole = bytes([function]) + _words(*(chance.randrange(0x10000) for _ in range(3)))
    return whole, whole


def _read_write(chance: Random, function: int) -> tuple[bytes, bytes]:
    (start, count), (to, written) = _place(chance, REGISTERS), _place(chance, 121)
    return (bytes([function]) + _words(start, count, to, written) + _counted(chance.randbytes(2 * written)),
            bytes([function]) + _counted(chance.randbytes(2 * count)))


def _fifo(chance: Random, function: int) -> tuple[bytes, bytes]:
    count = chance.choice([0, 1, 31, chance.randint(0, 31)])
    return bytes([function]) + _words(chance.randrange(0x10000)), bytes([function]) + _words(2 + 2 * count, count) + chance.randbytes(2 * count)


def _read_files(chance: Random, function: int) -> tuple[bytes, bytes]:
    places = [(chance.randint(1, 0xFFFF), chance.randint(0, 9999), chance.randint(1, 20)) for _ in range(chance.randint(1, 5))]
    asked = b"".join(b"\x06" + _words(*place) for place in places)
    told = b"".join(bytes([1 + 2 * count, 6]) + chance.randbytes(2 * count) for _, _, count in places)
    return bytes([function]) + _counted(asked), bytes([function]) + _counted(told)


def _write_files(chance: Random, function: int) -> tuple[bytes, bytes]:
    places = [(chance.randint(1, 0xFFFF), chance.randint(0, 9999), chance.randint(1, 15)) for _ in range(chance.randint(1, 4))]
    whole = bytes([function]) + _counted(b"".join(b"\x06" + _words(*place) + chance.randbytes(2 * place[2]) for place in places))
    return whole, whole


def _diagnostics(chance: Random, function: int) -> Iterator[tuple[bytes, bytes | None]]:
    """APP 6.8.1, each subfunction; and some that are reserved."""
    for code in (*range(22), 23, 255, 256, 0xFFFF):
        data = {0: chance.randbytes(2 * chance.randint(1, 8)), 1: chance.choice([b"\0\0", b"\xff\0"]), 3: bytes([chance.randrange(256), 0])}.get(
            code, b"\0\0")
        head = bytes([function]) + _words(code)
        answered = data if code in (0, 1, 3, 10, 20) else chance.randbytes(2)
        yield head + data, None if code == 4 else head + answered


def _identification(chance: Random, function: int) -> Iterator[tuple[bytes, bytes]]:
    """APP 6.21: each read code, one object, more to follow; and CANopen (6.20) and unknown interface types."""
    for code in (1, 2, 3, 4):
        for first in (0, 1, 6, 0x80):
            chosen = [first] if code == 4 else sorted({first, *range(first, first + chance.randint(1, 4))})
            texts = b"".join(bytes([number]) + _counted(bytes(chance.choices(_LETTERS, k=chance.randint(0, 20)))) for number in chosen)
            more = chance.choice([0, 0xFF])
            yield (bytes([function, 14, code, first]),
                   bytes([function, 14, code, chance.choice([1, 2, 3, 0x81, 0x82, 0x83]), more, 1 if more else 0, len(chosen)]) + texts)
    yield bytes([function, 13]) + chance.randbytes(8), bytes([function, 13]) + chance.randbytes(10)
    yield bytes([function, 7]) + chance.randbytes(3), bytes([function, 7]) + chance.randbytes(3)


def _status(chance: Random, function: int) -> tuple[bytes, bytes]:
    """APP 6.7, 6.9, 6.10, 6.13."""
    if function == 7:
        return b"\x07", bytes([7, chance.randrange(256)])
    busy = _words(chance.choice([0, 0xFFFF]), chance.randrange(0x10000))
    if function == 11:
        return b"\x0b", b"\x0b" + busy
    if function == 12:
        return b"\x0c", b"\x0c" + _counted(busy + _words(chance.randrange(0x10000)) + chance.randbytes(chance.choice([0, 1, 63, 64])))
    return b"\x11", b"\x11" + _counted(chance.randbytes(chance.randint(0, 3)) + b"Controller 17" + chance.choice([b"\0", b"\xff"]))


def _umas(chance: Random, function: int) -> Iterator[tuple[bytes, bytes]]:
    for code in (1, 2, 3, 4, 0x0A, 0x10, 0x11, 0x12, 0x20, 0x22, 0x23, 0x40, 0x41, 0x50, 0x70, 0x99):
        yield bytes([function, 0, code]) + chance.randbytes(chance.choice([0, 10])), bytes([function, 0, 0xFE]) + chance.randbytes(12)


_PAIRS: dict[int, Callable[[Random, int], tuple[bytes, bytes]]] = {
    **dict.fromkeys((1, 2, 3, 4), _read), 5: _write_one, 6: _write_one, **dict.fromkeys((7, 11, 12, 17), _status), 15: _write_many,
    16: _write_many, 20: _read_files, 21: _write_files, 22: _mask, 23: _read_write, 24: _fifo,
}


def exchanges(chance: Random) -> Iterator[Exchange]:
    """One round: each function as it should be, some with odd quantities, each exception code."""
    for function, make in _PAIRS.items():
        for _ in range(3):
            yield Exchange(*make(chance, function), chance.choice([0, 1, 2, 17, 247, 255]))
    for makes in (_diagnostics(chance, 8), _identification(chance, 43), _umas(chance, UMAS)):
        for request, response in makes:
            yield Exchange(request, response, chance.choice([0, 1, 9, 255]))
    for function in OPAQUE:
        yield Exchange(bytes([function]) + chance.randbytes(chance.randint(1, 9)), bytes([function]) + chance.randbytes(chance.randint(1, 9)), 3)
    for function, make in _PAIRS.items():
        request, _ = make(chance, function)
        yield Exchange(request, bytes([function | 0x80, chance.choice([1, 2, 3, 4, 5, 6, 7, 8, 10, 11])]), 4)
    for code in range(14):
        yield Exchange(_read(chance, 3)[0], bytes([0x83, code]), 5)


def odd(chance: Random) -> Iterator[Exchange]:
    """What a peer should not send, and what a dissector has to tell all the same."""
    for function in (1, 2, 3, 4):
        for count in (0, 126, 2001, 0xFFFF):
            yield Exchange(bytes([function]) + _words(0xFFFE, count), bytes([function | 0x80, 3]), 1)
    yield Exchange(bytes([5]) + _words(7, 1), bytes([0x85, 3]), 1)
    yield Exchange(bytes([6]) + _words(7, 1), bytes([6]) + _words(7, 2), 1)
    yield Exchange(bytes([16]) + _words(0, 0) + b"\0", bytes([0x90, 3]), 1)
    for sent, answered in ((3, 4), (3, 23), (16, 6), (43, 3)):  # the response is to another function
        yield Exchange(next(iter(_identification(chance, 43)))[0] if sent == 43 else _PAIRS[sent](chance, sent)[0],
                       _PAIRS[answered](chance, answered)[1], 1)
    yield Exchange(_read(chance, 4)[0], None, 1)
    for function in (1, 3, 5, 6, 15, 16, 22, 23, 24):  # too short, too long
        request, response = _PAIRS[function](chance, function)
        yield Exchange(request[:chance.randint(2, 4)], bytes([function | 0x80, 3]), 1)
        yield Exchange(request + chance.randbytes(chance.randint(1, 4)), response + b"\0", 1)
    for function in (3, 4, 15, 16, 20, 21, 23):  # the byte count lies
        request, response = _PAIRS[function](chance, function)
        at = {15: 5, 16: 5, 23: 9}.get(function, 1)
        if function in (15, 16, 20, 21, 23):
            yield Exchange(request[:at] + bytes([request[at] ^ 3]) + request[at + 1:], bytes([function | 0x80, 3]), 1)
        if function in (3, 4, 23):
            yield Exchange(request, response[:1] + bytes([response[1] ^ 6]) + response[2:], 1)


class Traffic:
    """A capture, and what was sent in it: (frame in which it ends, bytes of the PDU)."""

    def __init__(self, seed: int, rounds: int) -> None:
        self.chance = Random(seed)
        self.capture = Capture()
        self.messages = 0
        self.transaction = 0
        for _ in range(rounds):
            self.round()

    def round(self) -> None:
        """Each kind of conversation."""
        number = self.transaction
        self.one_by_one(Tcp(self.capture, HMI, PLC, PORT, client_port=30_000 + number % 9999, start=(number, number)))
        self.one_by_one(Tcp(self.capture, GUEST, PLC, OTHER_PORT, client_port=30_000 + number % 9999, start=(number, number)))
        self.several(Tcp(self.capture, HMI, PLC, PORT, client_port=40_000 + number % 9999, start=(number, number)))
        self.cut(Tcp(self.capture, HMI, PLC, PORT, client_port=50_000 + number % 9999, start=(number, number)))
        self.datagrams(20_000 + number % 9999)
        self.serial(Tcp(self.capture, HMI, PLC, RTU_PORT, client_port=10_000 + number % 9999, start=(number, number)))

    def exchanges(self) -> Iterator[Exchange]:
        """All, as they should be and odd."""
        yield from exchanges(self.chance)
        yield from odd(self.chance)

    def adus(self, exchange: Exchange) -> tuple[bytes, bytes | None]:
        """With MBAP headers."""
        self.transaction = (self.transaction + 1) % 0x10000
        self.messages += 1 + (exchange.response is not None)
        return (adu(exchange.request, transaction=self.transaction, unit=exchange.unit),
                None if exchange.response is None else adu(exchange.response, transaction=self.transaction, unit=exchange.unit))

    def one_by_one(self, talk: Tcp) -> None:
        """One message in a segment."""
        for exchange in self.exchanges():
            asked, told = self.adus(exchange)
            talk.say(asked)
            if told is not None:
                talk.answer(told)

    def several(self, talk: Tcp) -> None:
        """Up to four requests in a segment, and their answers likewise."""
        waiting = list(self.exchanges())
        while waiting:
            some = [self.adus(exchange) for exchange in waiting[:self.chance.randint(1, 4)]]
            del waiting[:len(some)]
            talk.say(b"".join(asked for asked, _ in some))
            told = b"".join(told for _, told in some if told is not None)
            if told:
                talk.answer(told)

    def cut(self, talk: Tcp) -> None:
        """Messages over several segments, cut anywhere behind the header: tshark gives up on a header in pieces."""
        for exchange in self.exchanges():
            asked, told = self.adus(exchange)
            talk.say(asked, self.chance.randint(8, len(asked)), len(asked))
            if told is not None:
                talk.answer(told, self.chance.randint(8, len(told)), self.chance.randint(1, len(told)))

    def datagrams(self, port: int) -> None:
        """Over UDP."""
        for exchange in self.exchanges():
            asked, told = self.adus(exchange)
            self.capture.datagram(GUEST, PLC, 17, udp(GUEST, PLC, (port, PORT), asked))
            if told is not None:
                self.capture.datagram(PLC, GUEST, 17, udp(PLC, GUEST, (PORT, port), told))

    def serial(self, talk: Tcp) -> None:
        """RTU frames in TCP: the functions whose frames have a length, the units that there are on a line (SERIAL 2.2, 2.5.1)."""
        for exchange in exchanges(self.chance):
            if exchange.request[0] in (8, 43, UMAS, *OPAQUE) or exchange.response is None or exchange.response[0] & 0x7F != exchange.request[0]:
                continue
            self.messages += 2
            for side, message in enumerate((exchange.request, exchange.response)):
                whole = bytes([min(max(exchange.unit, 1), 247)]) + message
                talk.say(whole + struct.pack("<H", crc16(whole)), side=side)
