"""S7comm-plus decoded the plain way: one TPKT packet at a time, with struct and dicts. The compiled dissector must give the same rows.

COTP messages are whole here; facts are not told.
"""

from __future__ import annotations

import struct

from otwatch.limits import Limits
from otwatch.protocols.s7comm import plus_ids as ids
from tests.oracle.s7comm_items import Row

OTHER, DOWNLOAD, UPLOAD, DELETE, CONFIGURE, SUBSCRIBE, AUTHENTICATE, CONNECT, REPORT, ENCRYPTED = 0, 7, 8, 9, 12, 18, 20, 21, 22, 23
KEPT = 4096  # of the first PDU of a message that is spread over several
_NOTHING: Row = {"subfunction": -1, "area": -1, "object": -1, "start": -1, "count": -1, "status": 0, "item": 0, "request_frame": -1, "unit": -1,
                 "transaction": -1}


class Numbers:
    """Numbers of seven bits a byte, most significant first; -1 beyond the end."""

    def __init__(self, text: bytes, at: int) -> None:
        self.text = text
        self.at = at

    def next(self) -> int:
        value = 0
        for _ in range(5):
            if self.at >= len(self.text):
                return -1
            byte = self.text[self.at]
            self.at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                break
        return value


class PlusReference:
    """One connection."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[int, int], list[Row]] = {}  # oldest first
        self.parts: dict[int, tuple[bytes, int, int] | None] = {0: None, 1: None}

    def read(self, frame: int, direction: int, packet: bytes) -> list[Row]:
        """The rows of one TPKT packet with a whole COTP message."""
        payload = packet[7:]
        base = {**_NOTHING, "frame": frame}
        if len(payload) > 2 and 20 <= payload[0] <= 23 and payload[1] == 3:
            hello = payload[5] if payload[0] == 0x16 and len(payload) >= 6 else -1
            action = {0x16: CONNECT, 0x17: ENCRYPTED}.get(payload[0], OTHER)
            return [{**base, "role": direction, "function": payload[0], "action": action, "subfunction": hello,
                     "count": len(payload), "bytes": payload[:5]}]
        rows: list[Row] = []
        while len(payload) >= 4 and payload[0] == 0x72:
            version, length = payload[1], struct.unpack(">H", payload[2:4])[0]
            content, rest = payload[4:4 + length], payload[4 + length:]
            ended = len(rest) >= 4 and rest[0] == 0x72 and rest[2:4] == b"\0\0"
            if version == 3 and len(content) >= 33 and content[0] == 0x20:
                content = content[33:]
            payload = rest[4:] if ended and version != 0xFE else rest
            whole = self.joined(direction, content, version, ended)
            if whole is not None:
                rows += self.message({**base, "subfunction": whole[2], "bytes": whole[0]}, direction, *whole)
        return rows

    def joined(self, direction: int, content: bytes, version: int, ended: bool) -> tuple[bytes, int, int] | None:
        """The message that a PDU ends: its bytes (of a long one the first), its length, its version."""
        before = self.parts[direction]
        if version == 0xFE:
            return content, len(content), version
        if before is None:
            if ended:
                return content, len(content), version
            self.parts[direction] = (content[:KEPT], len(content), version)
            return None
        joined = (before[0], before[1] + len(content), before[2])
        self.parts[direction] = None if ended else joined
        return joined if ended else None

    def message(self, base: Row, direction: int, text: bytes, size: int, version: int) -> list[Row]:
        if version == 0xFE:
            return [{**base, "role": 2, "function": 0xFE, "action": REPORT}]
        if text[:1] == b"\x33":
            about = {"area": 1, "object": struct.unpack(">I", text[1:5])[0]} if len(text) >= 5 else {}
            return [{**base, "role": 2, "function": 0x33, "action": REPORT, "count": size, **about}]
        if text[:1] not in (b"\x31", b"\x32", b"\x02") or len(text) < (14 if text[0] == 0x31 else 10):
            return []
        function, sequence = struct.unpack(">H2xH", text[3:9])
        base |= {"function": function, "transaction": sequence, "action": int(ids.ACTIONS.get(function, 0))}
        return self.request(base, direction, text) if text[0] == 0x31 else self.response(base, direction, text)

    def response(self, base: Row, direction: int, text: bytes) -> list[Row]:
        queue = self.waiting.get((base["transaction"], 1 - direction), [])
        request = next((one for one in queue if one["function"] == base["function"]), queue[0] if queue else None)
        if request is not None:
            queue.remove(request)
        code = 0
        for byte in text[10:19]:
            code = code << 7 | byte & 0x7F
            if byte < 0x80:
                break
        base |= {"role": 1, "status": 0 if base["function"] == 0x05B3 else code & 0xFFFF}
        if request is None:
            return [base]
        base["request_frame"] = request["frame"]
        if request["function"] != base["function"]:
            return [base]
        base["action"] = request["action"]
        return [{**base, **place, "item": index} for index, place in enumerate(request["items"])] or [base]

    def request(self, base: Row, direction: int, text: bytes) -> list[Row]:
        base["role"] = 0
        function, session = base["function"], struct.unpack(">I", text[9:13])[0]
        identity = struct.unpack(">I", text[14:18])[0] if len(text) >= 18 else -1
        if function in (0x0542, 0x054C) and identity == 0:
            items = variables(text)
        else:
            attribute, value = named(function, text)
            base["action"] = int(meaning(base["action"], function, identity, attribute, value, identity == session))
            items = [] if identity < 0 else [{**owner(identity), "start": attribute, "count": -1}]
        if not text[13] & 0x40:  # an answer is wanted
            request = {"frame": base["frame"], "function": function, "action": base["action"], "items": items}
            self.waiting.setdefault((base["transaction"], direction), []).append(request)
        return [{**base, **place, "item": index} for index, place in enumerate(items)] or [base]


def owner(identity: int) -> Row:
    """An object, or the block that its id names."""
    return {"area": identity >> 16, "object": identity & 0xFFFF} if identity >= 0x8A000000 else {"area": 1, "object": identity}


def named(function: int, text: bytes) -> tuple[int, int]:
    """(attribute or class, value) that a request names after its object; -1 where it has none."""
    numbers = Numbers(text, 18)
    if function == 0x04F2 and len(text) > 18:
        numbers.at = 19
        attribute = numbers.next()
        return attribute, text[numbers.at + 2] if numbers.at + 3 <= len(text) else -1
    if function in (0x0542, 0x054C):
        return [numbers.next() for _ in range(3)][2], -1
    if function in (0x0586, 0x057C) and len(text) >= 21 and text[18] == 0x20:
        numbers.at = 21
        return numbers.next(), -1
    if function == 0x04CA:
        for at in range(18, min(len(text) - 6, 38)):
            if text[at] == 0xA1:
                numbers.at = at + 5
                return numbers.next(), -1
    return -1, -1


def variables(text: bytes) -> list[Row]:
    """Variables by address: CRC, area, number of ids, ids; in a classic block 3, offset, size, elsewhere the local id of a symbol."""
    numbers = Numbers(text, 18)
    count = numbers.next()
    numbers.next()
    found = []
    for _ in range(min(count, Limits().items_per_pdu)):
        numbers.next()
        area, many = numbers.next(), numbers.next()
        if many < 0:
            break
        path = ([numbers.next() for _ in range(min(many, 64))] + [-1] * 4)[1:4] if many else [-1] * 3
        place = owner(area)
        if 80 <= area <= 84:
            place = {"area": area, "object": -1}
        if place["area"] == 1:
            found.append({**place, "start": path[0], "count": -1})
        elif path[0] == 3 and path[2] >= 0:
            found.append({**place, "start": 8 * path[1], "count": path[2]})
        else:
            found.append({**place, "area": 0x10000 + place["area"], "start": path[0], "count": 1})
    return found


def meaning(action: int, function: int, identity: int, attribute: int, value: int, own: bool) -> int:
    """The action of a request by what it names; the first row that fits."""
    block = identity >= 0x8A000000 and identity >> 16 & 0x7FFF in ids.PROGRAM_CLASSES
    setting = function in (0x04F2, 0x0542)
    creating, deleting = function == 0x04CA, function == 0x04D4
    session, password = attribute in ids.SESSION_ATTRIBUTES, attribute in ids.PASSWORD_ATTRIBUTES
    table = (
        (function == 0x04F2 and identity == 52 and attribute == 2167, int(ids.STATES.get(value, CONFIGURE))),
        (setting and password, AUTHENTICATE), (setting and attribute in ids.SUBSCRIPTION_ATTRIBUTES, SUBSCRIBE),
        (setting and (own or session), CONNECT),
        (setting and (block or attribute in ids.CODE_ATTRIBUTES), DOWNLOAD), (setting, CONFIGURE),
        (creating and attribute == ids.SESSION_CLASS, CONNECT), (creating and attribute in ids.SUBSCRIPTION_CLASSES, SUBSCRIBE),
        (creating and (attribute in ids.PROGRAM_CLASSES or identity == ids.PROGRAM), DOWNLOAD), (creating, OTHER),
        (deleting and (own or identity == 0), CONNECT), (deleting and block, DELETE), (deleting, OTHER),
        (function == 0x057C and not session and not password, DOWNLOAD),
        (function in (0x0586, 0x054C) and attribute in ids.CODE_ATTRIBUTES, UPLOAD),
    )
    return next((told for fits, told in table if fits), action)
