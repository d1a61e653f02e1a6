"""Captures of rules on connections and packets: what fires, and what is next to it and must not."""

from __future__ import annotations

from play import ENG, GUEST, HMI, MB, OFFICE, PUBLIC, Play, adu, other, pdu

from tests.evasion.wire import Host

SMB = b"\0\0\0\x45\xffSMBr" + bytes(60)
TLS = bytes.fromhex("160303002a0100002603033b")


def conflict(cards: int) -> Play:
    """ARP names one card for an address, or two."""
    play = Play().polls()
    play.at(1, lambda: play.arp(MB, MB, HMI))
    for turn in range(3):
        play.at(5 + turn, lambda: play.arp(GUEST if cards > 1 else MB, MB, HMI))
    return play


def borrowed(mac: str, *, writer: str = "") -> Play:
    """The operator's address asks the controller from another card; a card writes under it, this or the operator's own."""
    play = Play().polls(30)
    card, own = Host(HMI.ip, mac, HMI.ip6), HMI
    play.at(20, lambda: play.modbus(card, MB, pdu(3, 0, 1), bytes([3, 2, 0, 1])))
    if writer:
        play.at(21, lambda: play.modbus(card if writer == mac else own, MB, pdu(6, 100, 300), pdu(6, 100, 300)))
    return play


def unused(last: int) -> Play:
    """An address of the plant tried: one that nobody has, or the controller's."""
    play = Play().polls()
    target = MB if last == 10 else other(last)
    for turn in range(3):
        play.at(5 + turn, lambda: play.syn(GUEST, target, 80, reset=last == 10))
    return play


def flood(connections: int) -> Play:
    """Connections to one host within eight seconds, from addresses that are made up."""
    play = Play().polls()
    for turn in range(connections):
        source = Host(f"192.168.10.{100 + turn % 100}", "00e04c0a1077", "fd00::1")
        play.at(2 + 8.0 * turn / max(connections, 2000), lambda source=source: play.syn(source, MB, 502))
    return play


def fragments(contradict: bool) -> Play:
    """A write in IP fragments, of which two say different things, or not."""
    play = Play().polls()

    def send() -> None:
        talk = play.talk(GUEST, MB, 502)
        segment, decoy = talk.segment(0, adu(pdu(6, 7, 666), transaction=2)), talk.segment(0, adu(pdu(3, 7, 1), transaction=2))
        pieces = [(24, segment[24:]), *([(24, decoy[24:])] if contradict else []), (0, segment[:24])]
        play.fragments(GUEST, MB, pieces)
        talk.sequence[0] += 12
        talk.answer(adu(pdu(6, 7, 666), transaction=2))

    play.at(12, send)
    return play


def sweep(hosts: int, port: int, *, client=GUEST) -> Play:
    """One port of many hosts; nobody is there."""
    play = Play().polls(30)
    for number in range(hosts):
        play.at(12 + 0.2 * number, lambda number=number: play.syn(client, other(100 + number), port))
    return play


def ports(tried: list[int], *, client=GUEST) -> Play:
    """Many ports of one host, refused."""
    play = Play().polls(30)
    for turn, port in enumerate(tried):
        play.at(12 + 0.2 * turn, lambda port=port: play.syn(client, MB, port, reset=True))
    return play


def pings(hosts: int) -> Play:
    """Echo requests to one address after the other; every fifth answers."""
    play = Play().polls(30)
    for number in range(hosts):
        play.at(5 + 0.5 * number, lambda number=number: play.ping(GUEST, other(100 + number), number, answered=number % 5 == 0))
    return play


def session(client, server, port: int, said: bytes = TLS, *, times: int = 1) -> Play:
    """Sessions between two hosts beside the polling."""
    play = Play().polls(20)
    for turn in range(times):
        play.at(12 + 0.5 * turn, lambda: play.session(client, server, port, said))
    return play


def retransmission(same: bool) -> Play:
    """A segment that is sent twice, with the same bytes or with others."""
    play = Play().polls()

    def send() -> None:
        talk = play.talk(GUEST, MB, 502)
        place = talk.sequence[0]
        talk.send(0, adu(pdu(3, 7, 1), transaction=2), sequence=place)
        talk.send(0, adu(pdu(3, 7, 1) if same else pdu(6, 7, 666), transaction=2), sequence=place)
        talk.sequence[0] = place + 12
        talk.answer(adu(bytes([3, 2, 0, 7]), transaction=2))

    play.at(12, send)
    return play


def from_internet(public: bool, port: int = 502) -> Play:
    """A public address, or a host of the plant, opens a connection to a controller."""
    return session(PUBLIC if public else ENG, MB, port, adu(pdu(3, 0, 1)) if port == 502 else bytes.fromhex("6f00000000000000") + bytes(16))


def to_internet(public: bool) -> Play:
    """A host of the plant opens a connection to a public address, or to the office."""
    return session(ENG, PUBLIC if public else OFFICE, 443)


def controller_opens(port: int) -> Play:
    """The controller itself opens a connection to another device."""
    return session(MB, other(11), port, SMB if port == 445 else b"id\nuid=0(root)\n")


def connections(times: int) -> Play:
    """Connections to the controller that carry nothing, twenty a second."""
    play = Play().polls(20)
    play.every(0.05, times, lambda: play.session(GUEST, MB, 502, b"", 0), 12)
    return play
