"""S7comm decoded the plain way: one message at a time, with struct and dicts. The compiled dissector must give the same rows.

Covered: COTP connect and data with fragments, the S7 header, Setup, Read and Write Var with every item syntax, block transfer, services,
stop, userdata with its pairing, SZL, clock, security, lists of blocks; in s7comm_userdata.py cyclic jobs, variable tables and alarms; in
s7comm_plus.py S7comm-plus. MMS has tests of its own.
"""

from __future__ import annotations

import struct

from otwatch.protocols.s7comm.services import SERVICES
from otwatch.protocols.s7comm.spec import FUNCTIONS, GROUP_ACTIONS, SUBFUNCTIONS
from tests.oracle.s7comm_items import Item, Row, place, specifications, with_values
from tests.oracle.s7comm_userdata import alarms, cyclic, programmer

_NOTHING = {"subfunction": -1, "area": -1, "object": -1, "start": -1, "count": -1, "status": 0, "item": 0, "request_frame": -1, "bytes": b""}


class Reference:
    """One connection."""

    def __init__(self) -> None:
        self.unit = -1
        self.waiting: dict[int, list[Row]] = {0: [], 1: []}  # by direction, oldest first
        self.counts: dict[tuple[int, str], int] = {}  # by direction of the request: answers with its reference, and deviations by kind
        self.connecting: tuple[int, int, int] | None = None  # reference, frame, direction
        self.parts: dict[int, bytes] = {0: b"", 1: b""}
        self.uploads: dict[int, tuple[int, int]] = {}
        self.lists: dict[int, tuple[int, int]] = {}
        self.watched: dict[tuple[int, int], list[Item]] = {}  # what jobs read, by group and number
        self.kept: list[tuple[int, int, bytes, bytes]] = []
        self.joined = self.whole = False  # confirmed, or data have come: a further connect is a claim until it is confirmed
        self.called = b""
        self.claim: tuple[int, int, int, bytes, int] | None = None
        self.known = False  # a connect or data have told the protocol

    def read(self, frame: int, direction: int, packet: bytes, *, cut: bool = False) -> list[Row]:
        """The rows of one TPKT packet."""
        if len(packet) < 7:
            return []
        length = struct.unpack(">H", packet[2:4])[0]
        if not cut:
            packet = packet[:length] if length < len(packet) else packet
        end = 5 + packet[4]
        if end > len(packet):
            return []
        kind = packet[5]
        if kind not in (0xF0, 0xF1):
            return self.opening(frame, direction, packet[4:end], packet)
        if end < 7:
            return []
        last = packet[8 if end >= 9 else 6] & 0x80
        payload = self.parts[direction] + packet[end:]
        if not last and not cut:
            self.parts[direction] = payload
            return []
        self.parts[direction] = b""
        before = self.opened() if payload[:1] == b"2" else []
        self.known = self.known or payload[:1] == b"2"
        self.joined = self.joined or payload[:1] == b"2"
        return before + self.message(frame, direction, payload, cut)

    def opening(self, frame: int, direction: int, header: bytes, packet: bytes) -> list[Row]:
        """Connects that do not say what they open wait for the data, four at most, and so do the confirms after them; what ends them does not."""
        kind = header[1] & 0xF0
        found = self.parameters(header)
        called, calling = found.get(0xC2, b""), found.get(0xC1, b"")
        clear = len(called) == len(calling) == 2 and called[0] and called[1] and calling[0]
        vague = self.whole and not clear and (any(called[:-1]) or not called)
        if kind == 0xD0:
            vague = bool(self.kept) or (vague and not self.known)
        if kind in (0xE0, 0xD0) and vague and len(self.kept) < 4:
            self.kept.append((frame, direction, header, packet))
            return []
        return [*self.opened(), *self.connect(frame, direction, header, packet)]

    def parameters(self, header: bytes) -> dict[int, bytes]:
        """Those of a connect or confirm; `whole` says whether they end with it."""
        found: dict[int, bytes] = {}
        at = 7
        while at + 2 <= len(header):
            found.setdefault(header[at], header[at + 2:at + 2 + header[at + 1]])
            at += 2 + header[at + 1]
        self.whole = at == len(header)
        return found

    def opened(self) -> list[Row]:
        """What was waiting."""
        kept, self.kept = self.kept, []
        return [row for one in kept for row in self.connect(*one)]

    def connect(self, frame: int, direction: int, header: bytes, packet: bytes) -> list[Row]:
        """CR, CC, DR and DC of S7."""
        kind = header[1] & 0xF0
        if kind not in (0xE0, 0xD0, 0x80, 0xC0) or header[0] < {0xE0: 6, 0xD0: 6, 0x80: 6, 0xC0: 5}[kind]:
            return []
        destination, source = struct.unpack(">HH", header[2:6])
        row = {**_NOTHING, "frame": frame, "function": -1, "subfunction": kind, "action": 21, "unit": self.unit, "role": int(kind in (0xD0, 0xC0))}
        if kind == 0x80:
            row["status"] = 0 if header[6] in (0, 128) else 0x10000 + header[6]
        called = self.parameters(header).get(0xC2, b"") if kind in (0xE0, 0xD0) else b""
        if kind == 0xD0 and self.claim and self.claim[0] == destination and self.claim[2] != direction and not (
                self.connecting and self.connecting[0] == destination and (called != self.claim[3] or called == self.called)):
            self.connecting, self.called, self.unit = self.claim[:3], self.claim[3], self.claim[4]
            row["unit"] = self.unit
        if kind != 0xE0:
            self.joined, self.claim = kind == 0xD0, None
        if self.connecting and self.connecting[0] == destination and self.connecting[2] != direction and kind in (0xD0, 0x80):
            row["role"], row["request_frame"] = 1, self.connecting[1]
            row["status"] = 0x10000 + header[6] if kind == 0x80 else 0
            self.connecting = None
        row["transaction"] = destination if row["role"] else source
        if kind in (0xE0, 0xD0):
            self.known = True
            found = self.parameters(header)
            if kind == 0xE0:
                row["unit"] = found[0xC2][1] if len(called) == 2 and called[0] else -1
                if not self.joined and not self.connecting:
                    self.unit, self.called, self.connecting = row["unit"], called, (source, frame, direction)
                else:
                    self.claim = (source, frame, direction, called, row["unit"])
            for name, code in (("object", 0xC2), ("start", 0xC1)):
                if 0 < len(found.get(code, b"")) <= 4:
                    row[name] = int.from_bytes(found[code], "big")
            if len(found.get(0xC0, b"")) == 1 and 7 <= found[0xC0][0] <= 13:
                row["count"] = 1 << found[0xC0][0]
            row["bytes"] = header[7:]
        return [row]

    def message(self, frame: int, direction: int, text: bytes, cut: bool) -> list[Row]:
        """A COTP message: S7 PDUs one after the other (more than one is wrong, and read all the same)."""
        rows: list[Row] = []
        while len(text) >= 10 and text[0] == 0x32:
            kind, reference, size, values = text[1], *struct.unpack(">HHH", text[4:10])
            head = 12 if kind in (2, 3) else 10
            if kind not in (1, 2, 3, 7) or len(text) < head:
                break
            status = struct.unpack(">H", text[10:12])[0] if head == 12 else 0
            base = {**_NOTHING, "frame": frame, "unit": self.unit, "transaction": reference, "status": status}
            parameters, content = text[head:head + size], text[head + size:head + size + values]
            if kind == 1:
                rows += self.job(base, direction, parameters, content)
            elif kind == 7:
                rows += self.userdata(base, direction, parameters, content)
            else:
                rows += self.answer(base, direction, parameters, content)
            text = text[head + size + values:]
        return rows

    def remember(self, base: Row, direction: int, family: str, request: Row, key: int) -> Row:
        request = {**request, "frame": base["frame"], "reference": base["transaction"], "family": family, "key": key}
        self.waiting[direction].append(request)
        return request

    def find(self, base: Row, direction: int, family: str, key: int) -> Row | None:
        """What an answer answers: by reference, a fitting function first; else in order, where that is a habit of the device or only one waits."""
        asked, queue = 1 - direction, self.waiting[1 - direction]
        named = [one for one in queue if one["reference"] == base["transaction"] and one["family"] == family]
        exact = [one for one in named if key in (-1, one["key"])]
        if exact:
            for kind, least in (("conform", 0), ("conform low", 255)):
                if base["transaction"] > least:
                    self.counts[asked, kind] = self.counts.get((asked, kind), 0) + 1
        found = next(iter(exact or named), None)
        if found is None:
            found = next((one for one in queue if one["family"] == family and key in (-1, one["key"])), None)
            if found is None:
                return None
            low = " low" if base["transaction"] == found["reference"] & 0xFF else ""
            bad, good = self.counts.get((asked, f"deviate{low}"), 0) + 1, self.counts.get((asked, f"conform{low}"), 0)
            if len(queue) != 1 and bad * 100 < 95 * (bad + good):
                return None
            self.counts[asked, f"deviate{low}"] = bad
        queue.remove(found)
        return found

    def job(self, base: Row, direction: int, parameters: bytes, values: bytes) -> list[Row]:
        if not parameters:
            return []
        function = parameters[0]
        action = int(FUNCTIONS[function].action) if function in FUNCTIONS else 0
        base |= {"role": 0, "function": function, "action": action}
        request: Row = {"function": function, "action": action, "subfunction": -1, "items": [], "specs": 0}
        request = self.remember(base, direction, "job", request, function)
        if function in (4, 5):
            if len(parameters) < 2:
                return [base]
            request["items"], request["specs"] = specifications(parameters[2:], parameters[1])
            if function == 5:
                return with_values(base, request["items"], values, request["specs"], 0) or [base]
            return [{**base, **place(item), "item": index} for index, item in enumerate(request["items"])] or [base]
        if function == 0xF0:
            return [{**base, **setup(parameters)}]
        if 0x1A <= function <= 0x1F:
            return [{**base, **self.transfer(parameters, request)}]
        if function == 0x28:
            return service(base, parameters, request)
        if function == 0x29 and len(parameters) > 6:
            return [{**base, "bytes": parameters[7:7 + parameters[6]]}]
        return [base]

    def transfer(self, parameters: bytes, request: Row) -> Row:
        function = parameters[0]
        named = function not in (0x1E, 0x1F)
        if len(parameters) < (9 if named else 8):
            return {}
        identity = struct.unpack(">I", parameters[4:8])[0]
        if not named:
            area, number = self.uploads.get(identity, (-1, -1))
            request["block"], request["upload"] = (area, number), identity
            if function == 0x1F:
                self.uploads.pop(identity, None)
            return {"area": area, "object": number, "status": struct.unpack(">H", parameters[2:4])[0] if function == 0x1F else 0}
        name = parameters[9:9 + parameters[8]]
        area, number = (-1, -1)
        if len(name) == 9 and name[:1] in (b"_", b"$"):
            area, number = block(name[1:])
        request["block"] = (area, number)
        found: Row = {"area": area, "object": number, "bytes": name}
        lengths = parameters[9 + len(name):][2:14]
        if function == 0x1A and len(lengths) == 12 and lengths.isdigit():
            found |= {"count": int(lengths[:6]), "start": int(lengths[6:])}
        if function == 0x1C:
            found["status"] = struct.unpack(">H", parameters[2:4])[0]
        return found

    def answer(self, base: Row, direction: int, parameters: bytes, values: bytes) -> list[Row]:
        request = self.find(base, direction, "job", parameters[0] if parameters else -1)
        base |= {"role": 1, "action": 0, "request_frame": request["frame"] if request else -1}
        if not parameters and request is None:
            return [{**base, "function": -2}]
        function = parameters[0] if parameters else request["function"]  # type: ignore[index]
        base |= {"function": function, "action": int(FUNCTIONS[function].action) if function in FUNCTIONS else 0}
        items = request["items"] if request and request["function"] == function else []
        if function in (4, 5):
            count = parameters[1] if len(parameters) > 1 else 0
            if base["status"] and not values:
                return [{**base, **place(item), "item": index} for index, item in enumerate(items)] or [base]
            if function == 4:
                return with_values(base, items, values, count, 1) or [base]
            rows = []
            for index in range(min(count, len(values))):
                item = next((one for one in items if one[0] == index), None)
                rows.append({**base, **(place(item) if item else {}), "item": index, "status": 0 if values[index] == 0xFF else values[index]})
            return rows or ([base] if count == 0 else [])
        if function == 0xF0:
            return [{**base, **setup(parameters)}]
        if 0x1A <= function <= 0x1F:
            same = request is not None and request["function"] == function and "block" in request
            row = {**base, "area": request["block"][0] if same else -1, "object": request["block"][1] if same else -1}  # type: ignore[index]
            if base["status"]:
                return [row]
            if function == 0x1D and len(parameters) >= 8:
                digits = parameters[9:9 + parameters[8]] if len(parameters) > 8 else b""
                row |= {"start": struct.unpack(">I", parameters[4:8])[0], "count": int(digits) if digits.isdigit() else -1}
                self.uploads[row["start"]] = (row["area"], row["object"])
            if function in (0x1B, 0x1E) and len(values) >= 4:
                content = values[4:4 + struct.unpack(">H", values[:2])[0]]
                row |= {"count": len(content), "bytes": content}
            return [row]
        if request is None or request["function"] != function:
            return [base]
        base |= {"action": request["action"], "subfunction": request["subfunction"]}
        blocks = request.get("blocks", [])
        return [{**base, "area": area, "object": number, "item": index} for index, (area, number) in enumerate(blocks)] or [base]

    def userdata(self, base: Row, direction: int, parameters: bytes, values: bytes) -> list[Row]:
        if len(parameters) < 7:
            return []
        kind, group, subfunction = parameters[5] >> 6, parameters[5] & 0x3F, parameters[6]
        role = {0: 2, 1: 0}.get(kind, 1)
        plain = False
        if parameters[0] == 1:
            role, group = 2, 0
        elif parameters[4] == 0x13 and len(parameters) >= 10:
            role, group, subfunction = 2, 6, 0
        else:
            plain = True
        action = SUBFUNCTIONS[group, subfunction].action if (group, subfunction) in SUBFUNCTIONS else GROUP_ACTIONS.get(group, 0)
        if plain and parameters[3] >= 8 and len(parameters) >= 12:
            base["status"] = struct.unpack(">H", parameters[10:12])[0]
        content = b""
        if len(values) >= 4:
            code, size, length = struct.unpack(">BBH", values[:4])
            length = (length + 7) // 8 if 3 <= size <= 5 else length
            content = values[4:4 + length]
            if not base["status"] and role and code not in (0, 0xFF) and (code != 0x0A or length):
                base["status"] = code
        base |= {"role": role, "function": group, "subfunction": subfunction, "action": int(action), "bytes": content}
        sequence = parameters[7] if len(parameters) > 7 else 0
        request: Row | None = None
        if role == 0:
            request = {"function": group, "subfunction": subfunction, "action": int(action), "items": []}
            request = self.remember(base, direction, "userdata", request, group << 8 | subfunction)
        elif role == 1:
            request = self.find(base, direction, "userdata", group << 8 | subfunction)
            base["request_frame"] = request["frame"] if request else -1
            if request and (request["function"], request["subfunction"]) != (group, subfunction):
                request["items"] = []
        if group == 1:
            return programmer(self.watched, base, content, request, sequence)
        if group == 2:
            return cyclic(self.watched, base, content, request, sequence)
        if group == 4 and subfunction != 1:
            return alarms(base, content, request)
        if (group, subfunction) == (4, 1):
            return [self.status_list(base, direction, content, request)]
        if (group, subfunction) == (6, 0):
            return [{**base, "object": struct.unpack(">I", parameters[6:10])[0], "count": len(content)}]
        if group == 3:
            return [lists(base, content, request)]
        return [base]

    def status_list(self, base: Row, direction: int, content: bytes, request: Row | None) -> Row:
        identity, index = (-1, -1)
        if len(content) >= 4:
            identity, index = struct.unpack(">HH", content[:4])
        elif base["role"] == 1 and request:
            identity, index = request.get("list", (-1, -1))
        elif base["role"] == 0:
            identity, index = self.lists.get(direction, (-1, -1))
        if base["role"] == 0 and request is not None:
            request["list"] = self.lists[direction] = (identity, index)
        row = {**base, "object": identity, "start": index, "action": 15 if identity >= 0 and identity & 0xFF in (0x11, 0x1C, 0x37) else 16}
        if base["role"] == 1 and not base["status"] and len(content) >= 8:
            row["count"] = struct.unpack(">H", content[6:8])[0]
        return row


def block(name: bytes) -> tuple[int, int]:
    """(type, number) of `0800001P`."""
    if len(name) < 7 or name[:1] != b"0" or not name[2:7].isdigit() or name[1:2].upper() not in b"89ABCDEF":
        return -1, -1
    return int(name[1:2], 16), int(name[2:7])


def lists(base: Row, content: bytes, request: Row | None) -> Row:
    """Block functions: what a request names holds for its answer."""
    area, number = (-1, -1)
    if base["role"] == 0:
        if base["subfunction"] == 2 and len(content) >= 2:
            area = block(content[:2] + b"00000")[0]
        elif base["subfunction"] == 3 and len(content) >= 8:
            area, number = block(content[:8])
        if request is not None:
            request["named"] = (area, number)
        return {**base, "area": area, "object": number}
    if request:
        area, number = request.get("named", (-1, -1))
    row = {**base, "area": area, "object": number}
    if not base["status"] and len(content) >= 4:
        if base["subfunction"] == 3 and len(content) >= 78:
            row |= {"area": content[11], "object": struct.unpack(">H", content[12:14])[0]}
        elif base["subfunction"] != 3:
            row["count"] = len(content) // 4
    return row


def setup(parameters: bytes) -> Row:
    """Jobs of the caller, of the called, PDU size."""
    if len(parameters) < 8:
        return {}
    caller, called, size = struct.unpack(">HHH", parameters[2:8])
    return {"start": caller, "object": called, "count": size, "bytes": parameters[2:8]}


def service(base: Row, parameters: bytes, request: Row) -> list[Row]:
    """PI service: argument, name; blocks to activate or delete are rows of their own."""
    if len(parameters) < 10:
        request["action"] = base["action"]
        return [base]
    size = struct.unpack(">H", parameters[8:10])[0]
    rest = parameters[10 + size:]
    name = rest[1:1 + rest[0]] if rest else b""
    argument = parameters[10:min(10 + size, 12)]
    number = next((index for index, one in enumerate(SERVICES) if index and one.wire.encode() == name.rstrip(b"\0 ")), 0)
    if number == 1 and argument[:1] in (b"C", b"c"):
        number = 2
    if not number:
        places = [(parameters.rfind(one.wire.encode()), index) for index, one in enumerate(SERVICES)
                  if index not in (0, 2) and one.wire.encode() in parameters]
        number = max(places)[1] if places else 0
    base |= {"subfunction": number, "action": int(SERVICES[number].action), "bytes": parameters[8:10 + size + (1 + len(name) if rest else 0)]}
    request |= {"subfunction": number, "action": base["action"]}
    known = parameters[10:min(10 + size, len(parameters))]
    if SERVICES[number].wire in ("_INSE", "_INS2", "_DELE") and len(known) >= 2:
        count = min(known[0], (len(known) - 2) // 8)
        request["blocks"] = [block(known[2 + 8 * index:10 + 8 * index]) for index in range(count)]
        if request["blocks"]:
            return [{**base, "area": area, "object": number, "item": index} for index, (area, number) in enumerate(request["blocks"])]
    return [base]
