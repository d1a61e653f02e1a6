"""DNP3 conversations made to be compared: every function, object, qualifier and form of range, with random octets. The same at every run."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from otwatch.protocols.dnp3 import objects, spec
from tests.evasion.wire import HMI, PLC, Capture, Tcp, udp
from tests.oracle.dnp3 import frame, segments, size_of

MASTER, OUTSTATION, PORT = 1, 10, 20000
EVENTS = {2, 4, 11, 13, 22, 23, 32, 33, 42, 43}
WITHOUT_DATA = (1, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 22)  # functions whose objects are headers alone (4.4)


def ranged(code: int, start: int, count: int) -> bytes:
    """A start-stop range (table 4-6, codes 0 to 2) or a count (7 to 9)."""
    if code < 3:
        return start.to_bytes(1 << code, "little") + (start + count - 1).to_bytes(1 << code, "little")
    return count.to_bytes(1 << code - 7, "little")


def header(group: int, variation: int, qualifier: int, start: int = 0, count: int = 1) -> bytes:
    """An object header."""
    return bytes((group, variation, qualifier)) + (b"" if qualifier == 6 else ranged(qualifier & 15, start, count))


def content(chance: Random, group: int, variation: int) -> bytes:
    """The octets of one object; what would be no number, or no time that can be shown, is left to other tests."""
    layout = objects.layout_of(group, variation)
    if layout == objects.STRING:
        return bytes(chance.choices(b"ABCDEFGHIJ0123456789", k=variation))
    out = b""
    for _, kind in objects.fields_of(layout):
        if kind == "t48":
            out += chance.randrange(4_000_000_000_000).to_bytes(6, "little")
        elif kind == "f32":
            out += struct.pack("<f", chance.choice([0.0, 1.5, -2.25, 1e10, chance.uniform(-1e6, 1e6)]))
        elif kind == "f64":
            out += struct.pack("<d", chance.choice([0.0, 1.5, -2.25, 1e100, chance.uniform(-1e6, 1e6)]))
        else:
            out += chance.randbytes(objects.TYPE_BITS[kind] // 8)
    return out


def _filled(chance: Random, group: int, variation: int, qualifier: int) -> bytes:
    """A header with its objects."""
    count = chance.choice([1, 1, 2, 3, 7, 8, 9, 17])
    start = chance.choice([0, 1, 200, 255 - count, 300 if qualifier & 15 in (1, 2) else 5])
    size = size_of(group, variation)
    if isinstance(size, float):
        octets = (int(count * size * 8) + 7) // 8
        return header(group, variation, qualifier, start, count) + (
            chance.getrandbits(int(count * size * 8)).to_bytes(octets, "little"))
    width = (0, 1, 2, 4)[qualifier >> 4]
    pieces = [chance.randrange(1 << min(8 * width, 17)).to_bytes(width, "little") + content(chance, group, variation) for _ in range(count)]
    return header(group, variation, qualifier, start, count) + b"".join(pieces)


def _sized(group: int, variation: int, *pieces: bytes) -> bytes:
    return bytes((group, variation, 0x5B, len(pieces))) + b"".join(len(piece).to_bytes(2, "little") + piece for piece in pieces)


def _fixed() -> Iterator[tuple[int, int]]:
    """Objects of a size of their own."""
    for group, variation in objects.OBJECTS:
        if isinstance(size_of(group, variation), int | float) and size_of(group, variation) and group != 120:
            yield group, variation
    for group in (110, 111, 112, 113):
        yield from ((group, 1), (group, 9), (group, 40))


def files(chance: Random) -> Iterator[tuple[int, bytes]]:
    """(function, objects) of file transfer (A.27)."""
    name = b"/config/site.xml"
    time = chance.randrange(4_000_000_000_000).to_bytes(6, "little")
    for mode in (0, 1, 2, 3):
        numbers = chance.randrange(512), chance.getrandbits(32), chance.getrandbits(32), mode, 1024, chance.randrange(65536)
        yield 25, _sized(70, 3, struct.pack("<HH", 26, len(name)) + time + struct.pack("<HIIHHH", *numbers) + name)
    yield 27, _sized(70, 3, struct.pack("<HH", 26, len(name)) + bytes(6) + struct.pack("<HIIHHH", 0, 7, 0, 0, 0, 9) + name)
    yield 26, _sized(70, 4, struct.pack("<IIHHB", chance.getrandbits(32), 0, 0, 77, 0))
    yield 30, _sized(70, 4, struct.pack("<IIHHB", chance.getrandbits(32), 0, 0, 78, 0))
    yield 28, _sized(70, 7, struct.pack("<HHHI", 20, len(name), 1, 4711) + time + struct.pack("<HH", 0o644, 79) + name)
    yield 29, _sized(70, 2, struct.pack("<HHHHI", 12, 4, 16, 6, 0) + b"usersecret")
    yield 1, _sized(70, 5, struct.pack("<II", chance.getrandbits(32), chance.randrange(100)))
    for last in (0, 1 << 31):
        yield 2, _sized(70, 5, struct.pack("<II", chance.getrandbits(32), chance.randrange(100) | last) + chance.randbytes(40))
        yield 129, _sized(70, 5, struct.pack("<II", chance.getrandbits(32), chance.randrange(100) | last) + chance.randbytes(60))
    for status in (*spec.FILE_STATUSES, 7):
        yield 129, _sized(70, 4, struct.pack("<IIHHB", chance.getrandbits(32), chance.getrandbits(32), 1024, 77, status))
        yield 129, _sized(70, 6, struct.pack("<IIB", chance.getrandbits(32), chance.randrange(100), status))


def attributes(chance: Random) -> Iterator[tuple[int, bytes]]:
    """Device attributes (A.1): type, length, octets."""
    values = {1: b"Outstation 7", 2: chance.randbytes(4), 3: chance.randbytes(2), 4: struct.pack("<f", 2.5), 5: chance.randbytes(5),
              6: b"\xa0", 7: (1_700_000_000_000).to_bytes(6, "little")}
    for variation in objects.ATTRIBUTES:
        yield 1, header(0, variation, 0, 0, 1)
        if variation not in (254, 255):
            kind = 1 if variation >= 242 or 202 <= variation <= 208 else chance.choice([2, 3]) if variation > 208 else chance.choice(list(values))
            yield 129, header(0, variation, 0, 0, 1) + bytes((kind, len(values[kind]))) + values[kind]


def requests(chance: Random) -> Iterator[tuple[int, bytes]]:
    """(function, objects) that a master sends."""
    for function in (13, 14, 23, 24):
        yield function, b""
    for group in objects.GROUPS:
        variations = [0, *(variation for of, variation in objects.OBJECTS if of == group)]
        for variation in variations:
            for qualifier in (6, 0, 1, 2, 7, 8, 9):
                if group not in (0, 120) and (group != 70 or qualifier == 6):
                    yield 1, header(group, variation, qualifier, chance.randrange(100), chance.randint(1, 20))
    for qualifier, width in ((0x17, 1), (0x28, 2), (0x27, 2), (0x39, 4), (0x37, 4)):
        for group, variation in ((1, 2), (30, 1), (20, 1)):
            count = chance.randint(1, 5)
            indexes = b"".join(chance.randrange(200).to_bytes(width, "little") for _ in range(count))
            yield 1, header(group, variation, qualifier, count=count) + indexes
    for function in (7, 8, 9, 10):
        for qualifier in (6, 0, 1):
            yield function, header(20, 0, qualifier, 3, 4)
        yield function, header(30, 0, 6)
    for function in (11, 12):
        yield function, header(50, 2, 7, count=1) + content(chance, 50, 2) + header(20, 0, 6)
    for function in (20, 21, 22):
        yield function, b"".join(header(60, variation, 6) + (header(1, 0, 6) if function == 22 else b"") for variation in (2, 3, 4))
    for function in (3, 4, 5, 6):
        for qualifier in (0x17, 0x28, 0x27, 0x18, 0x39):
            yield function, b"".join(_commands(chance, 12, 1, qualifier))
            for variation in (1, 2, 3, 4):
                yield function, b"".join(_commands(chance, 41, variation, qualifier))
        yield function, header(12, 1, 0, 4, 2) + 2 * content(chance, 12, 1)
        yield function, header(12, 2, 7, 0, 1) + content(chance, 12, 2) + header(12, 3, 0, 0, 12) + b"\xff\x03"
    for qualifier in (7, 8):
        for group, variation in ((50, 1), (50, 3), (51, 1)):
            yield 2, header(group, variation, qualifier, count=1) + content(chance, group, variation)
    yield 2, header(80, 1, 0, 7, 1) + b"\0"
    for variation in (1, 2, 3):
        for qualifier in (0, 1, 0x17, 0x28):
            yield 2, _filled(chance, 34, variation, qualifier)
    for qualifier in (0, 0x17):
        yield 2, _filled(chance, 110, 12, qualifier)
        yield 2, _filled(chance, 112, 12, qualifier)


def _commands(chance: Random, group: int, variation: int, qualifier: int) -> Iterator[bytes]:
    """One header of commands with indexes."""
    width, count = (0, 1, 2, 4)[qualifier >> 4], chance.randint(1, 4)
    yield header(group, variation, qualifier, count=count)
    for _ in range(count):
        yield chance.randrange(256 if width == 1 else 60_000).to_bytes(width, "little")
        if group == 12:
            code = chance.choice([0x01, 0x03, 0x04, 0x41, 0x81, 0x02, 0x11, 0x21, 0x43, 0xC1, 0x0F])
            times = chance.getrandbits(32), chance.getrandbits(32)
            yield bytes((code, chance.randrange(256))) + struct.pack("<IIB", *times, chance.choice([0, 0, 4, 7, 127]))
        else:
            yield content(chance, group, variation)


def responses(chance: Random) -> Iterator[tuple[int, bytes]]:
    """(function, objects) that an outstation sends."""
    for group, variation in _fixed():
        for qualifier in (0x17, 0x28, 0x39, 7) if group in EVENTS or group in (111, 113) else (0, 1, 2, 7, 8, 0x17, 0x28):
            if isinstance(size_of(group, variation), float) and qualifier >= 0x10:
                continue  # packed bits have no prefixes (4.2.2.7.3.3)
            if group in (50, 51, 52):
                qualifier = chance.choice([7, 8])
            yield chance.choice([129, 130]) if group in EVENTS else 129, _filled(chance, group, variation, qualifier)
    for status in spec.CONTROL_STATUSES:
        yield 129, header(12, 1, 0x28, count=1) + struct.pack("<HBBIIB", 3, 0x41, 1, 100, 0, status)
        yield 129, header(41, 2, 0x28, count=1) + struct.pack("<HhB", 3, -5, status)
    for group, variation in ((51, 1), (51, 2)):
        yield 130, header(group, variation, 7, count=1) + content(chance, group, variation) + _filled(chance, 2, 3, 0x28)


def several(chance: Random) -> Iterator[tuple[int, bytes]]:
    """Fragments of more than one header."""
    plain = [(1, 2), (2, 2), (3, 2), (10, 2), (20, 1), (21, 1), (22, 1), (30, 1), (30, 5), (32, 3), (40, 2), (42, 4)]
    for _ in range(40):
        parts = [_filled(chance, group, variation, 0x28 if group in EVENTS else chance.choice([0, 1]))
                 for group, variation in chance.choices(plain, k=chance.randint(2, 5))]
        yield 129, b"".join(parts)


class Traffic:
    """A capture of both conversations: over TCP and over UDP."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.capture = Capture()
        self.fragments = 0
        self.sequence = {True: 0, False: 0}
        self.transport = {True: 0, False: 0}
        self.talk = Tcp(self.capture, HMI, PLC, PORT)
        self.all()
        self.transport = {True: 0, False: 0}
        self.talk = None
        self.all()

    def all(self) -> None:
        """Everything once."""
        for name in (requests, responses, files, attributes, several):
            for function, parts in name(self.chance):
                self.fragment(function, parts)
        for function in (0x40, 0x42, 0x49, 0x41):
            self.link(frame(b"", control=0x80 | function | (0x10 if function == 0x42 else 0), destination=OUTSTATION, source=MASTER), True)
        for function in (0x00, 0x01, 0x0B, 0x0F):
            self.link(frame(b"", control=function, destination=MASTER, source=OUTSTATION), False)
        for indications in range(0, 0x4000, 0x111):
            self.fragment(129, b"", indications)
        for unsolicited in (0, 0x10):
            self.fragment(0, b"", control=0xC0 | unsolicited)

    def fragment(self, function: int, parts: bytes, indications: int = -1, control: int = 0xC0) -> None:
        """One application fragment in link frames."""
        answer = function >= 128
        sequence = self.sequence[answer] = (self.sequence[answer] + 1) & 15
        if function == 130:
            control |= 0x10 | self.chance.choice([0, 0x20])
        octets = bytes((control | sequence, function))
        if answer:
            octets += (self.chance.choice([0, 2, 0x80, 0x1000]) if indications < 0 else indications).to_bytes(2, "little")
        addresses = {"destination": MASTER, "source": OUTSTATION, "control": 0x44} if answer else {
            "destination": OUTSTATION, "source": MASTER, "control": 0xC4}
        frames = segments(octets + parts, first=self.transport[answer], size=self.chance.choice([249, 249, 249, 60]), **addresses)
        if self.transport[answer] + len(frames) > 63:  # tshark 4.0 loses fragments when the number wraps
            self.transport[answer] = 0
            frames = segments(octets + parts, first=0, **addresses)
        self.transport[answer] += len(frames)
        self.fragments += 1
        for whole in frames:
            self.link(whole, not answer)

    def link(self, whole: bytes, from_master: bool) -> None:
        """One link frame on its way."""
        if self.talk is not None:
            self.talk.say(whole, side=0 if from_master else 1)
        elif from_master:
            self.capture.datagram(HMI, PLC, 17, udp(HMI, PLC, (PORT, PORT), whole))
        else:
            self.capture.datagram(PLC, HMI, 17, udp(PLC, HMI, (PORT, PORT), whole))
