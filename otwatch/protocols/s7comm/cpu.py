"""Userdata group 4: system status lists, message service, diagnostic messages and alarms; and facts that userdata tell. Ordinary Python."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from otwatch.actions import Action, Role
from otwatch.protocols.s7comm import szl
from otwatch.protocols.s7comm.blocks import LANGUAGES, block_name, block_time, child_name, plain
from otwatch.protocols.s7comm.spec import Anomaly, Value
from otwatch.protocols.spec import Fact

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.state import Message
    from otwatch.protocols.s7comm.userdata import Userdata

_SZL, _MESSAGE_SERVICE, _DIAGNOSTIC, _SCAN, _AR_SEND, _QUERY = 1, 2, 3, 9, 0x10, 0x13
_TIMED = frozenset({0x05, 0x06, 0x0C, 0x11, 0x12, 0x16})  # alarms whose message starts with eight bytes of time
_ALARMS = _TIMED | {0x07, 0x08, 0x0B, 0x0D, 0x0E, _SCAN, _QUERY}
_SEEN_LIMIT = 256  # lists of one connection whose last content is remembered


def fact(message: Message, kind: str, value: str, source: str) -> None:
    """A fact about the controller, told once per connection until it changes. The controller sends answers and pushes."""
    conversation = message.conversation
    if conversation.seen is None or len(conversation.seen) >= _SEEN_LIMIT:
        conversation.seen = {}
    key = (source, kind, value.split(" ", 1)[0] if kind == "program_block" else "")
    if conversation.seen.get(key) == value:
        return
    conversation.seen[key] = value
    pdus, pdu = message.pdus, message.pdu
    message.facts.append(Fact(
        timestamp_ns=int(pdus.timestamp_ns[pdu]), frame=int(pdus.frame[pdu]), flow=int(pdus.flow[pdu]), address=int(pdus.source[pdu]),
        child=child_name(conversation.unit), kind=kind, value=value[:256], source=source,
    ))


def state_fact(message: Message, state: str, source: str) -> None:
    """The operating state that the controller reports."""
    if state:
        fact(message, "state", state, source)


def block_fact(message: Message, text: bytes) -> None:
    """What 78 bytes of block info say: the same words as of a block that was moved, without its bytes."""
    parts = [block_name(text[11], int.from_bytes(text[12:14], "big")), f"language={LANGUAGES.get(text[10], text[10])}",
             f"code={int.from_bytes(text[40:42], 'big')}", f"changed={block_time(text[22:28])}"]
    parts += [f"{label}={plain(text[at:at + 8])}" for label, at in (("author", 42), ("family", 50), ("name", 58)) if plain(text[at:at + 8])]
    parts += [f"version={text[66] >> 4}.{text[66] & 15}", f"checksum={int.from_bytes(text[68:70], 'big'):#06x}"]
    if int.from_bytes(text[18:22], "big") == 3:
        parts.append("know-how-protected")
    fact(message, "program_block", " ".join(parts), "s7comm.block_info")


def rows(userdata: Userdata, message: Message) -> None:
    """The rows of one PDU of the group."""
    subfunction = userdata.subfunction
    if subfunction == _SZL:
        _list(userdata, message)
    elif subfunction in _ALARMS:
        _alarms(userdata, message)
    else:
        size = userdata.end - userdata.at
        kind = {_MESSAGE_SERVICE: Value.MESSAGE_SERVICE, _DIAGNOSTIC: Value.DIAGNOSTIC}.get(subfunction, Value.BYTES)
        row = userdata.row(message, kind, userdata.at, userdata.end)
        if subfunction == _MESSAGE_SERVICE and message.role == Role.REQUEST and size:
            message.operations.object[row] = message.data[userdata.at]
        elif subfunction == _DIAGNOSTIC and size >= 2:
            message.operations.object[row] = message.u16(userdata.at)
        elif subfunction == _AR_SEND and size >= 8:
            message.operations.object[row] = message.u32(userdata.at + 4)


def _list(userdata: Userdata, message: Message) -> None:
    """A partial list asked for or told; an answer without data, and the request for the next part of one, take id and index from before."""
    operations, request = message.operations, message.request
    text = message.text(userdata.at, userdata.end)
    identity, index = -1, -1
    if len(text) >= 4:
        identity, index = int.from_bytes(text[:2], "big"), int.from_bytes(text[2:4], "big")
    elif message.role == Role.RESPONSE and request is not None and request.items:
        identity, index = int(request.cells[2]), int(request.cells[3])
    elif message.role == Role.REQUEST and message.conversation.seen is not None:
        identity, index = message.conversation.seen.get(("szl", message.direction), (-1, -1))
    if message.role == Role.REQUEST and request is not None:
        request.add(0, -1, identity, index, -1, 0)
        if message.conversation.seen is None:
            message.conversation.seen = {}
        message.conversation.seen["szl", message.direction] = (identity, index)
    userdata.action = Action.IDENTIFY if identity >= 0 and identity & 0xFF in szl.IDENTIFYING else Action.DIAGNOSE
    row = userdata.row(message, Value.SZL, userdata.at, userdata.end)
    operations.object[row] = identity
    operations.start[row] = index
    if message.role != Role.RESPONSE or message.status != 0 or len(text) < szl.HEADER_BYTES:
        return
    length, count = int.from_bytes(text[4:6], "big"), int.from_bytes(text[6:8], "big")
    operations.count[row] = count
    if identity & 0x0F00 != 0x0F00 and szl.HEADER_BYTES + length * count != len(text):  # xFxx asks for the header alone
        message.odd(Anomaly.SZL, userdata.at + 4, length * count, len(text) - szl.HEADER_BYTES)
    digest = hashlib.blake2b(text, digest_size=8).digest()
    if message.conversation.seen is None:
        message.conversation.seen = {}
    if message.conversation.seen.get(("digest", identity, index)) == digest:
        return
    for kind, value in szl.facts(text):
        fact(message, kind, value, f"s7comm.szl_{identity:04x}")
    message.conversation.seen["digest", identity, index] = digest


def alarm_objects(text: bytes, subfunction: int, role: int) -> Iterator[tuple[int, int, int]]:
    """(event id, first byte, end) of each message object; the event id is -1 in answers, which only hold return codes.

    Requests and pushes: function, number of objects, then 0x12, length, syntax, number of values, event id, signals...
    """
    at = 10 if subfunction == _SCAN else 8 if subfunction in _TIMED else 0
    if subfunction == _SCAN:
        at += 2
    if at + 2 > len(text):
        return
    count = text[at + 1]
    at += 2
    for _ in range(count):
        if role == Role.RESPONSE:
            if at >= len(text):
                return
            yield -1, at, at + 1
            at += 1
            continue
        place = at + (6 if text[at + 2:at + 3] == b"\x1a" else 4)  # a query has its kind before the event or alarm type
        if place + 4 > len(text) or text[at] != 0x12:
            return
        length, values = text[at + 1], text[at + 3]
        stop = at + 2 + length
        yield int.from_bytes(text[place:place + 4], "big"), at, min(stop, len(text))
        if text[at + 2] in (0x16, 0x1C):  # indications: their values follow the fixed part
            stop = at + (12 if text[at + 2] == 0x16 else 16)
            for _value in range(values):
                if stop + 4 > len(text):
                    return
                size = int.from_bytes(text[stop + 2:stop + 4], "big")
                size = (size + 7) >> 3 if text[stop + 1] in (3, 4, 5) else size
                stop += 4 + size + (size & 1 if _value + 1 < values else 0)
        at = stop


def alarm_sets(text: bytes) -> Iterator[tuple[int, int, int]]:
    """(event id, first byte, end) of the alarms that the answer to a query lists.

    Function, number of objects, return code, transport size, length (65535: until a zero), then for each its length from the fourth byte on, two
    bytes, alarm type, event id, a byte, signals, acknowledgements of going and coming, and of ALARM_S times and values.
    """
    if text[2:3] != b"\xff":
        return
    at = 6
    while at + 12 <= len(text) and text[at]:
        stop = at + 3 + text[at]
        yield int.from_bytes(text[at + 4:at + 8], "big"), at, min(stop, len(text))
        at = stop


def _alarms(userdata: Userdata, message: Message) -> None:
    """One row per message object: its event id; the value is the whole message, decoded when asked for."""
    operations = message.operations
    text = message.text(userdata.at, userdata.end)
    made = 0
    if userdata.subfunction == _QUERY and message.role == Role.RESPONSE:
        for event, _first, _end in alarm_sets(text):
            row = userdata.row(message, Value.ALARM, userdata.at, userdata.end)
            operations.object[row] = event
            operations.item[row] = made
            made += 1
            if made >= message.items_limit:
                break
    else:
        for event, first, _end in alarm_objects(text, userdata.subfunction, message.role):
            row = userdata.row(message, Value.ALARM, userdata.at, userdata.end)
            operations.object[row] = event
            operations.item[row] = made
            if message.role == Role.RESPONSE:
                request = message.request
                if request is not None and made < request.items:
                    operations.object[row] = request.cells[6 * made + 2]
                operations.status[row] = 0 if text[first] in (0, 0xFF) else text[first]
            elif message.role == Role.REQUEST and message.request is not None:
                message.request.add(made, -1, event, -1, -1, 0)
            made += 1
            if made >= message.items_limit:
                break
    if made == 0:
        userdata.row(message, Value.ALARM, userdata.at, userdata.end)
