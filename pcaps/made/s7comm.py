"""Captures of S7 rules: what fires, and what is next to it and must not."""

from __future__ import annotations

import struct

from play import ENG, GUEST, HMI, S7, Play

from tests.evasion.wire import Tcp
from tests.protocols.s7comm.wire import connect, data, header, userdata


def programmer(subfunction: int, content: bytes = bytes(20)) -> Play:
    """A function of the programming device (userdata group 1)."""
    play = Play().polls(kinds=("s7",))
    play.at(12, lambda: play.s7_userdata(GUEST, S7, 1, subfunction, content))
    return play


def passwords(times: int, *, refused: bool = True) -> Play:
    """Passwords, refused or taken."""
    play = Play().polls(kinds=("s7",))
    for turn in range(times):
        play.at(12 + turn, lambda turn=turn: play.s7_userdata(GUEST, S7, 5, 1, b"%08d" % turn, error=0xD602 if refused else 0))
    return play


def reads(places: list[tuple[int, int]], *, code: int = 10, client=GUEST) -> Play:
    """Reads of (data block, byte), refused or not."""
    play = Play().polls(kinds=("s7",))
    for turn, (number, at) in enumerate(places):
        play.at(12 + 0.3 * turn, lambda number=number, at=at: play.s7_read(client, S7, number, 8 * at, code=code))
    return play


def mode(subfunction: int) -> Play:
    """The controller reports a change of its mode (userdata group 0): 0 STOP, 2 RUN."""
    play = Play().polls(kinds=("s7",))
    play.at(12, lambda: play.talk(HMI, S7, 102).answer(userdata(0, 0, subfunction, bytes([0, 0, 0, 0]), reference=0)))
    return play


def answers(strange: bool) -> Play:
    """Answers that belong to no request, amid those that do."""
    play = Play().polls(kinds=("s7",))
    for turn in range(3 if strange else 0):
        answer = data(header(3, b"\4\1", b"\xff\4\0\x20dead", reference=9000 + turn))
        play.at(12.5 + turn / 10, lambda answer=answer: play.talk(HMI, S7, 102).answer(answer))
    return play


def download(block: bytes) -> Play:
    """The announcement of a block: 0B a system data block, 0A a data block."""
    play = Play().polls(kinds=("s7",))
    name = b"_" + block + b"00001P"
    request = bytes([0x1A, 0, 1, 0, 0, 0, 0, 0, len(name)]) + name + b"\x0d1000100000076"
    play.at(12, lambda: play.s7(ENG, S7, request, b"", b"\x1a"))
    return play


def slots(tried: int) -> Play:
    """Connections to one rack and slot after the other, refused."""
    play = Play().polls(kinds=("s7",))

    def one(slot: int) -> None:
        play.ports += 7
        talk = Tcp(play.capture, GUEST, S7, 102, client_port=play.ports, start=(play.ports * 7919, play.ports * 104_729))
        talk.say(connect(called=bytes([1, slot])))
        talk.answer(b"\3\0\0\x0b\6\x80\0\1\0\0\1")  # disconnect request: not here
        talk.close()

    for slot in range(tried):
        play.at(12 + 0.5 * slot, lambda slot=slot: one(slot))
    return play


def stops(targets: list, *, start: bool = False) -> Play:
    """A stop of each."""
    play = Play().polls(kinds=("s7",))
    stop = bytes([0x29, 0, 0, 0, 0, 0, 9]) + b"P_PROGRAM"
    begin = bytes([0x28, 0, 0, 0, 0, 0, 0, 0xFD, 0, 0, 9]) + b"P_PROGRAM"
    for turn, target in enumerate(targets):
        play.at(12 + turn, lambda target=target: play.s7(ENG, target, begin if start else stop, b"", b"\x28" if start else b"\x29"))
    return play


def recon(command: bool) -> Play:
    """Identity and block lists read by a host that never polled; then, or not, a write."""
    play = Play().polls(kinds=("s7",))
    play.at(12, lambda: play.s7_userdata(GUEST, S7, 4, 1, struct.pack(">HH", 0x0011, 1), struct.pack(">HHHH", 0x0011, 1, 28, 0)))
    play.at(12.2, lambda: play.s7_userdata(GUEST, S7, 3, 1, None, b""))
    if command:
        play.at(13, lambda: play.s7(GUEST, S7, b"\5\1\x12\x0a\x10\x02\0\1\0\1\x84\0\0\x50", b"\0\4\0\x08\x2a", b"\5\1", b"\xff"))
    return play




def writes(times: int) -> Play:
    """Outputs of a data block set by a host that never polled."""
    play = Play().polls(kinds=("s7",))
    for turn in range(times):
        play.at(12 + turn, lambda: play.s7(GUEST, S7, b"\5\1\x12\x0a\x10\x02\0\1\0\1\x84\0\0\x50", b"\0\4\0\x08\x2a", b"\5\1", b"\xff"))
    return play
