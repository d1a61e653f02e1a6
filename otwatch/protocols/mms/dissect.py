# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""OSI session on COTP, hence MMS (IEC 61850, ICCP): rows of the protocol `mms`, one per session PDU and per MMS PDU, not dissected further.

ISO 8327 session: one byte type, one byte (or 255 and two) length. Data come as 01 00 01 00, then presentation (ISO 8823) 0x61 or 0x31, then
MMS (ISO 9506): its outermost tag is the kind of PDU, the first context tag in a confirmed PDU the service. Requests and responses pair by invoke id.
"""

from __future__ import annotations

import cython

from otwatch.actions import Action
from otwatch.limits import Limits
from otwatch.protocols.kit.cotp import MESSAGE
from otwatch.protocols.kit.pairing import EXACT, Pairing
from otwatch.protocols.mms.ids import PDUS, SERVICES, SESSION
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

_MESSAGE = cython.declare(cython.int, MESSAGE)
_ENDED = cython.declare(cython.int, PduFlag.ENDED)
_EXACT = cython.declare(cython.int, EXACT)
_CONFIRMED_REQUEST, _CONFIRMED_RESPONSE, _CONFIRMED_ERROR = 0xA0, 0xA1, 0xA2
_IDENTIFY = cython.declare(cython.int, 2)
_IDENTITY = {0x80: "vendor", 0x81: "model", 0x82: "firmware"}  # vendorName, modelName, revision
_HEAD = 512  # bytes of a message that are looked at


def _element(text: bytes, at: int) -> tuple[int, int, int]:
    """(tag, first byte, end) of a BER element with a one-byte tag (or a two-byte one, of which the second byte counts); tag -1 if none."""
    if at + 2 > len(text):
        return -1, at, at
    tag = text[at]
    at += 1
    if tag & 0x1F == 0x1F:
        tag = 0x100 | text[at]
        at += 1
    if at >= len(text):
        return -1, at, at
    length = text[at]
    at += 1
    if length >= 0x80:
        size = length & 0x7F
        if size > 4 or at + size > len(text):
            return -1, at, at
        length = int.from_bytes(text[at:at + size], "big")
        at += size
    return tag, at, min(at + length, len(text))


def mms_pdu(text: bytes) -> tuple[int, int, int]:
    """(tag of the MMS PDU, service, invoke id) of presentation data; -1 each where they are not there."""
    return _service(_inside(text))


def identification(text: bytes) -> list[tuple[str, str]]:
    """What the response to Identify (ISO 9506-2, 8.3) in an MMS PDU says: vendor, model, revision."""
    _pdu, at, stop = _element(text, 0)
    _tag, _first, after = _element(text[:stop], at)
    tag, at, stop = _element(text[:stop], after)
    found: list[tuple[str, str]] = []
    if tag != 0xA2:
        return found
    while len(found) < 3:
        tag, at, end = _element(text[:stop], at)
        kind = _IDENTITY.get(tag)
        if kind is None:
            break
        if value := text[at:end].decode("utf-8", "replace").strip("\x00 "):
            found.append((kind, value))
        at = end
    return found


def _inside(text: bytes) -> bytes:
    """The MMS PDU inside presentation data; empty where there is none."""
    tag, at, end = _element(text, 0)
    if tag != 0x61:
        return b""
    tag, at, end = _element(text[:end], at)
    if tag != 0x30:
        return b""
    tag, at, stop = _element(text[:end], at)
    while tag == 0x06:  # a transfer syntax before the context's number
        tag, at, stop = _element(text[:end], stop)
    if tag != 0x02:
        return b""
    tag, at, stop = _element(text[:end], stop)
    return text[at:stop] if tag == 0xA0 else b""


def _service(text: bytes) -> tuple[int, int, int]:
    """(tag, service, invoke id) of an MMS PDU."""
    pdu, at, stop = _element(text, 0)
    service = invoke = -1
    if pdu in (0xA0, 0xA1, 0xA2):
        tag, first, after = _element(text[:stop], at)
        if tag in (0x02, 0x80):
            invoke = int.from_bytes(text[first:after][:4], "big")
            tag, _first, _after = _element(text[:stop], after)
            service = tag & 0x1F if 0 <= tag < 0x100 else tag & 0xFF
    return pdu, service, invoke


def recognise(head: bytes, length: int, cut: bool) -> bool:
    """Is it OSI session? A known type whose length fits, or the two-PDU head of data."""
    if length >= 2 and head[0] in PDUS:  # MMS without session: an element that is the whole message
        return _element(head, 0)[2] == min(length, _HEAD)
    if length < 2 or head[0] not in SESSION:
        return False
    if head[0] == 0x01:
        return head[:4] == b"\x01\x00\x01\x00"
    return head[1] == 0xFF or 2 + head[1] <= length or cut


class MmsDissector:
    """Names what messages of OSI session carry. Never raises on any bytes; what waits for its response is kept per flow until `forget`."""

    def __init__(self, protocol: cython.int, limits: Limits) -> None:
        self.protocol = protocol
        self.pairing = Pairing(limits.outstanding_requests)

    def feed(self, pdus: Pdus, operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the rows of a batch in PDU order."""
        i: cython.Py_ssize_t
        for i in range(pdus.rows):
            if pdus.framing[i] == _MESSAGE and pdus.flags[i] & _ENDED == 0:
                self.message(pdus, i, operations, facts)

    def forget(self, flow: int) -> int:
        """The flow is over; returns how many requests stayed unanswered."""
        return int(self.pairing.forget(2 * flow)) + int(self.pairing.forget(2 * flow + 1))

    def message(self, pdus: Pdus, pdu: cython.Py_ssize_t, operations: Operations, facts: list) -> cython.int:  # type: ignore[type-arg]
        """One message."""
        text: bytes = pdus.octets.tobytes(pdus.start[pdu], min(pdus.end[pdu], pdus.start[pdu] + _HEAD))
        kind: cython.int = text[0]
        tag: cython.int
        service: cython.int
        invoke: cython.longlong
        row: cython.Py_ssize_t
        if kind != 0x01 and kind not in PDUS:
            role, status = SESSION[kind]
            row = operations.add(pdus, pdu, role, self.protocol, kind, Action.CONNECT)
            operations.status[row] = status
            return 0
        tag, service, invoke = mms_pdu(text[4:]) if kind == 0x01 else _service(text)
        if tag not in PDUS:
            return 0
        role, status, action = PDUS[tag]
        if tag in (_CONFIRMED_REQUEST, _CONFIRMED_RESPONSE):
            action = SERVICES.get(service, action)
        row = operations.add(pdus, pdu, role, self.protocol, tag, action)
        operations.status[row] = status
        operations.transaction[row] = invoke
        operations.subfunction[row] = service
        if tag == _CONFIRMED_RESPONSE and service == _IDENTIFY:
            for what, value in identification(_inside(text[4:]) if kind == 0x01 else text):
                facts.append(Fact(timestamp_ns=int(pdus.timestamp_ns[pdu]), frame=int(pdus.frame[pdu]), flow=int(pdus.flow[pdu]),
                                  address=int(pdus.source[pdu]), kind=what, value=value, source="mms.identify"))
        if invoke >= 0 and pdus.flow[pdu] >= 0:
            self.pair(pdus, pdu, operations, row, tag)
        return 0

    def pair(self, pdus: Pdus, pdu: cython.Py_ssize_t, operations: Operations, row: cython.Py_ssize_t, tag: cython.int) -> cython.int:
        """A confirmed request waits; a response or error takes its place in the dialogue, and of an error the service."""
        pairing: Pairing = self.pairing
        queue: cython.Py_ssize_t = 2 * pdus.flow[pdu] + (pdus.direction[pdu] & 1)
        entry: cython.int
        invoke: cython.int = operations.transaction[row] & 0x7FFFFFFF
        pairing.make_room(2 * pdus.flow[pdu] + 1)
        if tag == _CONFIRMED_REQUEST:
            if pairing.waiting[queue] >= pairing.limit:
                pairing.drop_oldest(queue)
            entry = pairing.ask(queue, 0)
            pairing.transaction[entry] = invoke
            pairing.unit[entry] = 0
            pairing.function[entry] = operations.subfunction[row]
            pairing.action[entry] = operations.action[row]
            pairing.frame[entry] = pdus.frame[pdu]
            pairing.timestamp_ns[entry] = pdus.timestamp_ns[pdu]
        elif tag in (_CONFIRMED_RESPONSE, _CONFIRMED_ERROR):
            queue ^= 1
            entry = pairing.find(queue, invoke, 0, operations.subfunction[row] if tag == _CONFIRMED_RESPONSE else -1, False)
            if entry < 0:
                return 0
            if pairing.match != _EXACT and operations.subfunction[row] in SERVICES:
                operations.contradicts[row] = 1
            operations.request_frame[row] = pairing.frame[entry]
            if pdus.timestamp_ns[pdu] >= pairing.timestamp_ns[entry]:
                operations.latency_ns[row] = pdus.timestamp_ns[pdu] - pairing.timestamp_ns[entry]
            pairing.free_run(pairing.take(queue, entry))
        return 0
