"""TCP: cut, repeated, contradicted, forged, one-sided."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from tests.evasion.acts import Act, Talk
from tests.evasion.variants import ENIP, Variant, during, plain
from tests.evasion.wire import ACK, FIN, GUEST, MS, PLC, PSH, RST, SYN, URG, Capture

SECOND = 1000 * MS


def cut(*sizes: int) -> Callable[[Talk], None]:
    """In pieces."""

    def play(talk: Talk) -> None:
        talk.say(talk.attack[0], *sizes)
        talk.answered()

    return play


def shuffled(size: int, order: str, after_ns: int = MS) -> Callable[[Talk], None]:
    """Pieces in another order."""

    def play(talk: Talk) -> None:
        message = talk.attack[0]
        places = list(range(0, len(message), size))
        if order == "reversed":
            places.reverse()
        else:
            random.Random(7).shuffle(places)
        start = talk.sequence[0]
        for at in places:
            talk.send(0, message[at:at + size], sequence=start + at, after_ns=after_ns)
        talk.taken(len(message))
        talk.answered()

    return play


def joined(before: bool, after: bool) -> Callable[[Talk], None]:
    """With harmless requests in one segment."""

    def play(talk: Talk) -> None:
        asked, replied = b"", b""
        for part in ("poll" if before else "", "attack", "poll" if after else ""):
            if part:
                turn = talk.act.polled(talk.number) if part == "poll" else talk.attack
                asked, replied = asked + turn[0], replied + turn[1]
                talk.number += 1
        talk.say(asked)
        talk.answer(replied)
        talk.poll(2)

    return play


def over(first: str, second: str, *, tail: bool = False, **how: object) -> Callable[[Talk], None]:
    """Two versions of the same place; `how` says how the first is sent. The answer is to the act."""

    def play(talk: Talk) -> None:
        messages = {"attack": talk.attack[0], "decoy": talk.decoy[0], "garbage": bytes(len(talk.attack[0])), "half": talk.decoy[0][:7]}
        at = talk.sequence[0]
        talk.send(0, messages[first], sequence=at, **how)  # type: ignore[arg-type]
        part = messages[second]
        if tail:
            talk.send(0, part[4:], sequence=at + 4)
            talk.send(0, part[:4], sequence=at)
        else:
            talk.send(0, part, sequence=at)
        talk.taken(len(part))
        talk.answered()

    return play


def history(size: int, **how: object) -> Callable[[Talk], None]:
    """Decoys that never arrive, then the act and what follows on the same numbers."""

    def play(talk: Talk) -> None:
        at, sent, number = talk.sequence[0], 0, talk.number
        while sent < size:
            part = talk.act.polled(number)[0]
            talk.send(0, part, sequence=at + sent, **how)  # type: ignore[arg-type]
            sent += len(part)
            number += 1
        plain(talk)
        talk.poll(3)

    return play


def before(*sent: tuple[int, dict[str, object]], payload: str = "", pause: int = MS) -> Callable[[Talk], None]:
    """Forged packets of a side, then the act."""

    def play(talk: Talk) -> None:
        decoys = {"": b"", "decoy": talk.decoy[0], "garbage": b"\xa5" * 23, "poll": talk.act.polled(talk.number)[0]}
        for side, how in sent:
            more = dict(how)
            offset = more.pop("offset", 0)
            talk.send(side, decoys[payload], sequence=talk.sequence[side] + offset, **more)  # type: ignore[arg-type,operator]
        talk.capture.now += pause
        plain(talk)

    return play


def inside(*sent: tuple[int, dict[str, object]], pause: int = MS) -> Callable[[Talk], None]:
    """Forged packets in the middle of the act."""

    def play(talk: Talk) -> None:
        message = talk.attack[0]
        half = len(message) // 2
        talk.say(message[:half])
        for side, how in sent:
            more = dict(how)
            offset = more.pop("offset", 0)
            talk.send(side, b"", sequence=talk.sequence[side] + offset, **more)  # type: ignore[arg-type,operator]
        talk.capture.now += pause
        talk.say(message[half:])
        talk.answered()

    return play


def syn_data(talk_all: bool) -> Callable[[Capture, Act], None]:
    """The first bytes travel with the SYN."""

    def play(capture: Capture, act: Act) -> None:
        talk = Talk(capture, act, opened=False)
        first = act.opening[0][0] if act.opening else talk.attack[0]
        talk.send(0, first, flags=SYN | PSH)
        talk.taken(len(first) + 1)
        talk.send(1, flags=SYN | ACK)
        talk.taken(1, 1)
        talk.send(0, flags=ACK)
        if act.opening:
            talk.answer(act.opening[0][1])
            for turn in act.opening[1:]:
                talk.say(turn[0])
                talk.answer(turn[1])
            talk.poll(2 if talk_all else 0)
            plain(talk)
        else:
            talk.answered()

    return play


def reused(lower: bool, handshake: str, pause: int) -> Callable[[Capture, Act], None]:
    """A second connection on the ports of the first; `handshake`: seen, answer (only the SYN-ACK is seen), lost."""

    def play(capture: Capture, act: Act) -> None:
        Talk(capture, act, start=(700_000, 900_000)).begin().poll(4)
        capture.now += pause
        talk = Talk(capture, act, start=(300_000 if lower else 5_700_000, 90_000 if lower else 9_900_000), opened=False)
        for side, flags in ((0, SYN), (1, SYN | ACK), (0, ACK)):
            if handshake == "seen" or (handshake == "answer" and side == 1):
                talk.send(side, flags=flags)
            if flags & SYN:
                talk.taken(1, side)
        plain(talk.begin())

    return play


def lost(of: str) -> Callable[[Talk], None]:
    """The tap loses something before the act."""

    def play(talk: Talk) -> None:
        turn = talk.act.polled(talk.number)
        if of in ("request", "both"):
            talk.lose(turn[0])
        elif of == "half":
            talk.say(turn[0][:5])
            talk.lose(turn[0][5:])
        else:
            talk.say(turn[0])
        if of in ("answer", "both"):
            talk.lose(turn[1], 1)
        else:
            talk.answer(turn[1])
        talk.number += 1
        plain(talk)

    return play


def urgent(at: int, byte: bytes) -> Callable[[Talk], None]:
    """An urgent byte, in the act at a place; the receiver takes it out (RFC 6093) or not (`byte` empty: it is a byte of the act)."""

    def play(talk: Talk) -> None:
        message = talk.attack[0]
        place = at % len(message)
        sent = message[:place] + byte + message[place:]
        talk.send(0, sent, flags=PSH | ACK | URG, urgent=place + 1)
        talk.taken(len(sent))
        talk.answered()

    return play


def forged_handshake(talk: Talk) -> None:
    """SYN, SYN-ACK and ACK of another connection on the same ports, all of one hand; the old one goes on."""
    client, server = talk.sequence[0] + 40_000, talk.sequence[1] + 60_000
    talk.send(0, flags=SYN, sequence=client)
    talk.send(1, flags=SYN | ACK, sequence=server, acknowledgement=client + 1)
    talk.send(0, flags=ACK, sequence=client + 1, acknowledgement=server + 1)
    plain(talk)


def forged_ends(talk: Talk) -> None:
    """FIN and FIN-ACK in the middle of the act, both of one hand, the second with the acknowledgement of the first."""
    message = talk.attack[0]
    talk.say(message[:5])
    talk.send(0, flags=FIN | ACK, ttl=1)
    talk.send(1, flags=FIN | ACK, acknowledgement=talk.sequence[0] + 1, ttl=1)
    talk.capture.now += 20 * SECOND
    talk.say(message[5:])
    talk.answered()


def lone_octets(capture: Capture, act: Act) -> None:
    """The tap starts with the act, octet by octet."""
    talk = Talk(capture, act, opened=False)
    talk.say(talk.attack[0], 1)


def piecewise(talk: Talk) -> None:
    """Three octets of a decoy, then three of the act in their place, and so on."""
    message, decoy = talk.attack[0], talk.decoy[0]
    at = talk.sequence[0]
    for place in range(0, len(message), 3):
        talk.send(0, decoy[place:place + 3], sequence=at + place, ttl=1)
        talk.send(0, message[place:place + 3], sequence=at + place)
    talk.taken(len(message))
    talk.answered()


def answered_first(talk: Talk) -> None:
    """The answer stands before the request in the capture."""
    asked, replied = talk.attack
    talk.send(1, replied, acknowledgement=talk.sequence[0] + len(asked))
    talk.send(0, asked)
    talk.taken(len(asked))
    talk.taken(len(replied), 1)
    talk.number += 1
    talk.poll(2)


def closing(by: int, flags: int) -> Callable[[Talk], None]:
    """One side ends, the other goes on."""

    def play(talk: Talk) -> None:
        talk.send(by, flags=flags)
        if by == 1:
            talk.taken(1, 1)
        asked, replied = talk.attack
        talk.say(asked)
        if by == 0:
            talk.answer(replied)

    return play


def every_option(talk: Talk) -> None:
    """Forty bytes of TCP options on each segment."""
    asked, replied = talk.attack
    talk.send(0, asked, options=b"\x01" * 28 + struct.pack(">BBII", 8, 10, 7, 9) + b"\0\0")
    talk.taken(len(asked))
    talk.send(1, replied, options=b"\x01" * 40)
    talk.taken(len(replied), 1)
    talk.number += 1
    talk.poll(2)


def slow(pause: int) -> Callable[[Talk], None]:
    """A byte or a piece after long pauses."""

    def play(talk: Talk) -> None:
        message = talk.attack[0]
        size = max(1, len(message) // 5)
        for at in range(0, len(message), size):
            talk.say(message[at:at + size])
            talk.send(1, flags=ACK)
            talk.capture.now += pause
        talk.answered()

    return play


def mid(opened: bool, first: str) -> Callable[[Capture, Act], None]:
    """The tap starts while the conversation goes on."""

    def play(capture: Capture, act: Act) -> None:
        talk = Talk(capture, act, opened=opened)
        talk.number = 9
        if first == "poll":
            talk.poll(2)
        elif first == "half-answer":
            talk.answer(act.polled(8)[1][9:])
        elif first == "half-request":
            talk.say(act.polled(8)[0][7:])
            talk.answer(act.polled(8)[1])
        plain(talk)

    return play


def keepalive(talk: Talk) -> None:
    """A probe with a byte before and inside the act."""
    message = talk.attack[0]
    for part in (message[:6], message[6:]):
        talk.send(0, b"\0", flags=ACK, sequence=talk.sequence[0] - 1)
        talk.send(1, flags=ACK)
        talk.say(part)
    talk.answered()


def simultaneous(capture: Capture, act: Act) -> None:
    """Both sides send a SYN."""
    talk = Talk(capture, act, opened=False)
    talk.send(0, flags=SYN)
    talk.send(1, flags=SYN)
    talk.sequence = [talk.sequence[0] + 1, talk.sequence[1] + 1]
    talk.send(0, flags=SYN | ACK, sequence=talk.sequence[0] - 1)
    talk.send(1, flags=SYN | ACK, sequence=talk.sequence[1] - 1)
    plain(talk.begin())


def third(talk: Talk) -> None:
    """Three versions of one place; the act is the last."""
    at = talk.sequence[0]
    decoy = talk.decoy[0]
    talk.send(0, decoy, sequence=at)
    talk.send(0, decoy[:-1] + b"\x77", sequence=at)
    plain(talk)


def after_decoys(count: int) -> Callable[[Talk], None]:
    """As many other versions, one after the other, then the act."""

    def play(talk: Talk) -> None:
        at = talk.sequence[0]
        for number in range(count):
            talk.send(0, talk.decoy[0][:-1] + bytes((number,)), sequence=at)
        plain(talk)

    return play


def held_behind(talk: Talk) -> None:
    """The act waits behind a hole that a decoy of the same place fills later."""
    poll = talk.act.polled(talk.number)
    at = talk.sequence[0]
    talk.number += 1
    talk.send(0, talk.decoy[0], sequence=at + len(poll[0]))
    talk.send(0, talk.attack[0], sequence=at + len(poll[0]))
    talk.number -= 1
    talk.exchange(poll)
    talk.taken(len(talk.attack[0]))
    talk.answered()


def _blind(side: int, begun: bool) -> Callable[[Capture, Act], None]:
    def play(capture: Capture, act: Act) -> None:
        talk = Talk(capture, act, blind=side, opened=begun)
        plain(talk.begin())
        talk.close()

    return play


_FORGED: dict[str, tuple[tuple[int, dict[str, object]], ...]] = {
    "syn-ahead": ((0, {"flags": SYN, "offset": 5000}),), "syn-same": ((0, {"flags": SYN, "offset": -1}),),
    "syn-behind": ((0, {"flags": SYN, "offset": -300}),), "syn-far": ((0, {"flags": SYN, "offset": 2**30}),),
    "syn-ttl": ((0, {"flags": SYN, "offset": 900, "ttl": 1}),), "syn-sum": ((0, {"flags": SYN, "offset": 900, "bad_sum": True}),),
    "syn-twice": ((0, {"flags": SYN, "offset": 900}), (0, {"flags": SYN, "offset": 9000})),
    "syn-challenged": ((0, {"flags": SYN, "offset": 900}), (1, {"flags": ACK})),
    "syn-ack-client": ((0, {"flags": SYN | ACK, "offset": 700}),), "syn-ack-server": ((1, {"flags": SYN | ACK, "offset": 700}),),
    "syn-fin": ((0, {"flags": SYN | FIN, "offset": 700}),), "syn-rst": ((0, {"flags": SYN | RST, "offset": 0}),),
    "rst": ((0, {"flags": RST}),), "rst-ack": ((0, {"flags": RST | ACK}),), "rst-server": ((1, {"flags": RST | ACK}),),
    "rst-both": ((0, {"flags": RST}), (1, {"flags": RST | ACK})), "rst-ttl": ((0, {"flags": RST, "ttl": 1}),),
    "rst-near": ((0, {"flags": RST, "offset": 50}),), "rst-far": ((0, {"flags": RST, "offset": 2**31 - 9}),),
    "rst-sum": ((0, {"flags": RST, "bad_sum": True}),), "rst-syn": ((0, {"flags": RST}), (0, {"flags": SYN, "offset": 70_000})),
    "fin": ((0, {"flags": FIN | ACK, "ttl": 1}),), "fin-server": ((1, {"flags": FIN | ACK, "ttl": 1}),),
    "fin-far": ((0, {"flags": FIN | ACK, "offset": 9000}),), "fin-behind": ((0, {"flags": FIN | ACK, "offset": -40}),),
    "fin-both": ((0, {"flags": FIN | ACK, "ttl": 1}), (1, {"flags": FIN | ACK, "ttl": 1})),
    "fin-both-syn": ((0, {"flags": FIN | ACK, "ttl": 1}), (1, {"flags": FIN | ACK, "ttl": 1}), (0, {"flags": SYN, "offset": 70_000})),
}
_DATA: dict[str, tuple[dict[str, object], str]] = {
    "data-ttl": ({"ttl": 1}, "decoy"), "data-sum": ({"bad_sum": True}, "decoy"), "data-no-ack": ({"flags": PSH}, "decoy"),
    "data-no-flags": ({"flags": 0}, "decoy"), "data-old-timestamp": ({"options": struct.pack(">BBBBII", 1, 1, 8, 10, 1, 1)}, "decoy"),
    "data-md5": ({"options": bytes((19, 18)) + bytes(18)}, "decoy"), "data-fin": ({"flags": FIN | PSH | ACK}, "decoy"),
    "data-rst": ({"flags": RST | ACK}, "decoy"), "data-syn": ({"flags": SYN, "offset": 0}, "decoy"),
    "data-ahead": ({"offset": 30, "ttl": 1}, "decoy"), "data-ahead-poll": ({"offset": 400, "ttl": 1}, "poll"),
    "data-behind": ({"offset": -9}, "decoy"), "data-far-behind": ({"offset": -90_000}, "decoy"), "data-far": ({"offset": 2**29}, "decoy"),
    "data-elsewhere": ({"offset": -2**31}, "decoy"), "data-bad-ack": ({"acknowledgement": 77}, "decoy"),
    "data-garbage": ({"ttl": 1}, "garbage"), "data-garbage-ahead": ({"ttl": 1, "offset": 5}, "garbage"),
    "data-window-0": ({"ttl": 1, "window": 0}, "decoy"),
}

VARIANTS = (
    Variant(name="plain", play=during(plain)),
    *(Variant(name=f"cut-{'-'.join(map(str, sizes))}", play=during(cut(*sizes)))
      for sizes in ((1,), (2,), (3,), (5, 2), (7,), (7, 1), (8,), (11, 1, 3))),
    *(Variant(name=f"{order}-{size}", play=during(shuffled(size, order))) for order in ("reversed", "shuffled") for size in (1, 2, 5)),
    Variant(name="reversed-2-slow", play=during(shuffled(2, "reversed", 40 * MS))),
    Variant(name="reversed-5-slower", play=during(shuffled(5, "reversed", 400 * MS))),
    *(Variant(name=f"joined{'-before' * b}{'-after' * a}", play=during(joined(b, a))) for b in (False, True) for a in (False, True) if a or b),
    *(Variant(name=f"over-{first}-{second}{'-parts' * tail}", play=during(over(first, second, tail=tail)),
              without=ENIP if tail and first == "garbage" else ())
      for first, second in (("decoy", "attack"), ("garbage", "attack"), ("half", "attack")) for tail in (False, True)),
    Variant(name="over-attack-decoy", play=during(over("attack", "decoy"))),
    Variant(name="over-attack-attack", play=during(over("attack", "attack"))),
    Variant(name="over-attack-garbage", play=during(over("attack", "garbage"))),
    *(Variant(name=f"over-decoy-{name}", play=during(over("decoy", "attack", **how)))  # type: ignore[arg-type]
      for name, how in {"ttl": {"ttl": 1}, "sum": {"bad_sum": True}, "no-ack": {"flags": PSH}, "late": {"after_ns": -100_000}}.items()),
    *(Variant(name=f"history-{size}{'-ttl' * (how != {})}", play=during(history(size, **how)))  # type: ignore[arg-type]
      for size in (60, 1500, 4096, 9000, 70_000) for how in ({}, {"ttl": 1})),
    Variant(name="history-70000-sum", play=during(history(70_000, bad_sum=True))),
    *(Variant(name=f"forged-{name}{'-pause' * (pause > MS)}", play=during(before(*sent, pause=pause)))
      for name, sent in _FORGED.items() for pause in (MS, 15 * SECOND)),
    *(Variant(name=f"inside-{name}{'-pause' * (pause > MS)}", play=during(inside(*sent, pause=pause)))
      for name, sent in _FORGED.items() for pause in (MS, 15 * SECOND)),
    *(Variant(name=name, play=during(before((0, how), payload=payload))) for name, (how, payload) in _DATA.items()),
    *(Variant(name=f"{name}-pause", play=during(before((0, how), payload=payload, pause=3 * SECOND))) for name, (how, payload) in _DATA.items()),
    Variant(name="syn-data", play=syn_data(talk_all=True)),
    Variant(name="syn-data-first", play=syn_data(talk_all=False)),
    *(Variant(name=f"reused-{'lower' if lower else 'higher'}-{handshake}{'-later' * (pause > MS)}", play=reused(lower, handshake, pause))
      for lower in (False, True) for handshake in ("seen", "answer", "lost") for pause in (MS, 90 * SECOND)),
    *(Variant(name=f"lost-{of}", play=during(lost(of))) for of in ("request", "answer", "both", "half")),
    *(Variant(name=f"urgent-{at}{'-extra' * bool(byte)}", play=during(urgent(at, byte)), most=2 if at == -1 else 1)
      for at in (0, 1, 6, 7, -1) for byte in (b"", b"\0")),
    Variant(name="piecewise", play=during(piecewise), shown=False, most=2),
    Variant(name="forged-ends", play=during(forged_ends)),
    Variant(name="lone-octets", play=lone_octets),
    Variant(name="forged-handshake", play=during(forged_handshake)),
    Variant(name="answered-first", play=during(answered_first)),
    *(Variant(name=f"closing-{who}-{name}", play=during(closing(by, flags)))
      for by, who in ((0, "client"), (1, "server")) for name, flags in (("fin", FIN | ACK), ("rst", RST | ACK))),
    Variant(name="options", play=during(every_option)),
    *(Variant(name=f"slow-{pause // SECOND}", play=during(slow(pause))) for pause in (SECOND, 20 * SECOND, 100 * SECOND)),
    *(Variant(name=f"mid-{first or 'attack'}", play=mid(opened=False, first=first)) for first in ("", "poll", "half-answer", "half-request")),
    Variant(name="no-opening", play=mid(opened=True, first="")),
    Variant(name="keepalive", play=during(keepalive)),
    Variant(name="simultaneous", play=simultaneous),
    Variant(name="third", play=during(third)),
    *(Variant(name=f"decoys-{count}", play=during(after_decoys(count))) for count in (5, 40)),
    Variant(name="held-behind", play=during(held_behind)),
    *(Variant(name=f"wrap-{start:x}", play=during(plain, start=(start, 2**32 - 40))) for start in (2**32 - 1, 2**32 - 100, 2**31 - 70)),
    Variant(name="requests-only", play=_blind(1, begun=True)),
    Variant(name="requests-only-midway", play=_blind(1, begun=False)),
    Variant(name="answers-only", play=_blind(0, begun=True), role="response", shown=False),
    Variant(name="ipv6", play=during(plain, six=True), source="fd00::77"),
    Variant(name="swapped-ports", play=during(plain, client_port=502)),
    Variant(name="low-client-port", play=during(plain, client_port=7)),
    Variant(name="other-port", play=during(plain, port=33_333)),
    Variant(name="other-port-midway", play=lambda capture, act: plain(Talk(capture, act, port=33_333, opened=False).poll(4))),
    Variant(name="server-connects", play=during(plain, client=GUEST, server=PLC, client_port=2404)),
)
