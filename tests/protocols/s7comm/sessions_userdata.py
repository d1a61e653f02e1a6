"""Exchanges of every userdata group and subfunction by a seed, as sessions.py has them of jobs."""

from __future__ import annotations

import random
import struct

from otwatch.protocols.s7comm.szl import LAYOUTS
from tests.protocols.s7comm.sessions import ERRORS, Exchange, Kind, block, values, word
from tests.protocols.s7comm.wire import any_item, header, userdata

LISTS = (*sorted({number for number, _index in LAYOUTS}), 0x16, 0x22, 0x25, 0x81, 0x91, 0x92, 0x95, 0x96)

KNOWN = ((0x0011, 0), (0x0111, 1), (0x0012, 0), (0x0013, 0), (0x0014, 0), (0x0015, 0), (0x0019, 0), (0x001C, 0), (0x0424, 0), (0x0037, 0),
         (0x0074, 0), (0x00A0, 0), (0x0000, 0), *((0x011C, index) for index in range(1, 12)), *((0x0131, index) for index in range(1, 11)),
         *((0x0132, index) for index in range(1, 13)))

UNUSUAL = ((3, 9), (4, 0x40), (5, 9), (7, 9), (8, 1), (0x0A, 3), (0x20, 1), (0x20, 3), (0x3F, 2), (0x3F, 7), (1, 0x30), (2, 9))


def pdu(*how: object, **more: object) -> bytes:
    """A userdata PDU without its packet."""
    return userdata(*how, **more)[7:]  # type: ignore[arg-type]


def clock(rng: random.Random) -> bytes:
    """Eight bytes of BCD."""
    two = [rng.randrange(0, 60) for _ in range(6)]
    year, month, day, hour, minute, second = rng.randrange(100), 1 + two[1] % 12, 1 + two[2] % 28, two[3] % 24, two[4], two[5]
    digits = f"{year:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}{rng.randrange(1000):03}{rng.randrange(1, 8)}"
    return bytes.fromhex(digits)


def mode(rng: random.Random, reference: int) -> Exchange:
    return [(1, pdu(0, 0, rng.choice((0, 1, 2, 3, 4, 6, 9, 11, 12)), b"", reference=reference))]


def status_list(rng: random.Random, reference: int) -> Exchange:
    """A list asked for and told, whole or in parts; or refused."""
    identity, index = rng.randrange(16) << 8 | rng.choice(LISTS), word(rng)
    if rng.random() < 0.6:
        identity, index = rng.choice(KNOWN)
    asked = pdu(1, 4, 1, struct.pack(">HH", identity, index), reference=reference)
    if rng.random() < 0.2:
        return [(0, asked), (1, pdu(2, 4, 1, None, reference=reference, error=rng.choice((0xD401, 0xD402, 0x8104))))]
    length = {0x11: 28, 0x1C: 34, 0x24: 20, 0x31: 40, 0x32: 40, 0x37: 48, 0x74: 4, 0x19: 4, 0xA0: 20, 0x13: 36, 0x14: 8, 0x15: 10, 0x12: 2, 0x00: 2,
              0x16: 4, 0x22: 28, 0x25: 4, 0x81: 20, 0x91: 16, 0x92: 16, 0x95: 40, 0x96: 44}[identity & 0xFF]
    records = b"".join(struct.pack(">H", index or rng.randrange(1, 12)) + rng.randbytes(length - 2) for _ in range(rng.randrange(1, 4)))
    text = struct.pack(">HHHH", identity, index, length, len(records) // length) + records
    sequence = rng.randrange(1, 256)
    if rng.random() < 0.7:
        return [(0, asked), (1, pdu(2, 4, 1, text, reference=reference, sequence=sequence))]
    unit, cut = rng.randrange(1, 200), rng.randrange(8, len(text))
    return [(0, asked), (1, pdu(2, 4, 1, text[:cut], reference=reference, sequence=sequence, unit=unit, more=1)),
            (0, header(7, b"\0\1\x12\x08\x12\x44\1" + bytes([sequence, unit, 0, 0, 0]), b"\x0a\0\0\0", reference=reference + 1)),
            (1, pdu(2, 4, 1, text[cut:], reference=reference + 1, sequence=sequence, unit=unit))]


def messages(rng: random.Random, reference: int) -> Exchange:
    asked = bytes([rng.randrange(256), 0]) + b"HmiRTM\0\0" + rng.choice((b"", bytes([rng.choice((0, 1, 2, 4, 8, 9)), 0])))
    return [(0, pdu(1, 4, 2, asked, reference=reference)), (1, pdu(2, 4, 2, b"\2\0", reference=reference))]


def diagnostic(rng: random.Random, reference: int) -> Exchange:
    return [(1, pdu(0, 4, 3, rng.randbytes(12) + clock(rng), reference=reference))]


def indication(rng: random.Random, reference: int) -> Exchange:
    """A push of alarms: time, function, objects, each with its associated values."""
    subfunction = rng.choice((0x05, 0x06, 0x11, 0x12, 0x16))
    objects = b""
    count = rng.randrange(1, 4)
    for _ in range(count):
        carried = 0 if subfunction in (0x11, 0x12) and rng.random() < 0.5 else rng.randrange(2)
        syntax = 0x1C if subfunction == 0x06 else 0x16
        head = struct.pack(">BBBBI", 0x12, 0x0A if syntax == 0x16 else 0x0E, syntax, carried, 0x60000000 | rng.getrandbits(20))
        state = rng.randbytes(4) if syntax == 0x16 else rng.randbytes(8)
        objects += head + state
        if carried:
            content = rng.randbytes(2 * rng.randrange(1, 8))
            objects += struct.pack(">BBH", 0xFF, 9, len(content)) + content
    return [(1, pdu(0, 4, subfunction, clock(rng) + bytes([0, count]) + objects, reference=reference))]


def acknowledge(rng: random.Random, reference: int) -> Exchange:
    """Alarms acknowledged, locked or unlocked."""
    subfunction, syntax = rng.choice(((0x0B, 0x19), (0x07, 0x15), (0x08, 0x15)))
    count = rng.randrange(1, 4)
    length = 8 if syntax == 0x19 else 6
    objects = b"".join(struct.pack(">BBBBI", 0x12, length, syntax, 0, rng.getrandbits(32)) + (rng.randbytes(2) if length == 8 else b"")
                       for _ in range(count))
    codes = bytes(rng.choice((0xFF, 0x0A)) for _ in range(count))
    return [(0, pdu(1, 4, subfunction, bytes([9, count]) + objects, reference=reference)),
            (1, pdu(2, 4, subfunction, bytes([9, count]) + codes, reference=reference))]


def told(rng: random.Random, reference: int) -> Exchange:
    """That somebody acknowledged, locked or unlocked an alarm."""
    subfunction, syntax = rng.choice(((0x0C, 0x19), (0x0D, 0x15), (0x0E, 0x15)))
    length = 8 if syntax == 0x19 else 6
    one = struct.pack(">BBBBI", 0x12, length, syntax, 0, rng.getrandbits(32)) + (rng.randbytes(2) if length == 8 else b"")
    return [(1, pdu(0, 4, subfunction, (clock(rng) if subfunction == 0x0C else b"") + b"\x09\1" + one, reference=reference))]


def query(rng: random.Random, reference: int) -> Exchange:
    """Which alarms stand: by type or by event; told as data sets, or that there are none."""
    kind, what = rng.choice(((1, rng.choice((1, 2, 4, 9))), (3, rng.getrandbits(32))))
    asked = struct.pack(">BBBBBBBBI", 0, 1, 0x12, 8, 0x1A, 0, kind, 0x34, what)
    sets = b"".join(struct.pack(">BHBIB", 9, 0, 2, rng.getrandbits(32), 0) + rng.randbytes(3) for _ in range(rng.randrange(1, 4)))
    told = rng.choice((b"\0\1\x0a\0\0\0", b"\0\1\xff\x09" + struct.pack(">H", len(sets)) + sets))
    return [(0, pdu(1, 4, 0x13, asked, reference=reference)), (1, pdu(2, 4, 0x13, told, reference=reference))]


def scan(rng: random.Random, reference: int) -> Exchange:
    """SCAN: two bytes, time, two bytes, then objects as in an alarm."""
    one = struct.pack(">BBBBI", 0x12, 0x0A, 0x16, 1, rng.getrandbits(32)) + rng.randbytes(4) + struct.pack(">BBH2s", 0xFF, 9, 2, rng.randbytes(2))
    return [(1, pdu(0, 4, 0x09, b"\0\0" + clock(rng) + b"\0\0" + b"\0\1" + one, reference=reference))]


def archived(rng: random.Random, reference: int) -> Exchange:
    """AR_SEND: its id, a length (low byte first), bytes."""
    content = rng.randbytes(rng.randrange(1, 40))
    head = struct.pack(">BBBBI", 0x12, 6, 0x13, 0, rng.getrandbits(32)) + struct.pack("<H", len(content))
    return [(1, pdu(0, 4, 0x10, head + content, reference=reference))]


def password(rng: random.Random, reference: int) -> Exchange:
    if rng.random() < 0.5:
        return [(0, pdu(1, 5, 1, rng.randbytes(8), reference=reference)),
                (1, pdu(2, 5, 1, None, reference=reference, error=rng.choice((0, 0xD602))))]
    return [(0, pdu(1, 5, 2, None, reference=reference)), (1, pdu(2, 5, 2, None, reference=reference))]


def time(rng: random.Random, reference: int) -> Exchange:
    subfunction, stamp = rng.randrange(1, 5), b"\0\x19" + clock(rng)
    if subfunction in (1, 3):
        return [(0, pdu(1, 7, subfunction, None, reference=reference)), (1, pdu(2, 7, subfunction, stamp, reference=reference))]
    return [(0, pdu(1, 7, subfunction, stamp, reference=reference)), (1, pdu(2, 7, subfunction, None, reference=reference))]


def blocks(rng: random.Random, reference: int) -> Exchange:
    """Lists of blocks and what a block's header says."""
    subfunction, name = rng.randrange(1, 4), block(rng)
    if subfunction == 1:
        listed = b"".join(b"0%c" % kind + struct.pack(">H", word(rng)) for kind in b"8ABCDEF")
        return [(0, pdu(1, 3, 1, None, reference=reference)), (1, pdu(2, 3, 1, listed, reference=reference))]
    if subfunction == 2:
        listed = b"".join(struct.pack(">HBB", word(rng), 0x22, rng.randrange(1, 9)) for _ in range(rng.randrange(1, 30)))
        error = rng.choice((0, 0, 0xD209))
        return [(0, pdu(1, 3, 2, name[:2], reference=reference)), (1, pdu(2, 3, 2, None if error else listed, reference=reference, error=error))]
    moments = [struct.pack(">IH", rng.randrange(86_400_000), rng.randrange(18_000)) for _ in range(2)]
    info = name[:2] + struct.pack(">HH2sBBBBHII6s6sHHHH8s8s8sBBHII", 0x4A, 0, b"pp", 1, rng.randrange(256), rng.randrange(1, 9), int(name[1:2], 16),
                                  int(name[2:7]), rng.randrange(10 ** 6), rng.choice((0, 3)), *moments, word(rng), word(rng), word(rng), word(rng),
                                  b"MILLER\0\0", b"PUMPS\0\0\0", b"MIXER\0\0\0", rng.randrange(256), 0, word(rng), 0, 0)
    return [(0, pdu(1, 3, 3, name, reference=reference)), (1, pdu(2, 3, 3, info, reference=reference))]


def cyclic(rng: random.Random, reference: int) -> Exchange:
    """A job of cyclic or change-driven reading, its pushes and its end."""
    subfunction, job = rng.choice((1, 5)), rng.randrange(1, 256)
    items = [any_item(rng.choice((0x81, 0x82, 0x83, 0x84)), word(rng), rng.randrange(0x8000), rng.randrange(1, 20), 2)
             for _ in range(rng.randrange(1, 5))]
    asked = struct.pack(">BBBB", 0, len(items), rng.randrange(3), rng.randrange(1, 100)) + b"".join(items)
    exchange: Exchange = [(0, pdu(1, 2, subfunction, asked, reference=reference))]
    if rng.random() < 0.2:
        return [*exchange, (1, pdu(2, 2, subfunction, None, reference=reference, error=rng.choice(ERRORS)))]
    exchange.append((1, pdu(2, 2, subfunction, bytes([0, len(items)]) + values(rng, len(items)), reference=reference, sequence=job)))
    for _ in range(rng.randrange(3)):
        exchange.append((1, pdu(0, 2, subfunction, bytes([0, len(items)]) + values(rng, len(items)), reference=0, sequence=job)))
    exchange.append((0, pdu(1, 2, 4, bytes([subfunction, job]), reference=reference + 1)))
    return [*exchange, (1, pdu(2, 2, 4, None, reference=reference + 1, sequence=job))]


def record(rng: random.Random, reference: int) -> Exchange:
    asked = b"\0\1" + any_item(1, word(rng), rng.randrange(0x10000), rng.randrange(1, 200), 2)
    content = rng.randbytes(rng.randrange(1, 60))
    answered = rng.choice((b"\0\1\xff\x09\0\0" + struct.pack(">H", len(content)) + content, b"\0\1\x0a\0\0\0"))
    return [(0, pdu(1, 2, 8, asked, reference=reference)), (1, pdu(2, 2, 8, answered, reference=reference))]


def _task(content: bytes, parameters: bytes) -> bytes:
    return struct.pack(">HH", len(parameters), len(content)) + parameters + content


def _place(rng: random.Random) -> bytes:
    """A variable of a table: area and width, repetition or bit, DB, byte."""
    area = rng.choice((0, 1, 2, 3, 7))
    width = rng.choice((0, 1, 2, 3))
    return struct.pack(">BBHH", area << 4 | width, rng.randrange(8) if width == 0 else rng.randrange(1, 5), word(rng) if area == 7 else 0,
                       rng.randrange(0x1000))


def table(rng: random.Random, reference: int) -> Exchange:
    """A variable table watched, modified or forced: the request lists variables, the answer names the job, pushes carry what it found."""
    subfunction = rng.choice((2, 8, 9))
    places = [rng.choice((_place(rng), struct.pack(">BBHH", rng.choice((0x54, 0x64)), 1, 0, rng.randrange(200)))) for _ in range(rng.randrange(1, 5))]
    listed = struct.pack(">H", len(places)) + b"".join(places)
    if subfunction != 2:
        listed += b"".join(_table_value(rng) for _ in places)
    parameters = struct.pack(">10H", 0, rng.randrange(1, 4), 1, 0, 0, 0, 0, 0, 0, rng.randrange(3))
    sequence = rng.randrange(1, 256)
    exchange: Exchange = [(0, pdu(1, 1, subfunction, _task(listed, parameters), reference=reference)),
                          (1, pdu(2, 1, subfunction, _task(b"", b"\0\0\0\1"), reference=reference, sequence=sequence))]
    if subfunction == 2:
        for _ in range(rng.randrange(3)):
            found = struct.pack(">H", len(places)) + b"".join(_table_value(rng, ok=rng.random() < 0.8) for _ in places)
            exchange.append((1, pdu(0, 1, 2, _task(found, b"\0\0\0\1"), reference=0, sequence=sequence)))
    else:
        codes = bytes(rng.choice((0xFF, 0x0A)) for _ in places)
        codes += b"\0" * (len(codes) % 2)
        exchange.append((1, pdu(0, 1, subfunction, _task(struct.pack(">H", len(places)) + codes, b"\0\0\0\1"), reference=0, sequence=sequence)))
    return exchange


def _table_value(rng: random.Random, *, ok: bool = True) -> bytes:
    if not ok:
        return b"\x0a\0\0\0"
    content = rng.randbytes(rng.choice((1, 2, 4, 5)))
    return struct.pack(">BBH", 0xFF, 4, 8 * len(content)) + content + (b"\0" if len(content) % 2 else b"")


def debugging(rng: random.Random, reference: int) -> Exchange:
    """Block status, breakpoints, jobs, stacks, hold, memory reset, lamps."""
    subfunction = rng.choice((0x01, 0x13, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x16))
    parameters = struct.pack(">10H", 0, 1, 1, 0, 0, 0, 0, 0, 0, 0)
    content = b""
    if subfunction in (0x01, 0x13, 0x0A, 0x06):
        parameters += struct.pack(">HHHHBB", rng.choice((8, 0xC, 0xE)), word(rng), word(rng), word(rng), 0, rng.randrange(256))
    elif subfunction in (0x0D, 0x0E):
        content = bytes([rng.choice((2, 8, 9)), rng.randrange(256)])
    elif subfunction == 0x0F:
        content = bytes([0, 0, rng.choice((2, 8, 9)), rng.randrange(256)])
    elif subfunction == 0x11:
        content = bytes([rng.choice((2, 8, 9)), rng.randrange(256)])
    elif subfunction in (0x03, 0x04, 0x05, 0x0B):
        content = rng.randbytes(2)
    elif subfunction == 0x16:
        parameters = b"\0\0\0\5\0\0"
    return [(0, pdu(1, 1, subfunction, _task(content, parameters), reference=reference)),
            (1, pdu(2, 1, subfunction, _task(b"", b"\0\0\0\1"), reference=reference, error=rng.choice((0, 0, 0x8104))))]


def sent(rng: random.Random, reference: int) -> Exchange:
    """Block communication: BSEND and its answer, USEND."""
    identity, content = rng.getrandbits(32), rng.randbytes(rng.randrange(1, 100))
    if rng.random() < 0.5:
        head = struct.pack(">BBBBBBI", 0, 1, 0x12, 8, 0x13, 0, identity) + b"\0\0"
        return [(0, header(7, head, struct.pack(">BBH", 0xFF, 9, len(content)) + content, reference=reference))]
    identified = struct.pack(">BBBBI", 0x12, 6, 0x13, 0, identity)
    return [(0, pdu(1, 6, 1, identified + struct.pack(">H", len(content)) + content, reference=reference, unit=rng.randrange(1, 99))),
            (1, pdu(2, 6, 1, identified, reference=reference))]


def nc_file(rng: random.Random, reference: int) -> Exchange:
    name = b"/_N_MPF_DIR/_N_TEST%02d_MPF" % rng.randrange(100)
    return [(0, pdu(1, 0x3F, rng.choice((1, 6)), struct.pack(">BB", 0, 1) + name, reference=reference)),
            (1, pdu(2, 0x3F, 6, None, reference=reference))]


def unusual(rng: random.Random, reference: int) -> Exchange:
    """Groups and subfunctions that are in no list, asked, answered and pushed; routing; other parts of NC programming."""
    group, subfunction = rng.choice(UNUSUAL)
    content = rng.randbytes(2 * rng.randrange(1, 20))
    if group == 1:
        content = _task(content, b"\0\0")
    return [(0, pdu(1, group, subfunction, content, reference=reference)),
            (1, pdu(2, group, subfunction, None, reference=reference, error=rng.choice((0, 0x8104)))),
            (1, pdu(0, group, subfunction, rng.choice((None, content)), reference=reference))]


USERDATA: tuple[Kind, ...] = (
    mode, status_list, status_list, messages, diagnostic, indication, acknowledge, told, query, scan, archived, password, time, blocks, cyclic,
    record, table, table, debugging, debugging, sent, nc_file, unusual)
