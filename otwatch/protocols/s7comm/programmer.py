"""Userdata group 1: what a programming device does to a running program. Variable tables, forcing, breakpoints, stacks, jobs.

A request's data are two lengths, parameters (trigger, block) and data; lists of variables are six bytes each: area and width, repetition
or bit, DB, byte. Rare, so ordinary Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.actions import Action, Role
from otwatch.protocols.s7comm.spec import SUBFUNCTIONS, Anomaly, Value

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.state import Message
    from otwatch.protocols.s7comm.userdata import Userdata

_VARIABLE_STATUS, _MODIFY, _FORCE, _REPLACE = 0x02, 0x08, 0x09, 0x12
_LISTS = frozenset({_VARIABLE_STATUS, _MODIFY, _FORCE})
_BLOCKS = frozenset({0x01, 0x13, 0x0A, 0x06})
_WATCHING = frozenset({0x01, _VARIABLE_STATUS, 0x13})  # jobs that only look: enabling or ending them changes nothing in the controller
_JOBS = {0x0D: 0, 0x0E: 0, 0x0F: 2, 0x11: 0}  # how many bytes stand before job function and number
# Areas of the variable list by their high nibble, widths by the low one.
_AREAS = {0: 0x83, 1: 0x81, 2: 0x82, 3: 0x80, 5: 0x1D, 6: 0x1C, 7: 0x84}
_SIZES = {0: 1, 1: 2, 2: 4, 3: 6}


def _variable(text: bytes) -> tuple[int, int, int, int, int]:
    """(area, DB, start, count, transport size) of six bytes."""
    area = _AREAS.get(text[0] >> 4, -1)
    number = int.from_bytes(text[2:4], "big") if area == 0x84 else 0
    start = int.from_bytes(text[4:6], "big")
    if area in (0x1C, 0x1D):
        return area, number, start, text[1], 28 if area == 0x1C else 29
    size = _SIZES.get(text[0] & 15, 0)
    return (area, number, 8 * start + text[1], 1, 1) if size == 1 else (area, number, 8 * start, text[1], size)


def _values(text: bytes, at: int, count: int) -> list[tuple[int, int, int, int]]:
    """(return code, transport size, offset, length) of values that are each filled to an even length."""
    found = []
    for _ in range(count):
        if at + 4 > len(text):
            break
        code, size, length = text[at], text[at + 1], int.from_bytes(text[at + 2:at + 4], "big")
        if size in (4, 5):
            length >>= 3
        if code not in (0, 0xFF):
            length = 0
        length = min(length, len(text) - at - 4)
        found.append((code, size, at + 4, length))
        at += 4 + length + (length & 1)
    return found


def rows(userdata: Userdata, message: Message) -> None:
    """The rows of one PDU of the group."""
    text = message.text(userdata.at, userdata.end)
    request = message.request
    if message.role == Role.RESPONSE and request is not None and request.function == userdata.group and request.subfunction == userdata.subfunction:
        userdata.action = request.action
    if len(text) < 4:
        userdata.row(message, Value.BYTES, userdata.at, userdata.end)
        return
    parameters = int.from_bytes(text[:2], "big")
    at, end = 4 + parameters, 4 + parameters + int.from_bytes(text[2:4], "big")
    if end > len(text):
        message.odd(Anomaly.DATA_SHORT, userdata.at, end, len(text))
        end = len(text)
    job = userdata.subfunction
    if job == _REPLACE and message.role == Role.REQUEST and end - at >= 8:  # the job that takes the other's place
        job = text[at + 2]
        at += 8 + int.from_bytes(text[at + 4:at + 6], "big")
        userdata.action = SUBFUNCTIONS[userdata.group, job].action if (userdata.group, job) in SUBFUNCTIONS else userdata.action
    concerned = text[at + _JOBS[job]] if job in _JOBS and end - at >= _JOBS[job] + 2 else -1
    if message.role == Role.REQUEST and request is not None:
        if concerned in _WATCHING:
            userdata.action = Action.DIAGNOSE
        request.action = userdata.action
    if job in _LISTS and end - at >= 2 and message.role != Role.RESPONSE:
        if message.role == Role.REQUEST:
            _list_request(userdata, message, text, at, end, job)
        else:
            _list_push(userdata, message, text, at, end, job)
        return
    row = userdata.row(message, Value.BYTES, userdata.at, userdata.end)
    operations = message.operations
    if message.role == Role.REQUEST:
        if job in _BLOCKS and parameters >= 26:
            operations.area[row] = int.from_bytes(text[24:26], "big")
            operations.object[row] = int.from_bytes(text[26:28], "big")
            operations.start[row] = int.from_bytes(text[28:30], "big")
        elif concerned >= 0:
            operations.object[row] = concerned
            operations.start[row] = text[at + _JOBS[job] + 1]
            if message.conversation.subscriptions is not None and job == 0x0F:
                ended = message.conversation.subscriptions.pop((1, text[at + 3]), None)
                if ended is not None:
                    message.drop(ended.charge)
    elif message.role == Role.RESPONSE and request is not None and request.items and message.status == 0:
        userdata.subscribe(message, request)


def _list_request(userdata: Userdata, message: Message, text: bytes, at: int, end: int, job: int) -> None:
    """A list of variables, with values where they are to be changed."""
    operations, request = message.operations, message.request
    assert request is not None
    count = int.from_bytes(text[at:at + 2], "big")
    room = (end - at - 2) // 6
    if count > room:
        message.odd(Anomaly.DATA_SHORT, userdata.at + at, 2 + 6 * count, end - at)
    kept = min(count, room, message.items_limit)
    values = _values(text[:end], at + 2 + 6 * count, kept) if job != _VARIABLE_STATUS else []
    for index in range(kept):
        place = at + 2 + 6 * index
        area, number, start, length, size = _variable(text[place:place + 6])
        request.add(index, area, number, start, length, size)
        row = message.item_row(userdata.group, userdata.action, request, index)
        operations.subfunction[row] = userdata.subfunction
        if index < len(values):
            operations.value_at[row] = userdata.at + values[index][2]
            operations.value_length[row] = values[index][3]
    if kept == 0:
        userdata.row(message, Value.BYTES, userdata.at, userdata.end)


def _list_push(userdata: Userdata, message: Message, text: bytes, at: int, end: int, job: int) -> None:
    """What a job found: values of the variables that its request listed, or return codes of those it changed."""
    operations = message.operations
    known = message.conversation.subscriptions.get((1, userdata.sequence)) if message.conversation.subscriptions else None
    count = min(int.from_bytes(text[at:at + 2], "big"), message.items_limit)
    values = _values(text[:end], at + 2, count) if job == _VARIABLE_STATUS else [
        (code, 0, 0, 0) for code in text[at + 2:min(at + 2 + count, end)]
    ]
    for index, (code, size, place, length) in enumerate(values):
        if known is not None and index < known.items:
            row = message.item_row(userdata.group, userdata.action, known, index)
        else:
            row = message.row(userdata.group, userdata.action)
            operations.value_kind[row] = Value.DATA + size if length else 0
            operations.item[row] = index
        operations.subfunction[row] = userdata.subfunction
        operations.status[row] = 0 if code in (0, 0xFF) else code
        operations.value_at[row] = userdata.at + place if length else 0
        operations.value_length[row] = length
    if not values:
        userdata.row(message, Value.BYTES, userdata.at, userdata.end)
