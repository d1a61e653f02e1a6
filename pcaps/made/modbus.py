"""Captures of Modbus rules: what fires, and what is next to it and must not."""

from __future__ import annotations

from play import ENG, GUEST, HMI, MB, Play, adu, pdu

from tests.evasion.wire import Host

_ANSWER = bytes([3, 2, 0, 7])


def delimiter(subfunction: int) -> Play:
    """Diagnostics: 3 changes the ASCII delimiter, 0 echoes."""
    play = Play().polls()
    request = pdu(8, subfunction, 0x3A00)
    play.at(12, lambda: play.modbus(GUEST, MB, request, request))
    return play


def functions(tried: list[int]) -> Play:
    """Functions that the device does not have."""
    play = Play().polls()
    for turn, function in enumerate(tried):
        play.at(12 + 0.1 * turn, lambda function=function: play.modbus(GUEST, MB, bytes([function, 0, 0]), bytes([function | 0x80, 1])))
    return play


def functions_answered_otherwise(tried: list[int]) -> Play:
    """The same, of a stack that answers each with function 0x80."""
    play = Play().polls()
    for turn, function in enumerate(tried):
        play.at(12 + 0.1 * turn, lambda function=function: play.modbus(GUEST, MB, bytes([function, 0, 0]), bytes([0x80, 1])))
    return play


def addresses(starts: list[int], *, refused: bool = True, client=GUEST) -> Play:
    """Registers read, each refused or answered."""
    play = Play().polls()
    for turn, start in enumerate(starts):
        play.at(12 + 0.3 * turn, lambda start=start: play.modbus(client, MB, pdu(3, start, 1), bytes([0x83, 2]) if refused else _ANSWER))
    return play


def walk(times: int, rounds: int = 1) -> Play:
    """Registers one after the other, all answered; more rounds are polling."""
    play = Play().polls(20)
    for turn in range(rounds):
        for place in range(times):
            begin = 12 + 5 * turn + 4.0 * place / times
            play.at(begin, lambda place=place: play.modbus(GUEST, MB, pdu(3, 2 * place, 2), bytes([3, 4, 0, 1, 0, 2])))
    return play


def hidden(follows: bytes) -> Play:
    """A request whose length field covers a second message, or a longer first one."""
    play = Play().polls()

    def both() -> None:
        talk = play.talk(GUEST, MB, 502)
        talk.say(adu(pdu(3, 0, 10), transaction=9) if not follows else adu(pdu(3, 0, 10) + follows, transaction=9))
        talk.answer(adu(bytes([3, 20]) + bytes(20), transaction=9))

    play.at(12, both)
    return play


def reversed_roles(reverse: bool) -> Play:
    """The device sends a request on the connection of its master."""
    play = Play().polls()
    talk = lambda: play.talk(HMI, MB, 502)  # noqa: E731
    request = adu(pdu(3, 0, 10), transaction=900)
    play.at(12.5, lambda: talk().say(request, side=int(reverse)))
    play.at(12.6, lambda: talk().say(adu(bytes([3, 20]) + bytes(20), transaction=900), side=1 - int(reverse)))
    return play


def two_responses(same: bool) -> Play:
    """A second response to one request: the same, as a retransmission would be, or another."""
    play = Play().polls()

    def thrice() -> None:
        talk = play.talk(HMI, MB, 502)
        for number in (700, 701, 702):
            talk.say(adu(pdu(3, 0, 1), transaction=number))
            talk.answer(adu(bytes([3, 2, 0, 7]), transaction=number))
            if not same:
                talk.answer(adu(bytes([3, 2, 0xDE, 0xAD]), transaction=number))

    play.at(12.5, thrice)
    return play


def umas(subfunction: int) -> Play:
    """UMAS: 0x10 reserves the controller, 0x12 keeps the reservation alive."""
    play = Play().polls()
    play.at(12, lambda: play.modbus(GUEST, MB, bytes([0x5A, 0, subfunction]) + bytes(6), bytes([0x5A, 0, 0xFE, 1])))
    return play


def rate(times: int, per_second: float, *, write: bool = False) -> Play:
    """Reads or writes at a rate, beside a poll a second."""
    play = Play().polls(30)
    request, response = (pdu(6, 7, 1), pdu(6, 7, 1)) if write else (pdu(3, 0, 10), bytes([3, 20]) + bytes(range(20)))
    play.every(1 / per_second, times, lambda: play.modbus(GUEST, MB, request, response), 20)
    return play


def silence(seconds: int) -> Play:
    """The controller stops responding for so long, and comes back."""
    play = Play().polls(10)
    play.every(1.0, seconds, lambda: play.modbus(HMI, MB, pdu(3, 0, 10), None), 10.1)
    play.at(10.6 + seconds, lambda: play.modbus(HMI, MB, pdu(3, 0, 10), bytes([3, 20]) + bytes(range(20))))
    return play


def stop(subfunction: int, targets: list) -> Play:
    """UMAS: 0x41 stops, 0x04 reads the status of controllers."""
    play = Play().polls()
    for turn, target in enumerate(targets):
        play.at(12 + turn, lambda target=target: play.modbus(ENG, target, bytes([0x5A, 7, subfunction, 0xFF, 0]), bytes([0x5A, 7, 0xFE])))
    return play


def units(tried: int) -> Play:
    """One unit after the other; the gateway reaches none of them."""
    play = Play().polls()
    for unit in range(10, 10 + tried):
        play.at(12 + 0.1 * (unit - 10), lambda unit=unit: play.modbus(GUEST, MB, pdu(3, 0, 1), bytes([0x83, 11]), unit=unit))
    return play


def elsewhere(server: Host) -> Play:
    """The HMI polls its controller and once reads registers of another host."""
    play = Play().polls()
    play.at(8, lambda: play.modbus(HMI, server, pdu(3, 0, 2), bytes([3, 4, 0, 1, 0, 2])))
    return play
