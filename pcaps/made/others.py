"""Captures of single rules of BACnet and IEC 104: what fires, and what is next to it and must not."""

from __future__ import annotations

from play import GUEST, MB, Play

from tests.evasion.wire import udp
from tests.protocols.iec104.wire import asdu, i_frame, u_frame

BACNET = 47_808
DONE = bytes.fromhex("810000060000")  # BVLC-Result: successful completion
WRITE_TABLE = bytes.fromhex("8101000ec0a80a4dbac0ffffffff")  # the laptop is the only one that broadcasts are passed to
DELETE_ENTRY = bytes.fromhex("8108000ac0a80a14bac0")
READ_TABLE, TABLE = bytes.fromhex("81020004"), bytes.fromhex("8103000ec0a80a0abac0ffffffff")
ALL_STATIONS = 65_535


def broadcast_table(*exchanges: tuple[bytes, bytes]) -> Play:
    """Messages of the BACnet/IP link layer to a device, with its responses."""
    play = Play().polls()
    for number, (request, response) in enumerate(exchanges):
        for later, source, target, message in ((0.0, GUEST, MB, request), (0.01, MB, GUEST, response)):
            play.at(
                12 + number + later,
                lambda source=source, target=target, message=message: play.capture.datagram(
                    source, target, 17, udp(source, target, (BACNET, BACNET), message)
                ),
            )
    return play


def stations(kind: int, start: int, element: bytes) -> Play:
    """One ASDU to the common address of all stations, and its confirmation."""
    play = Play().polls()

    def command() -> None:
        talk = play.talk(GUEST, MB, 2404)
        talk.say(u_frame(0x07))  # STARTDT act
        talk.answer(u_frame(0x0B))
        talk.say(i_frame(asdu(kind, 6, (start, element), station=ALL_STATIONS)))
        talk.answer(i_frame(asdu(kind, 7, (start, element), station=ALL_STATIONS), 0, 1))

    play.at(12, command)
    return play
