"""Userdata that list variables or alarms, decoded the plain way: cyclic jobs, variable tables and what pushes carry, message objects."""

from __future__ import annotations

import struct

from otwatch.protocols.s7comm.spec import SUBFUNCTIONS
from tests.oracle.s7comm_items import Item, Row, place, specifications, with_values

Watched = dict[tuple[int, int], list[Item]]
DIAGNOSE, REPORT = 16, 22


def word(text: bytes, at: int = 0) -> int:
    return int(struct.unpack(">H", text[at:at + 2])[0])


def cyclic(watched: Watched, base: Row, content: bytes, request: Row | None, sequence: int) -> list[Row]:
    """Jobs list items, their answer and pushes carry data, of the items that the job with that number listed."""
    asked = base["role"] == 0
    if base["subfunction"] == 4:
        if asked and len(content) >= 2:
            watched.pop((2, content[1]), None)
        return [{**base, "object": content[1] if asked and len(content) >= 2 else sequence}]
    if base["subfunction"] == 8:
        return [record(base, content, request)]
    if base["subfunction"] not in (1, 5, 7) or len(content) < (4 if asked else 2):
        return [base]
    base = {**base, "bytes": b""}
    if asked:
        items, _read = specifications(content[4:], content[1])
        if request is not None:
            request["items"] = items
        return [{**base, **place(item), "item": index} for index, item in enumerate(items)] or [base]
    items = request["items"] if request else []
    if base["role"] == 1 and request and not base["status"]:
        watched[2, sequence] = items
    if base["role"] == 2:
        base["action"] = REPORT
        items = watched.get((2, sequence), [])
    return with_values(base, items, content[2:], content[1], 1) or [base]


def record(base: Row, content: bytes, request: Row | None) -> Row:
    """A data record: an item in the request; return code, size, length of a status, status, length, bytes in the answer."""
    base = {**base, "bytes": b""}
    if base["role"] == 0 and len(content) >= 2 and request is not None:
        request["items"] = specifications(content[2:], 1 if content[1] else 0)[0]
    if request and request["items"]:
        base |= place(request["items"][0])
    if base["role"] == 0 or len(content) < 6:
        return base
    if content[2] != 0xFF:
        return {**base, "status": content[2]}
    rest = content[5 + (content[4] or 1):]
    if len(rest) < 2 or len(rest) < 2 + word(rest):
        return base
    return {**base, "count": word(rest), "bytes": rest[2:2 + word(rest)]}


def variable(text: bytes) -> Row:
    """Six bytes of a variable table: area and width, repetition or bit, DB, byte."""
    kind, count, number, start = struct.unpack(">BBHH", text)
    area = {0: 0x83, 1: 0x81, 2: 0x82, 3: 0x80, 5: 0x1D, 6: 0x1C, 7: 0x84}.get(kind >> 4, -1)
    row = {"area": area, "object": number if area == 0x84 else 0, "start": start, "count": count}
    if area not in (0x1C, 0x1D):
        row |= {"start": 8 * start + count, "count": 1} if kind & 15 == 0 else {"start": 8 * start}
    return row


def table_values(text: bytes, count: int) -> list[tuple[int, bytes]]:
    """Return code and bytes of each value, all filled to an even length."""
    found = []
    for _ in range(count):
        if len(text) < 4:
            break
        code, size, length = struct.unpack(">BBH", text[:4])
        length = 0 if code not in (0, 0xFF) else length // 8 if size in (4, 5) else length
        found.append((code, text[4:4 + length]))
        length = min(length, len(text) - 4)
        text = text[4 + length + length % 2:]
    return found


def programmer(watched: Watched, base: Row, content: bytes, request: Row | None, sequence: int) -> list[Row]:
    """Two lengths, parameters, data; by the job: variables, blocks, other jobs."""
    asked, code = base["role"] == 0, base["subfunction"]
    if base["role"] == 1 and request and (request["function"], request["subfunction"]) == (1, code):
        base["action"] = request["action"]
    if len(content) < 4:
        return [base]
    size, length = struct.unpack(">HH", content[:4])
    body = content[4 + size:4 + size + length]
    job = code
    if code == 0x12 and asked and len(body) >= 8:
        job = body[2]
        body = body[8 + word(body, 4):]
        base["action"] = int(SUBFUNCTIONS[1, job].action) if (1, job) in SUBFUNCTIONS else base["action"]
    before = {0x0D: 0, 0x0E: 0, 0x0F: 2, 0x11: 0}.get(job)
    named = before is not None and len(body) >= before + 2
    if asked and request is not None:
        if named and body[before] in (1, 2, 0x13):
            base["action"] = DIAGNOSE
        request["action"] = base["action"]
    if job in (2, 8, 9) and len(body) >= 2 and base["role"] != 1:
        return (table(base, body, request, job) if asked else pushed(watched, base, body, sequence, job)) or [base]
    if asked and job in (0x01, 0x13, 0x0A, 0x06) and size >= 26:
        place_of = content[24:30]
        if len(place_of) < 6:
            place_of = b"".join(place_of[at:at + 2].rjust(2, b"\0") for at in (0, 2, 4))
        return [{**base, **dict(zip(("area", "object", "start"), struct.unpack(">HHH", place_of), strict=True))}]
    if asked and named:
        if job == 0x0F:
            watched.pop((1, body[3]), None)
        return [{**base, "object": body[before], "start": body[before + 1]}]
    if base["role"] == 1 and request and request["items"] and not base["status"]:
        watched[1, sequence] = request["items"]
    return [base]


def table(base: Row, body: bytes, request: Row | None, job: int) -> list[Row]:
    """The variables that a job lists, with what is to be written to them."""
    count = word(body)
    kept = min(count, (len(body) - 2) // 6)
    values = table_values(body[2 + 6 * count:], kept) if job != 2 else []
    rows = []
    for index in range(kept):
        one = variable(body[2 + 6 * index:8 + 6 * index])
        if request is not None:
            request["items"].append((index, one["area"], one["object"], one["start"], one["count"], 0))
        rows.append({**base, **one, "item": index, "bytes": values[index][1] if index < len(values) else b""})
    return rows


def pushed(watched: Watched, base: Row, body: bytes, sequence: int, job: int) -> list[Row]:
    """What a job found, or whether it could write."""
    items = watched.get((1, sequence), [])
    values = table_values(body[2:], word(body)) if job == 2 else [(code, b"") for code in body[2:2 + word(body)]]
    return [{**base, **(place(items[index]) if index < len(items) else {}), "item": index, "status": 0 if code in (0, 0xFF) else code, "bytes": text}
            for index, (code, text) in enumerate(values)]


def alarms(base: Row, content: bytes, request: Row | None) -> list[Row]:
    """Message service, diagnostic messages, AR_SEND and alarms."""
    code, role = base["subfunction"], base["role"]
    if code == 2 and role == 0 and content:
        return [{**base, "object": content[0]}]
    if code == 3 and len(content) >= 2:
        return [{**base, "object": word(content)}]
    if code == 0x10 and len(content) >= 8:
        return [{**base, "object": struct.unpack(">I", content[4:8])[0]}]
    if code == 0x13 and role == 1:
        return [{**base, "object": event, "item": index} for index, event in enumerate(standing(content))] or [base]
    if code not in (0x05, 0x06, 0x0C, 0x11, 0x12, 0x16, 0x07, 0x08, 0x0B, 0x0D, 0x0E, 0x09, 0x13):
        return [base]
    text = content[12:] if code == 0x09 else content[8:] if code in (0x05, 0x06, 0x0C, 0x11, 0x12, 0x16) else content
    if len(text) < 2:
        return [base]
    if role == 1:
        known = request["items"] if request else []
        return [{**base, "item": index, "status": 0 if one in (0, 0xFF) else one, "object": known[index] if index < len(known) else -1}
                for index, one in enumerate(text[2:2 + text[1]])] or [base]
    events = objects(text[2:], text[1])
    if role == 0 and request is not None:
        request["items"] = events
    return [{**base, "object": event, "item": index} for index, event in enumerate(events)] or [base]


def objects(text: bytes, count: int) -> list[int]:
    """Event ids of message objects; indications are followed by their values."""
    events = []
    for _ in range(count):
        syntax = text[2] if len(text) > 2 else 0
        place_of = 6 if syntax == 0x1A else 4
        if len(text) < place_of + 4 or text[0] != 0x12:
            break
        events.append(struct.unpack(">I", text[place_of:place_of + 4])[0])
        stop = 2 + text[1]
        if syntax in (0x16, 0x1C):
            stop = 12 if syntax == 0x16 else 16
            for index in range(text[3]):
                if len(text) < stop + 4:
                    return events
                size, length = text[stop + 1], word(text, stop + 2)
                length = (length + 7) // 8 if size in (3, 4, 5) else length
                stop += 4 + length + (length % 2 if index + 1 < text[3] else 0)
        text = text[stop:]
    return events


def standing(content: bytes) -> list[int]:
    """Event ids of the alarms that the answer to a query lists."""
    events: list[int] = []
    text = content[6:] if content[2:3] == b"\xff" else b""
    while len(text) >= 12 and text[0]:
        events.append(struct.unpack(">I", text[4:8])[0])
        text = text[3 + text[0]:]
    return events
