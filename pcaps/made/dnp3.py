"""Captures of DNP3 rules: what fires, and what is next to it and must not."""

from __future__ import annotations

import struct

from play import GUEST, HMI, RTU, Play

from tests.oracle.streams import dnp3_frame

FUNCTION, OBJECT, PARAMETER = 0x0100, 0x0200, 0x0400  # IIN2.0 to 2.2


def crob(index: int, control: int = 0x41) -> bytes:
    """One control relay output block."""
    return bytes([12, 1, 0x28]) + struct.pack("<HH", 1, index) + bytes([control, 1]) + struct.pack("<IIB", 100, 100, 0)


def one(request: bytes, *, iin: int = 0, outstation: int = 10, client=GUEST, response: bytes | None = b"") -> Play:
    """A single request."""
    play = Play().polls(kinds=("dnp3",))
    play.at(12, lambda: play.dnp3(client, RTU, request, response, iin=iin, outstation=outstation, master=77 if client is GUEST else 1))
    return play


def several(requests: list[bytes], *, iin: int = 0, client=GUEST, every: float = 0.2, echo: bool = False) -> Play:
    """Requests one after the other, with the same indications."""
    play = Play().polls(kinds=("dnp3",))
    for turn, request in enumerate(requests):
        play.at(
            12 + every * turn,
            lambda request=request: play.dnp3(client, RTU, request, request[1:] if echo else b"", iin=iin, master=77 if client is GUEST else 1),
        )
    return play


def operate(selected: bool) -> Play:
    """Operate, with or without the select before it."""
    play = Play().polls(kinds=("dnp3",))
    play.at(11.9, lambda: play.dnp3(GUEST, RTU, bytes.fromhex("013c0206"), master=77))
    if selected:
        play.at(12, lambda: play.dnp3(GUEST, RTU, b"\x03" + crob(3), crob(3), master=77))
    play.at(12.1, lambda: play.dnp3(GUEST, RTU, b"\x04" + crob(3), crob(3), master=77))
    return play


def links(outstations: int) -> Play:
    """Link status requested of one address after the other."""
    play = Play().polls(kinds=("dnp3",))
    for number in range(outstations):
        request = dnp3_frame(b"", control=0xC9, destination=20 + number, source=77)
        play.at(12 + 0.5 * number, lambda request=request: play.talk(GUEST, RTU, 20000).say(request))
    return play


def masters(addresses: list[int]) -> Play:
    """A read from one link address after the other, on one connection; the outstation knows its master only."""
    play = Play().polls(kinds=("dnp3",))
    for turn, master in enumerate(addresses):
        response = b"" if master == 1 else None
        play.at(12 + 0.1 * turn, lambda master=master, response=response: play.dnp3(GUEST, RTU, bytes.fromhex("013c0206"), response, master=master))
    return play


def outstations(addresses: list[int]) -> Play:
    """A read from one outstation address after the other; only 10 responds."""
    play = Play().polls(kinds=("dnp3",))
    for turn, address in enumerate(addresses):
        response = b"" if address == 10 else None
        play.at(
            12 + 0.2 * turn,
            lambda address=address, response=response: play.dnp3(
                GUEST, RTU, bytes.fromhex("013c0206"), response, outstation=address, master=77
            ),
        )
    return play


def broadcast(destination: int) -> Play:
    """A direct operate to an address."""
    response = None if destination >= 0xFFFD else crob(3)
    return one(b"\x05" + crob(3), outstation=destination, client=HMI, response=response)


def reads(refused_groups: list[int]) -> Play:
    """Objects that the outstation does not have."""
    return several([bytes([1, group, 0, 6]) for group in refused_groups], iin=OBJECT)


def rate(request: bytes, times: int, per_second: float) -> Play:
    """The same request at a rate."""
    play = Play().polls(kinds=("dnp3",))
    play.every(1 / per_second, times, lambda: play.dnp3(GUEST, RTU, request, master=77), 12)
    return play


def answered_twice(differently: bool) -> Play:
    """Responses to a poll of the master, each followed by another one that says something else, from another card."""
    play = Play().polls(kinds=("dnp3",))

    def twice(number: int) -> None:
        talk = play.talk(HMI, RTU, 20000)
        talk.say(dnp3_frame(bytes([0xC0 | number, 0xC0 | number, 1]) + bytes.fromhex("0102000000"), destination=10, source=1))
        for value in (0x81, 0x01) if differently else (0x81,):
            body = bytes([0xC0 | number, 0xC0 | number, 129, 0, 0]) + bytes.fromhex("0102000000") + bytes([value])
            talk.answer(dnp3_frame(body, control=0x44, destination=1, source=10))

    for turn in range(3):
        play.at(12.5 + turn / 10, lambda turn=turn: twice(8 + turn))
    return play
