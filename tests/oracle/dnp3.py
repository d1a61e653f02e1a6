"""A slow, readable DNP3 decoder: link frames in, rows out. Written from IEEE 1815-2012 with slices and dicts, no code shared with
`otwatch/protocols/dnp3` but its names for actions. What the compiled dissector gives must be equal row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otwatch.protocols.dnp3 import spec

# Octets of one object by group: a list from variation 1 on; a fraction of 8 is packed bits; None is unknown; "sized" needs a size prefix.
_TIMED_32_16 = [5, 3, 5, 3, 11, 9, 11, 9]
SIZES: dict[int, list[Any]] = {
    1: [1 / 8, 1], 2: [1, 7, 3], 3: [2 / 8, 1], 4: [1, 7, 3], 10: [1 / 8, 1], 11: [1, 7], 12: [11, 11, 1 / 8], 13: [1, 7],
    20: [5, 3, 5, 3, 4, 2, 4, 2], 21: [5, 3, 5, 3, 11, 9, 11, 9, 4, 2, 4, 2], 22: _TIMED_32_16, 23: _TIMED_32_16,
    30: [5, 3, 4, 2, 5, 9], 31: [5, 3, 11, 9, 4, 2, 5, 9], 32: [5, 3, 11, 9, 5, 9, 11, 15], 33: [5, 3, 11, 9, 5, 9, 11, 15], 34: [2, 4, 4],
    40: [5, 3, 5, 9], 41: [5, 3, 5, 9], 42: [5, 3, 11, 9, 5, 9, 11, 15], 43: [5, 3, 11, 9, 5, 9, 11, 15],
    50: [6, 10, 6, 11], 51: [6, 6], 52: [2, 2], 60: [0, 0, 0, 0], 70: ["sized"] * 8, 80: [1 / 8], 81: [3], 82: ["sized"], 83: ["sized"] * 2,
    85: ["sized"], 86: ["sized", 1, "sized"], 87: ["sized"], 88: ["sized"], 90: ["sized"], 91: ["sized"], 100: [5, 9], 101: [2, 4, 8], 102: [1],
    110: list(range(1, 256)), 111: list(range(1, 256)), 112: list(range(1, 256)), 113: list(range(1, 256)), 114: ["sized"], 115: ["sized"],
    120: ["sized", "sized", 6, 2] + ["sized"] * 11, 121: [7], 122: [7, 13],
}
WITH_DATA = {2, 3, 4, 5, 6, 32, 33, 129, 130, 131}


def crc(octets: bytes) -> bytes:
    """CRC-16/DNP bit by bit."""
    register = 0
    for octet in octets:
        for bit in range(8):
            register = register >> 1 ^ (0xA6BC if (register ^ octet >> bit) & 1 else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


def frame(user: bytes, *, destination: int = 10, source: int = 1, control: int = 0xC4) -> bytes:
    """A link frame with right CRCs."""
    header = bytes((0x05, 0x64, 5 + len(user), control)) + destination.to_bytes(2, "little") + source.to_bytes(2, "little")
    out = header + crc(header)
    for at in range(0, len(user), 16):
        out += user[at:at + 16] + crc(user[at:at + 16])
    return out


def segments(fragment: bytes, *, first: int = 0, size: int = 249, **addresses: int) -> list[bytes]:
    """A fragment as link frames, transport sequence from `first`."""
    parts = [fragment[at:at + size] for at in range(0, len(fragment), size)] or [b""]
    return [frame(bytes(((0x40 if i == 0 else 0) | (0x80 if i == len(parts) - 1 else 0) | (first + i) % 64,)) + part, **addresses)
            for i, part in enumerate(parts)]


@dataclass
class Pdu:
    """One link frame as the framer hands it over."""

    octets: bytes
    frame: int
    time_ns: int
    gap: bool = False
    cut: bool = False


@dataclass
class _Side:
    parts: list[bytes] = field(default_factory=list)  # segments of the fragment under way
    sequence: int | None = None
    waiting: list[dict[str, Any]] = field(default_factory=list)  # requests, oldest first
    answered: list[tuple[int, bytes]] = field(default_factory=list)  # the last four: sequence of the request, octets of its response
    frames: list[tuple[int, int]] = field(default_factory=list)  # and the frame of each of those requests
    messages: int = 0
    select: dict[str, Any] | None = None
    answering: tuple[int, int] | None = None  # (sequence of the request, newest sequence of its answer)
    confirmable: dict[bool, dict[str, int]] = field(default_factory=dict)
    indications: int = 0


def size_of(group: int, variation: int) -> Any:
    """Octets of one object, or why there is no such number."""
    if group == 0:
        return "attribute"
    known = SIZES.get(group, [])
    return known[variation - 1] if 1 <= variation <= len(known) else None


def action(function: int, group: int) -> int:
    """The action of a row."""
    if group == 120:
        return int(spec.ACTIONS[32])
    return int(spec.OBJECT_ACTIONS.get((function, group), spec.ACTIONS.get(function, 0)))


class Oracle:
    """Decodes the frames of one flow."""

    def __init__(self, *, items: int = 512, fragment_octets: int = 65536) -> None:
        self.items = items
        self.fragment_octets = fragment_octets
        self.sides: dict[Any, _Side] = {}
        self.rows: list[dict[str, Any]] = []
        self.anomalies: list[tuple[int, str]] = []
        self.pdu = Pdu(b"", 0, 0)
        self.master: int | None = None  # link address of the first request
        self.requested: set[frozenset[int]] = set()  # pairs of addresses
        self.conform, self.deviating, self.ended = 0, 0, False  # responses of the device (all frames have one sender here)

    @property
    def habit(self) -> bool:
        """Whether one more response without its request's sequence number would be a habit of the device."""
        return (self.deviating + 1) * 100 >= 95 * (self.deviating + 1 + self.conform)

    def bad(self, kind: str) -> None:
        """Notes an anomaly."""
        self.anomalies.append((self.pdu.frame, kind))

    def feed(self, pdu: Pdu) -> None:
        """One link frame."""
        self.pdu = pdu
        octets = pdu.octets
        if len(octets) < 10 or octets[2] < 5:
            if len(octets) > 2 and (len(octets) >= 10 or not pdu.cut):
                self.bad("length-below-minimum")
            return
        control = octets[3]
        destination, source = int.from_bytes(octets[4:6], "little"), int.from_bytes(octets[6:8], "little")
        size = octets[2] - 5
        if 0xFFF0 <= destination <= 0xFFFB:
            self.bad("reserved-address")
        if source >= 0xFFF0:
            self.bad("reserved-address")
        from_master, primary, function = bool(control & 0x80), bool(control & 0x40), control & 0x0F
        if not primary or function not in (3, 4):
            self.link_frame(from_master, primary, function, control, size, destination if from_master else source)
            return
        if bool(control & 0x10) != (function == 3):
            self.bad("link-control")
        if not size:
            self.bad("link-user-data")
            return
        user = b""
        for at in range(10, 10 + size + (size + 15) // 16 * 2, 18):
            length = min(16, 10 + size + (size + 15) // 16 * 2 - at - 2)
            block, check = octets[at:at + length], octets[at + length:at + length + 2]
            user += block
            if len(check) < 2:
                break
            if crc(block) != check:
                self.bad("block-crc")
                return
        pair = frozenset((source, destination))
        if from_master and len(user) > 2 and user[0] & 0x40 and user[2] < 129 and pair not in self.requested:
            self.requested.add(pair)
            self.master = source if self.master is None else self.master
            if source != self.master:
                self.bad("master-address")
        if user:
            self.segment(user, len(user) < size, source, destination, from_master)

    def link_frame(self, from_master: bool, primary: bool, function: int, control: int, size: int, unit: int) -> None:
        """A frame without user data."""
        if function not in ((0, 1, 2, 9) if primary else (0, 1, 11, 14, 15)):
            self.bad("reserved-link-function")
        elif primary and bool(control & 0x10) != (function == 2):
            self.bad("link-control")
        if size:
            self.bad("link-user-data")
        self.row(role=0 if from_master else 2 if primary else 1, function=-1, subfunction=control & 0x4F, unit=unit,
                 action=6 if primary and function == 1 else 16,
                 status=4 << 16 | 1 if not primary and control & 0x10 else 0, transaction=-1)

    def row(self, **columns: Any) -> dict[str, Any]:
        """A row with defaults."""
        row = {"frame": self.pdu.frame, "role": 0, "function": -1, "subfunction": -1, "action": 0, "unit": -1, "area": -1, "object": -1,
               "start": -1, "count": -1, "status": 0, "transaction": -1, "item": 0, "value_kind": 0, "value": b"", "request_frame": -1,
               "latency_ns": -1, **columns}
        self.rows.append(row)
        return row

    def segment(self, user: bytes, cut: bool, source: int, destination: int, from_master: bool) -> None:
        """The transport function."""
        extra = from_master if source == destination else None
        sender = self.sides.setdefault((source, destination, extra), _Side())
        receiver = self.sides.setdefault((destination, source, None if extra is None else not extra), _Side())
        final, first, sequence, part = bool(user[0] & 0x80), bool(user[0] & 0x40), user[0] & 0x3F, user[1:]
        if self.pdu.gap:
            if sender.parts:
                Fragment(self, b"".join(sender.parts), len(sender.parts), True, source, destination, from_master, sender, receiver).decode()
            sender.parts, sender.sequence, sender.messages = [], None, 0
        if first:
            if sender.parts:
                if sequence == sender.sequence and sender.parts == [part]:
                    return
                self.bad("transport-unfinished")
            sender.parts = []
        elif not sender.parts:
            if sender.sequence is not None:
                self.bad("transport-sequence")
            sender.sequence = None
            return
        elif sequence == sender.sequence and part == sender.parts[-1]:
            return
        elif sequence != ((sender.sequence or 0) + 1) % 64:
            self.bad("transport-sequence")
            sender.parts, sender.sequence = [], None
            return
        sender.sequence = sequence
        whole = b"".join([*sender.parts, part])
        if len(whole) > self.fragment_octets and not (first and (final or cut)):
            self.bad("fragment-too-long")
            sender.parts, sender.sequence = [], None
        elif final or cut:
            frames = len(sender.parts) + 1
            sender.parts = []
            Fragment(self, whole, frames, cut, source, destination, from_master, sender, receiver).decode()
        else:
            sender.parts.append(part)


class Fragment:
    """The application layer of one fragment."""

    def __init__(self, oracle: Oracle, octets: bytes, frames: int, cut: bool, source: int, destination: int, from_master: bool, sender: _Side,
                 receiver: _Side) -> None:
        self.oracle, self.octets, self.cut, self.from_master, self.sender, self.receiver = oracle, octets, cut, from_master, sender, receiver
        self.source, self.destination, self.items = source, destination, oracle.items * frames
        self.rows: list[dict[str, Any]] = []
        self.request: dict[str, int] | None = None
        self.columns: dict[str, Any] = {}
        self.role = 0
        self.stopped = False

    def decode(self) -> None:
        """Header, pairing, objects, indications."""
        octets, oracle, sender, receiver = self.octets, self.oracle, self.sender, self.receiver
        if len(octets) < 2:
            if not self.cut:
                oracle.bad("fragment-too-short")
            return
        control, function = octets[0], octets[1]
        known = function in spec.FUNCTIONS
        answer = function >= 128
        sequence = control & 15
        self.function = function
        self.asked = function
        self.role = 2 if function == 130 else int(answer)
        self.columns = {"role": self.role, "function": function, "unit": self.source if answer else self.destination, "transaction": sequence}
        if not known:
            oracle.bad("reserved-function")
        if answer == self.from_master:
            oracle.bad("direction")
        body = octets[2:]
        told = None
        if answer and known:
            if (function == 130) != bool(control & 0x10):
                oracle.bad("unsolicited-bit")
            if len(body) >= 2:
                told, body = int.from_bytes(body[:2], "little"), body[2:]
                if told >> 14:
                    oracle.bad("reserved-iin")
                if told & 0x1700:
                    self.columns["status"] = 1 << 16 | told & 0x1700
                self.pair_answer(control, sequence)
            else:
                if not self.cut:
                    oracle.bad("fragment-too-short")
                body = b""
        elif not answer:
            self.check_request(control, function)
            self.pair_request(control, sequence, function)
        if body and known:
            if function in (0, 13, 14, 23, 24) and body[0] != 120:
                oracle.bad("unexpected-objects")
            self.objects(body)
        self.finish(told)
        sender.messages += 1
        del receiver

    def check_request(self, control: int, function: int) -> None:
        """What the application control of a request may not be."""
        if control & 0xC0 != 0xC0:
            self.oracle.bad("request-fragmented")
        if control & 0x20:
            self.oracle.bad("request-asks-confirm")
        if control & 0x10 and function != 0:
            self.oracle.bad("unsolicited-bit")

    def pair_answer(self, control: int, sequence: int) -> None:
        """Finds the request of a response."""
        sender, pdu = self.sender, self.oracle.pdu
        if control & 0x20:
            sender.confirmable[self.function == 130] = {"sequence": sequence, "frame": pdu.frame, "time_ns": pdu.time_ns}
        if self.function == 130:
            return
        asked = sequence
        if not control & 0x80 and sender.answering and sequence == (sender.answering[1] + 1) % 16:
            asked = sender.answering[0]
        self.request = next((request for request in self.receiver.waiting if request["sequence"] == asked), None)
        if self.request:
            self.conforms(control, sequence)
        elif self.function == 129 and not pdu.gap:
            self.request = self.out_of_sequence(control, sequence)
        sender.answering = None
        if self.request:
            self.columns |= {"request_frame": self.request["frame"], "latency_ns": pdu.time_ns - self.request["time_ns"]}
            self.asked = self.request["function"]
            if control & 0x40:
                self.receiver.waiting.remove(self.request)
                self.receiver.answered = [*self.receiver.answered, (self.request["sequence"], self.octets)][-4:]
                self.receiver.frames = [*self.receiver.frames, (self.request["sequence"], self.request["frame"])][-4:]
            else:
                sender.answering = (self.request["sequence"], sequence)

    def conforms(self, control: int, sequence: int) -> None:
        """A response with the sequence number of its request; 0 says nothing of the device."""
        oracle = self.oracle
        if sequence and control & 0x80:
            oracle.conform += 1
            if oracle.deviating and not oracle.ended and oracle.deviating * 100 < 95 * (oracle.deviating + oracle.conform):
                oracle.ended = True
                if oracle.deviating >= oracle.conform:
                    oracle.bad("deviating-response")

    def out_of_sequence(self, control: int, sequence: int) -> dict[str, Any] | None:
        """A response whose sequence number no request has that waits: a second one, or one of a device that does not copy the number."""
        oracle, waiting = self.oracle, self.receiver.waiting
        whole = control & 0xC0 == 0xC0
        before = [octets for number, octets in self.receiver.answered if number == sequence]
        if before and not (waiting and oracle.habit):
            if before[-1] != self.octets and self.sender.messages and whole:
                oracle.bad("conflicting-response")
                self.columns |= {"request_frame": next(frame for number, frame in reversed(self.receiver.frames) if number == sequence)}
            return None
        if not whole or not waiting or (len(waiting) != 1 and not oracle.habit):
            return None
        oracle.bad("device-quirk" if oracle.habit else "deviating-response")
        oracle.deviating += 1
        return waiting[0]

    def pair_request(self, control: int, sequence: int, function: int) -> None:
        """Remembers a request; an operate finds its select, a confirm what it confirms."""
        sender, receiver, pdu = self.sender, self.receiver, self.oracle.pdu
        if function == 0:
            told = receiver.confirmable.get(bool(control & 0x10))
            if told and told["sequence"] == sequence:
                self.columns |= {"request_frame": told["frame"], "latency_ns": pdu.time_ns - told["time_ns"]}
                del receiver.confirmable[bool(control & 0x10)]
            return
        if function == 3:
            sender.select = {"octets": self.octets[2:], "sequence": sequence, "frame": pdu.frame, "time_ns": pdu.time_ns}
        elif function == 4:
            select = sender.select
            if select and sequence == (select["sequence"] + 1) % 16 and select["octets"] == self.octets[2:]:
                self.columns |= {"request_frame": select["frame"], "latency_ns": pdu.time_ns - select["time_ns"]}
            else:
                if sender.messages and receiver.messages and not self.cut:
                    self.oracle.bad("operate-without-select")
                sender.select = None
        else:
            sender.select = None
        if function not in (6, 8, 10, 12, 33) and self.destination < 0xFFFD:
            self.request = {"frame": pdu.frame, "time_ns": pdu.time_ns, "function": function, "sequence": sequence}
            for request in sender.waiting[:-1]:
                if request["sequence"] == sequence:  # others followed it: the numbers came round
                    sender.waiting.remove(request)
                    break
            sender.waiting.append(self.request)

    def finish(self, told: int | None) -> None:
        """The row of a bare message, the indications, the place of a request."""
        place = ("area", "object", "start", "count")
        if not self.rows:
            row = self.row(-1, -1)
            if told is not None:
                if self.request:
                    row |= {name: self.request[name] for name in place}
                    if row["area"] >= 0:
                        row["action"] = action(self.asked, row["area"])
                row |= {"value_kind": 2, "value": self.octets[2:4]}
        elif told is not None and told & 0xE8E0 != self.sender.indications:
            self.row(-1, -1, value_kind=2, value=self.octets[2:4])
        if told is not None:
            self.sender.indications = told & 0xE8E0
        elif self.request and self.role == 0:
            self.request |= {name: self.rows[0][name] for name in place}

    def row(self, group: int, variation: int, start: int = -1, count: int = -1, **columns: Any) -> dict[str, Any]:
        """A row of this fragment."""
        row = self.oracle.row(**self.columns, area=group, object=variation, start=start, count=count, action=action(self.asked, group),
                              item=len(self.rows))
        row |= columns
        self.rows.append(row)
        return row

    def truncated(self) -> None:
        """Fewer octets than announced."""
        if not self.cut:
            self.oracle.bad("object-truncated")

    def objects(self, body: bytes) -> None:
        """Every object header with its objects."""
        self.stopped = False
        while body and not self.stopped:
            if len(self.rows) >= self.items:
                self.oracle.bad("too-many-objects")
                return
            body = self.header(body)

    def header(self, body: bytes) -> bytes:
        """One object header and what belongs to it; returns the rest."""
        bad = self.oracle.bad
        if len(body) < 3:
            if not self.cut:
                bad("header-truncated")
            return b""
        group, variation, qualifier = body[:3]
        body = body[3:]
        prefix, code = qualifier >> 4, qualifier & 15
        if not ((prefix == 0 and code <= 9) or (prefix in (1, 2, 3) and code in (7, 8, 9)) or (prefix in (4, 5, 6) and code == 11)):
            bad("unknown-qualifier")
            self.row(group, variation)
            return b""
        octets = {0: 2, 1: 4, 2: 8, 3: 2, 4: 4, 5: 8, 6: 0, 7: 1, 8: 2, 9: 4, 11: 1}[code]
        if len(body) < octets:
            if not self.cut:
                bad("header-truncated")
            self.row(group, variation)
            return b""
        field_, body = body[:octets], body[octets:]
        start, count = -1, -1
        if code < 6:
            start = int.from_bytes(field_[:octets // 2], "little")
            count = int.from_bytes(field_[octets // 2:], "little") - start + 1
            if count < 1:
                bad("range-inverted")
                self.row(group, variation, start)
                return b""
        elif code != 6:
            count = int.from_bytes(field_, "little")
        if count > 65536:
            bad("count-bomb")
        size = size_of(group, variation)
        if size is None and not (variation == 0 and group in SIZES):
            bad("unknown-object")
        data = group == 120 or self.function in WITH_DATA or (self.function in (11, 12) and group == 50)
        width = {0: 0, 1: 1, 2: 2, 3: 4, 4: 1, 5: 2, 6: 4}[prefix]
        if count == 0:
            self.row(group, variation, -1, 0, action=0)
            return body
        if prefix > 3:
            return self.sized(body, group, variation, count, width)
        if not data or size == 0:
            if prefix == 0:
                self.row(group, variation, start, count)
                return body
            return self.each(body, group, variation, 0, start, count, width)
        if code == 6:
            bad("unknown-qualifier")
            self.row(group, variation)
            return body
        if size == "sized" or (prefix and isinstance(size, float)):
            bad("unknown-qualifier")
            self.row(group, variation, -1, count)
            return b""
        if size is None:
            self.row(group, variation, start, count)
            return b""
        if size == "attribute":
            return self.attributes(body, variation, start, count, width)
        if isinstance(size, float):
            return self.packed(body, group, variation, int(size * 8), start, count)
        if prefix or self.role == 0 or group in (12, 41):
            return self.each(body, group, variation, size, start, count, width)
        return self.run(body, group, variation, size, start, count)

    def limit(self, more: bool, group: int, variation: int, start: int, count: int) -> bool:
        """Whether the row about to be made is the last that the limit allows while there would be `more`: it stands for the rest."""
        if len(self.rows) < self.items - 1 or not more:
            return False
        self.oracle.bad("too-many-objects")
        self.row(group, variation, start, count)
        self.stopped = True
        return True

    def run(self, body: bytes, group: int, variation: int, size: int, start: int, count: int) -> bytes:
        """One row for all."""
        row = self.row(group, variation, start, count)
        whole = min(count, len(body) // size)
        if whole < count:
            self.truncated()
        if whole == count or whole:
            row |= {"value_kind": 1, "value": body[:whole * size]}
        return body[count * size:]

    def packed(self, body: bytes, group: int, variation: int, bits: int, start: int, count: int) -> bytes:
        """Bits."""
        octets = (count * bits + 7) // 8
        if len(body) < octets:
            self.truncated()
        if self.role or not body:
            row = self.row(group, variation, start, count)
            if body:
                row |= {"value_kind": 1, "value": body[:octets]}
            return body[octets:]
        for i in range(min(count, len(body) * 8 // bits)):
            point = start + i if start >= 0 else -1
            if self.limit(i + 1 < count, group, variation, point, count - i):
                return b""
            self.row(group, variation, point, 1, value_kind=8 + i * bits % 8, value=body[i * bits // 8:i * bits // 8 + 1])
        return body[octets:]

    def each(self, body: bytes, group: int, variation: int, size: int, start: int, count: int, width: int) -> bytes:
        """A row per object."""
        whole = min(count, len(body) // (width + size))
        if whole < count:
            self.truncated()
            if whole == 0:
                self.row(group, variation, start, count)
        for i in range(whole):
            piece = body[i * (width + size):(i + 1) * (width + size)]
            point = int.from_bytes(piece[:width], "little") if width else start + i if start >= 0 else -1
            if self.limit(i + 1 < count, group, variation, point, count - i):
                return b""
            row = self.row(group, variation, point, 1)
            if size:
                row |= {"value_kind": 1, "value": piece[width:]}
            if size and group in (12, 41) and self.role and piece[-1] & 0x7F:
                row["status"] = piece[-1] & 0x7F
            if size == 11 and group == 12 and not self.role and (piece[width] & 15 > 4 or piece[width] >> 6 == 3):
                self.oracle.bad("reserved-control")
        return body[count * (width + size):]

    def sized(self, body: bytes, group: int, variation: int, count: int, width: int) -> bytes:
        """Objects with a size prefix."""
        for i in range(count):
            if self.limit(i + 1 < count, group, variation, -1, count - i):
                return b""
            size = int.from_bytes(body[:width], "little") if len(body) >= width else 0
            row = self.row(group, variation, -1, 1)
            piece, whole, body = body[width:width + size], len(body) >= width + size, body[width + size:]
            if piece or whole:
                row |= {"value_kind": 1, "value": piece}
            if not whole:
                self.truncated()
                return b""
            place, kind = {(70, 4): (12, 2), (70, 6): (8, 2), (120, 7): (8, 3)}.get((group, variation), (0, 0))
            if place and len(piece) > place and piece[place] and (self.role or group == 120):
                row["status"] = kind << 16 | piece[place]
        return body

    def attributes(self, body: bytes, variation: int, start: int, count: int, width: int) -> bytes:
        """Device attributes."""
        for i in range(count):
            point = int.from_bytes(body[:width], "little") if width and len(body) >= width else start + i if start >= 0 else -1
            if self.limit(i + 1 < count, 0, variation, point, count - i):
                return b""
            row = self.row(0, variation, point, 1)
            if len(body) < width + 2:
                self.truncated()
                return b""
            body = body[width:]
            size = 2 + body[1] + (256 if body[0] == 255 else 0)
            row |= {"value_kind": 1, "value": body[:size]}
            if len(body) < size:
                self.truncated()
                return b""
            body = body[size:]
        return body
