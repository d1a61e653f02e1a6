"""S7 sessions by a seed: exchanges of every job function, as (side, S7 PDU), side 0 the client; and how they travel in a capture.

Written for the differential with tshark: what is in it is well-formed, as controllers and their tools send it, with every field at random.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

from otwatch.protocols.s7comm.services import SERVICES
from otwatch.protocols.s7comm.spec import BLOCK_TYPES, TRANSPORT_SIZES
from tests.evasion.wire import ACK, FIN, GUEST, PLC, Capture, Tcp
from tests.protocols.s7comm.wire import any_item, connect, data, header, variables

Exchange = list[tuple[int, bytes]]
Kind = Callable[[random.Random, int], Exchange]
AREAS = (0x03, 0x05, 0x06, 0x07, 0x1C, 0x1D, 0x1E, 0x1F, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87)
CODES = (0x01, 0x03, 0x05, 0x06, 0x07, 0x0A)
ERRORS = (0x8104, 0x8404, 0x8500, 0xD209, 0xD241)


def word(rng: random.Random) -> int:
    return rng.choice((0, 1, 2, 10, 100, 0x7FFF, 0x8000, 0xFFFF, rng.randrange(0x10000)))


def block(rng: random.Random) -> bytes:
    """A block's name: type, number, file system."""
    return b"0%c%05d%c" % (b"0123456789ABCDEF"[rng.choice(list(BLOCK_TYPES))], rng.randrange(65536), rng.choice(b"PAB"))


def any_address(rng: random.Random) -> bytes:
    area = rng.choice(AREAS)
    start = rng.randrange(0x80000) if rng.random() < 0.9 else 0xFFFFFF
    return any_item(area, word(rng) if area in (0x84, 0x85) else 0, start, word(rng), rng.choice(list(TRANSPORT_SIZES)))


def nck(rng: random.Random) -> bytes:
    return bytes([0x12, 8, rng.choice((0x82, 0x83, 0x84)), rng.randrange(256)]) + struct.pack(">HHBB", word(rng), word(rng), rng.randrange(256), 1)


def db_read(rng: random.Random) -> bytes:
    parts = [struct.pack(">BHH", rng.randrange(1, 200), word(rng), word(rng)) for _ in range(rng.randrange(1, 5))]
    return bytes([0x12, 2 + 5 * len(parts), 0xB0, len(parts)]) + b"".join(parts)


def drive(rng: random.Random) -> bytes:
    return struct.pack(">BBBBHHHH", 0x12, 10, 0xA2, 0, word(rng), word(rng), word(rng), word(rng))


def symbol(rng: random.Random) -> bytes:
    place = rng.choice((struct.pack(">HH", 0x8A0E, word(rng)), struct.pack(">HH", 0, rng.randrange(0x50, 0x55))))
    steps = b"".join(struct.pack(">I", rng.choice((2, 3, 8, 9, 10)) << 28 | rng.randrange(0x1000)) for _ in range(rng.randrange(1, 4)))
    return bytes([0x12, 10 + len(steps), 0xB2, 0xFF]) + place + struct.pack(">I", rng.getrandbits(32)) + steps


ITEMS: tuple[Callable[[random.Random], bytes], ...] = (any_address, any_address, any_address, any_address, nck, db_read, drive, symbol)


def value(rng: random.Random, *, last: bool, asked: bool = False) -> tuple[bytes, bool]:
    """A data item, filled to an even length unless it is the last; whether it is refused. `asked`: of a request."""
    if not asked and rng.random() < 0.25:
        return bytes([rng.choice(CODES)]) + rng.choice((b"\0\0\0", b"\0\0\0", b"\4\0\0")), True
    size = rng.choice((3, 4, 5, 6, 7, 9))
    content = rng.randbytes({3: 1, 5: rng.choice((2, 4)), 6: 4, 7: rng.choice((4, 8))}.get(size, rng.randrange(1, 30)))
    length = len(content) if size == 3 else 8 * len(content) if size in (4, 5) else len(content)
    code = 0 if asked else 0xFF
    return struct.pack(">BBH", code, size, length) + content + (b"" if last or len(content) % 2 == 0 else b"\0"), False


def values(rng: random.Random, count: int, *, asked: bool = False) -> bytes:
    return b"".join(value(rng, last=index + 1 == count, asked=asked)[0] for index in range(count))


def read(rng: random.Random, reference: int) -> Exchange:
    items = [rng.choice(ITEMS)(rng) for _ in range(rng.choice((1, 1, 2, 3, 7, 20)))]
    asked = header(1, variables(4, *items), reference=reference)
    if rng.random() < 0.1:
        return [(0, asked), (1, header(3, bytes([4, 0]), reference=reference, error=rng.choice(ERRORS)))]
    return [(0, asked), (1, header(3, bytes([4, len(items)]), values(rng, len(items)), reference=reference))]


def write(rng: random.Random, reference: int) -> Exchange:
    items = [rng.choice(ITEMS[:5])(rng) for _ in range(rng.choice((1, 1, 2, 5, 12)))]
    asked = header(1, variables(5, *items), values(rng, len(items), asked=True), reference=reference)
    codes = bytes(rng.choice((0xFF, 0xFF, *CODES)) for _ in items)
    return [(0, asked), (1, header(3, bytes([5, len(items)]), codes, reference=reference))]


def setup(rng: random.Random, reference: int) -> Exchange:
    pair = [struct.pack(">BBHHH", 0xF0, 0, rng.randrange(1, 20), rng.randrange(1, 20), size) for size in (960, 480)]
    return [(0, header(1, pair[0], reference=reference)), (1, header(3, pair[1], reference=reference))]


def _named(function: int, name: bytes, error: int = 0, tail: bytes = b"") -> bytes:
    return struct.pack(">BBHIB", function, 0, error, 0, len(name)) + name + tail


def download(rng: random.Random, reference: int) -> Exchange:
    """The client announces a block, the controller fetches it and says that it has it."""
    name = rng.choice((b"_", b"$")) + block(rng)
    parts = [rng.randbytes(rng.randrange(1, 200)) for _ in range(rng.randrange(1, 4))]
    lengths = b"\x0d1%06d%06d" % (sum(map(len, parts)), rng.randrange(1000))
    told: Exchange = [(0, header(1, _named(0x1A, name, tail=lengths), reference=reference))]
    if rng.random() < 0.2:
        return [*told, (1, header(3, b"\x1a", reference=reference, error=rng.choice(ERRORS)))]
    told.append((1, header(3, b"\x1a", reference=reference)))
    for index, part in enumerate(parts):
        again = reference + 1000 + index
        told.append((1, header(1, _named(0x1B, name), reference=again)))
        more = index + 1 < len(parts)
        told.append((0, header(3, bytes([0x1B, more]), struct.pack(">HH", len(part), 0xFB) + part, reference=again)))
    error = rng.choice((0, 0, 0xD241))
    told.append((1, header(1, _named(0x1C, name, error), reference=reference + 2000)))
    return [*told, (0, header(3, b"\x1c", reference=reference + 2000))]


def upload(rng: random.Random, reference: int) -> Exchange:
    """The client fetches a block."""
    parts = [rng.randbytes(rng.randrange(1, 200)) for _ in range(rng.randrange(1, 4))]
    identity = struct.pack(">I", rng.randrange(1, 9))
    told: Exchange = [(0, header(1, _named(0x1D, b"_" + block(rng)), reference=reference))]
    if rng.random() < 0.2:
        return [*told, (1, header(3, b"\x1d", reference=reference, error=rng.choice(ERRORS)))]
    told.append((1, header(3, b"\x1d\0\x01\0" + identity + b"\x07%07d" % sum(map(len, parts)), reference=reference)))
    for index, part in enumerate(parts, 1):
        told.append((0, header(1, b"\x1e\0\0\0" + identity, reference=reference + index)))
        more = index < len(parts)
        told.append((1, header(3, bytes([0x1E, more]), struct.pack(">HH", len(part), 0xFB) + part, reference=reference + index)))
    told.append((0, header(1, b"\x1f\0\0\0" + identity, reference=reference + 9)))
    return [*told, (1, header(3, b"\x1f", reference=reference + 9))]


def service(rng: random.Random, reference: int) -> Exchange:
    """A service by its name, with the arguments that it has."""
    one = rng.choice(SERVICES[1:])
    if one.wire in ("_INSE", "_INS2", "_DELE"):
        names = [block(rng) for _ in range(rng.randrange(1, 4))]
        argument = bytes([len(names), 0]) + b"".join(names)
    elif one.wire == "P_PROGRAM":
        argument = rng.choice((b"", b"C "))
    elif one.arguments:
        argument = b""
        for _ in one.arguments:
            text = bytes(rng.choice(b"ABCDEF0123") for _ in range(rng.randrange(1, 12)))
            argument += bytes([len(text)]) + text + (b"" if len(text) % 2 else b"\0")
    else:
        argument = rng.choice((b"", b"EP"))
    wire = one.wire.encode()
    asked = b"\x28\0\0\0\0\0\0\xfd" + struct.pack(">H", len(argument)) + argument + bytes([len(wire)]) + wire
    answered = header(3, b"\x28", reference=reference, error=rng.choice((0, 0, 0, *ERRORS)))
    return [(0, header(1, asked, reference=reference)), (1, answered)]


def stop(rng: random.Random, reference: int) -> Exchange:
    asked = b"\x29\0\0\0\0\0\x09P_PROGRAM"
    return [(0, header(1, asked, reference=reference)), (1, header(3, b"\x29", reference=reference, error=rng.choice((0, 0, 0x8500))))]


def acknowledged(rng: random.Random, reference: int) -> Exchange:
    """An answer without parameters."""
    asked = b"\x29\0\0\0\0\0\x09P_PROGRAM"
    return [(0, header(1, asked, reference=reference)), (1, header(2, b"", reference=reference, error=rng.choice((0, *ERRORS))))]


def unusual(rng: random.Random, reference: int) -> Exchange:
    """Functions that nobody has, none at all, no items, items of no known syntax, data without bytes."""
    which = rng.randrange(5)
    if which == 0:
        function = bytes([rng.choice((0x00, 0x01, 0x10, 0x2A, 0x7F))]) + rng.randbytes(rng.randrange(5))
        return [(0, header(1, function, reference=reference)), (1, header(3, function[:1], reference=reference, error=rng.choice((0, 0x8104))))]
    if which == 1:
        return [(0, header(1, b"\x04\0", reference=reference)), (1, header(3, b"\x04\0", reference=reference))]
    if which == 2:
        strange = [bytes([0x12, 4, rng.choice((0x11, 0x15, 0x99))]) + rng.randbytes(3) for _ in range(rng.randrange(1, 3))] + [any_address(rng)]
        return [(0, header(1, variables(4, *strange), reference=reference)),
                (1, header(3, bytes([4, len(strange)]), values(rng, len(strange)), reference=reference))]
    if which == 3:
        return [(0, header(1, variables(4, any_address(rng), any_address(rng)), reference=reference)),
                (1, header(3, b"\x04\2", b"\xff\0\0\0" + rng.choice((b"\xff\4\0\0", b"\xff\x09\0\3abc")), reference=reference))]
    name = rng.choice((b"_N_MPF_DIR", b"_N_TEST_SPF", b"/_N_WKS_DIR/_N_PART_WPD"))
    return [(0, header(1, _named(rng.choice((0x1A, 0x1D)), name), reference=reference)), (1, header(2, b"", reference=reference, error=0xD209))]


JOBS: tuple[Kind, ...] = (read, read, read, write, write, setup, download, upload, service, service, service,
                                                              stop, acknowledged, unusual)


def travel(talk: Tcp, side: int, pdu: bytes, rng: random.Random) -> None:
    """A PDU as one packet, as COTP fragments, or cut by TCP."""
    how = rng.random()
    if how < 0.7 or len(pdu) < 8:
        talk.say(data(pdu), side=side)
    elif how < 0.85:
        cuts = sorted(rng.sample(range(1, len(pdu)), rng.randrange(1, 4)))
        edges = [0, *cuts, len(pdu)]
        for index in range(len(edges) - 1):
            talk.say(data(pdu[edges[index]:edges[index + 1]], last=index + 2 == len(edges)), side=side)
    else:
        talk.say(data(pdu), rng.randrange(1, 40), side=side)


def session(capture: Capture, rng: random.Random, number: int, kinds: tuple[Kind, ...], exchanges: int) -> None:
    """One connection from handshake to FIN."""
    talk = Tcp(capture, GUEST, PLC, 102, client_port=40_000 + number, start=(rng.getrandbits(31), rng.getrandbits(31)))
    called, calling, source = bytes([rng.randrange(1, 4), rng.randrange(256)]), bytes([rng.randrange(1, 4), 0]), rng.randrange(1, 65536)
    talk.say(connect(called=called, calling=calling, source=source))
    talk.answer(connect(0xD0, called=called, calling=calling, destination=source, source=7))
    together: list[bytes] = []
    for index in range(exchanges):
        for side, pdu in rng.choice(kinds)(rng, 10 * index + 1):
            if side == 0 and rng.random() < 0.1:  # waits, to share a segment with what follows
                together.append(data(pdu))
                continue
            if together and side == 0:
                talk.say(b"".join(together) + data(pdu))
                together = []
                continue
            if together:
                talk.say(b"".join(together))
                together = []
            travel(talk, side, pdu, rng)
    if together:
        talk.say(b"".join(together))
    for side in (0, 1):
        talk.send(side, flags=FIN | ACK)
        talk.sequence[side] += 1


def write_capture(path: Path, seed: int, kinds: tuple[Kind, ...], *, sessions: int, exchanges: int) -> Path:
    """A capture of sessions; the same bytes for the same seed."""
    rng = random.Random(seed)
    capture = Capture()
    for number in range(sessions):
        session(capture, rng, number, kinds, exchanges)
    return capture.write(path)
