"""What is said: lengths that lie, headers that deviate, protocols where they do not belong, and limits that are hit on purpose."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.evasion.acts import Act, Talk
from tests.evasion.case import background
from tests.evasion.messages import HTTP, TLS_HELLO, rtu
from tests.evasion.variants import DATAGRAMS, ENIP, Variant, during, plain
from tests.evasion.wire import MS, Capture
from tests.oracle.streams import dnp3_frame

SECOND = 1000 * MS
MODBUS, S7, DNP3 = ("modbus", "umas"), ("s7",), ("dnp3",)


def lie(length: Callable[[bytes], bytes], *, answered: bool, pause: int = 300 * MS, polls: int = 3) -> Callable[[Talk], None]:
    """A harmless request whose length lies, then the act."""

    def play(talk: Talk) -> None:
        asked, replied = talk.act.polled(talk.number)
        talk.say(length(asked))
        if answered:
            talk.answer(replied)
        talk.number += 1
        talk.capture.now += pause
        plain(talk)
        talk.poll(polls)

    return play


def _field(act: Act, message: bytes, size: int) -> bytes:
    """The message with a length field that says `size` bytes in all."""
    if act.port == 502:
        return _mbap(size - 6)(message)
    if act.port == 102:
        return _tpkt(size)(message)
    if act.port == 44818:
        return message[:2] + struct.pack("<H", size - 24) + message[4:]
    if act.port == 2404:
        return _octet(1, min(size - 2, 255))(message)
    return _octet(2, min(size - 5 - 2 * ((size - 10 + 17) // 18), 255))(message)


def exact(*, polls: int, answered: bool, unknown: bool = False) -> Callable[[Talk], None]:
    """A request whose length covers the act, and harmless requests behind it, to the byte."""

    def play(talk: Talk) -> None:
        asked, replied = talk.act.polled(talk.number)
        if unknown:
            asked, replied = struct.pack(">HHHBB", talk.number, 0, 5, 1, 0x41) + b"\1\2\3", struct.pack(">HHHBBB", talk.number, 0, 3, 1, 0xC1, 1)
        size = len(asked) + len(talk.act.attack(talk.number + 1)[0]) + polls * len(talk.act.polled(1)[0])
        talk.say(_field(talk.act, asked, size))
        if answered:
            talk.answer(replied)
        talk.number += 1
        plain(talk)
        talk.poll(polls)

    return play


def own_lie(length: Callable[[bytes], bytes]) -> Callable[[Talk], None]:
    """The length of the act itself lies."""

    def play(talk: Talk) -> None:
        talk.say(length(talk.attack[0]))
        talk.answered()

    return play


def _mbap(value: int) -> Callable[[bytes], bytes]:
    return lambda message: message[:4] + struct.pack(">H", value) + message[6:]


def _tpkt(value: int) -> Callable[[bytes], bytes]:
    return lambda message: message[:2] + struct.pack(">H", value) + message[4:]


def _octet(at: int, value: int) -> Callable[[bytes], bytes]:
    return lambda message: message[:at] + bytes((value,)) + message[at + 1:]


def unknown_function(value: int, *, answered: bool, stays: bool = True) -> Callable[[Talk], None]:
    """A Modbus request of a function without known length, whose length lies, before the act."""

    def play(talk: Talk) -> None:
        talk.say(struct.pack(">HHHBB", talk.number, 0, value, 1, 0x41) + b"\1\2\3")
        if answered:
            talk.answer(struct.pack(">HHHBBB", talk.number, 0, 3, 1, 0xC1, 1))
        talk.number += 1
        talk.capture.now += 300 * MS
        if stays:
            plain(talk)
            talk.poll(2)
        else:
            talk.say(talk.attack[0])

    return play


def noise(*parts: bytes, side: int = 0) -> Callable[[Talk], None]:
    """Bytes that are no message, then the act."""

    def play(talk: Talk) -> None:
        for part in parts:
            talk.say(part, side=side)
        plain(talk)

    return play


def first(*parts: bytes, port: int = 0, answer: bytes = b"") -> Callable[[Capture, Act], None]:
    """Something else opens the connection."""

    def play(capture: Capture, act: Act) -> None:
        talk = Talk(capture, act, port=port or act.port)
        for part in parts:
            talk.say(part)
            if answer:
                talk.answer(answer)
        plain(talk.begin())

    return play


def many(count: int) -> Callable[[Talk], None]:
    """Requests that nobody answers, then the act."""

    def play(talk: Talk) -> None:
        for _ in range(count):
            talk.say(talk.act.polled(talk.number)[0])
            talk.number += 1
        plain(talk)

    return play


def _near(act: Act, message: bytes) -> bytes:
    """The message with a right header, and what its protocol has not."""
    at = {502: 8, 102: 4, 20000: 10, 2404: 6, 44818: 24, 47808: 4}[act.port]
    return message[:at] + bytes((0xEE ^ byte if place % 2 else 0) for place, byte in enumerate(message[at:]))


def near(count: int, *, opened: bool = True, length: int = 0) -> Callable[[Capture, Act], None]:
    """On a port of no protocol: as many segments that begin like a message and are none, then a conversation."""

    def play(capture: Capture, act: Act) -> None:
        talk = Talk(capture, act, port=33_333, opened=opened)
        talk.say(b"\xa7\x13" * 300)
        for number in range(count):
            message = _near(act, act.polled(number % 200 + 1)[0])
            talk.say(message + b"\xa7" * max(0, length - len(message)))
        plain(talk.begin())

    return play


def pieces(*sizes: int, opened: bool = True, before: bytes = b"", half: bool = False) -> Callable[[Capture, Act], None]:
    """On a port of no protocol, from the middle on or after other bytes: both sides in pieces."""

    def play(capture: Capture, act: Act) -> None:
        talk = Talk(capture, act, port=33_333, opened=opened)
        talk.say(before)
        if half:
            talk.say(act.polled(1)[0][9:], *sizes)
            talk.answer(act.polled(1)[1], *sizes)
            talk.number += 1
        for number in range(4):
            turn = talk.attack if number == 2 else act.polled(talk.number)
            talk.say(turn[0], *sizes)
            talk.answer(turn[1], *sizes)
            talk.number += 1

    return play


def connections(count: int) -> Callable[[Capture, Act], None]:
    """The act in one of very many connections."""

    def play(capture: Capture, act: Act) -> None:
        talk = Talk(capture, act).begin()
        for number in range(count):
            other = Talk(capture, act, client_port=1024 + number, start=(number * 977, number * 1361))
            for turn in act.opening:
                other.say(turn[0])
                other.answer(turn[1])
            other.exchange(act.polled(1))
        plain(talk)

    return play


def _padded(talk: Talk) -> None:
    """Zeros between messages, as some stacks send them."""
    talk.say(bytes(6))
    plain(talk)


def crafted(make: Callable[[bytes], tuple[bytes, ...]]) -> Callable[[Talk], None]:
    """The act's message made anew, in one or more segments."""

    def play(talk: Talk) -> None:
        for part in make(talk.attack[0]):
            talk.say(part)
        talk.answered()

    return play


def _cotp_parts(size: int) -> Callable[[bytes], tuple[bytes, ...]]:
    def make(message: bytes) -> tuple[bytes, ...]:
        body = message[7:]
        cut = [body[at:at + size] for at in range(0, len(body), size)]
        return tuple(struct.pack(">BBH", 3, 0, 7 + len(part)) + bytes((2, 0xF0, 0x80 * (number == len(cut) - 1))) + part
                     for number, part in enumerate(cut))

    return make


def _dnp3_parts(size: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """Transport segments of a fragment."""

    def make(message: bytes) -> tuple[bytes, ...]:
        user = b"".join(message[at:at + 16] for at in range(10, len(message) - 2, 18))[:message[2] - 5]
        first_of, body = user[0] & 0x3F, user[1:]
        cut = [body[at:at + size] for at in range(0, len(body), size)]
        return tuple(dnp3_frame(bytes(((number == 0) << 6 | (number == len(cut) - 1) << 7 | (first_of + number) & 0x3F,)) + part)
                     for number, part in enumerate(cut))

    return make


def _cotp_again(message: bytes) -> tuple[bytes, ...]:
    """A COTP connect in the middle, which no stack accepts."""
    return bytes.fromhex("0300001611e00000000900c0010ac1020100c2020107"), message


def _dnp3_bad_crc(message: bytes) -> tuple[bytes, ...]:
    broken = bytearray(message)
    broken[-1] ^= 0xFF
    return bytes(broken), message


def _modbus_on_s7(capture: Capture, act: Act) -> None:
    """On the port of another protocol."""
    plain(Talk(capture, act, port=102 if act.port != 102 else 502).begin())


VARIANTS = (
    *(Variant(name=f"lie-{value}{'' if answered else '-unanswered'}", only=MODBUS, play=during(lie(_mbap(value), answered=answered)))
      for value in (0, 1, 2, 3, 5, 7, 20, 100, 254, 255, 1287, 65_535) for answered in (True, False)),
    *(Variant(name=f"lie-tpkt-{value}{'' if answered else '-unanswered'}", only=S7, play=during(lie(_tpkt(value), answered=answered)))
      for value in (0, 4, 7, 12, 40, 64, 300, 2000, 65_535) for answered in (True, False)),
    *(Variant(name=f"lie-apdu-{value}{'' if answered else '-unanswered'}", only=("iec104",), play=during(lie(_octet(1, value), answered=answered)))
      for value in (0, 3, 4, 12, 30, 253, 255) for answered in (True, False)),
    *(Variant(name=f"lie-link-{value}{'' if answered else '-unanswered'}", only=DNP3, play=during(lie(_octet(2, value), answered=answered)))
      for value in (0, 5, 8, 30, 255) for answered in (True, False)),
    *(Variant(name=f"exact-{polls}{'' if answered else '-unanswered'}{'-one-way' * one_way}{'-unknown' * unknown}",
              play=during(exact(polls=polls, answered=answered, unknown=unknown), **({"blind": 1} if one_way else {})),
              only=MODBUS if unknown else (), shown=not one_way)
      for polls in (0, 1, 2) for answered, one_way in ((True, False), (False, False), (False, True)) for unknown in (False, True)),
    *(Variant(name=f"own-lie-{value}", only=MODBUS, play=during(own_lie(_mbap(value)))) for value in (30, 254, 1287)),
    *(Variant(name=f"own-lie-tpkt-{value}", only=S7, play=during(own_lie(_tpkt(value)))) for value in (60, 2000)),
    *(Variant(name=f"unknown-function-{value}{'' if answered else '-unanswered'}{'' if stays else '-last'}", only=MODBUS,
              play=during(unknown_function(value, answered=answered, stays=stays)), shown=answered)
      for value in (17, 40, 254) for answered in (True, False) for stays in (True, False)),
    *(Variant(name=f"unknown-function-{value}-one-way", only=MODBUS, play=during(unknown_function(value, answered=True), blind=1), shown=False)
      for value in (17, 40, 254)),
    *(Variant(name=f"noise-{size}", play=during(noise(b"\xff" * size))) for size in (1, 7, 40, 300)),
    *(Variant(name=f"zeros-{size}", play=during(noise(bytes(size))), without=ENIP if size >= 12 else ()) for size in (1, 6, 12, 300)),
    Variant(name="noise-ten-times", play=during(noise(*[b"\xff" * 40] * 10))),
    Variant(name="noise-70000", play=during(noise(*[b"\xfe\xdc" * 700] * 50))),
    Variant(name="noise-answers", play=during(noise(b"\xff" * 300, side=1))),
    Variant(name="first-http", play=first(HTTP)),
    Variant(name="first-http-answered", play=first(HTTP, answer=b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    Variant(name="first-tls", play=first(TLS_HELLO)),
    *(Variant(name=f"first-noise-{count}", play=first(*[b"\xa7\x13" * 600] * count)) for count in (1, 20, 60)),
    Variant(name="first-noise-elsewhere", play=first(*[b"\xa7\x13" * 600] * 2, port=33_333)),
    *(Variant(name=f"near-{count}", play=near(count), shown=count < 1024) for count in (31, 40, 1200)),
    *(Variant(name=f"near-{count}-datagrams", play=near(count), fits=DATAGRAMS, shown=count < 1024) for count in (40, 1200)),
    *(Variant(name=f"pieces-{'-'.join(map(str, sizes))}-{name}", play=pieces(*sizes, **how))  # type: ignore[arg-type]
      for sizes in ((1,), (2,), (5, 2), (7,), (11, 1, 3))
      for name, how in {"midway": {"opened": False}, "midway-half": {"opened": False, "half": True}, "after-noise": {"before": b"\xa7\x13" * 300},
                        "after-noise-half": {"before": b"\xa7\x13" * 300, "half": True}}.items()),
    Variant(name="first-telnet-elsewhere", play=first(b"\xff\xfb\x1f\xff\xfb\x20", port=23)),
    Variant(name="first-one-byte", play=first(b"\xa7")),
    *(Variant(name=f"many-{count}", play=during(many(count))) for count in (70, 300)),
    Variant(name="many-datagrams", play=during(many(70)), fits=DATAGRAMS),
    Variant(name="connections-300", play=connections(300), only=("modbus-write", "s7-stop")),
    Variant(name="on-the-other-port", play=_modbus_on_s7),
    *(Variant(name=f"cotp-parts-{size}", only=S7, play=during(crafted(_cotp_parts(size)))) for size in (1, 5, 12)),
    *(Variant(name=f"transport-parts-{size}", only=DNP3, play=during(crafted(_dnp3_parts(size)))) for size in (1, 2, 7)),
    Variant(name="cotp-again", only=S7, play=during(crafted(_cotp_again))),
    Variant(name="bad-crc-first", only=DNP3, play=during(crafted(_dnp3_bad_crc)), most=1),
    Variant(name="tpkt-reserved", only=S7, play=during(crafted(lambda message: (message[:1] + b"\x77" + message[2:],)))),
    Variant(name="tpkt-version", only=S7, play=during(crafted(lambda message: (b"\4" + message[1:],))), shown=False),
    Variant(name="protocol-id", only=MODBUS, play=during(crafted(lambda message: (message[:2] + b"\x12\x34" + message[4:],)))),
    Variant(name="rtu-inside", only=("modbus-write",), play=during(crafted(lambda message: (rtu(message),))), shown=False),
    Variant(name="with-background", play=lambda capture, act: plain(Talk(background(capture), act).begin())),
)
