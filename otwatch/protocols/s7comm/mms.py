"""OSI session on COTP, hence MMS (IEC 61850, ICCP): rows of the protocol `mms`, one per session PDU and per MMS PDU, not dissected further.

ISO 8327 session: one byte type, one byte (or 255 and two) length. Data come as 01 00 01 00, then presentation (ISO 8823) 0x61 or 0x31, then
MMS (ISO 9506): its outermost tag is the kind of PDU, the first context tag in a confirmed PDU the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.actions import Action
from otwatch.protocols.s7comm.mms_ids import PDUS, SERVICES, SESSION

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.state import Message


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
    tag, at, end = _element(text, 0)
    if tag != 0x61:
        return -1, -1, -1
    tag, at, end = _element(text[:end], at)
    if tag != 0x30:
        return -1, -1, -1
    tag, at, stop = _element(text[:end], at)
    while tag == 0x06:  # a transfer syntax before the context's number
        tag, at, stop = _element(text[:end], stop)
    if tag != 0x02:
        return -1, -1, -1
    tag, at, stop = _element(text[:end], stop)
    if tag != 0xA0:
        return -1, -1, -1
    return _service(text[at:stop])


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


class Mms:
    """Recognises ISO 8327 session PDUs and names what they carry."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol

    def speaks(self, message: Message, at: int, end: int) -> bool:
        """Is it OSI session? A known type whose length fits, or the two-PDU head of data."""
        head = message.text(at, min(end, at + 4))
        if len(head) >= 2 and head[0] in PDUS:  # MMS without session: an element that is the whole message
            return _element(message.text(at, min(end, at + 512)), 0)[2] == min(end, at + 512) - at
        if len(head) < 2 or head[0] not in SESSION:
            return False
        if head[0] == 0x01:
            return head == b"\x01\x00\x01\x00"
        return head[1] == 0xFF or at + 2 + head[1] <= end or bool(message.cut)

    def feed(self, message: Message, at: int, end: int) -> None:
        """One COTP message."""
        text = message.text(at, min(end, at + 512))
        operations = message.operations
        kind = text[0]
        message.status = 0
        message.request = None
        message.reference = -1
        if kind == 0x01 or kind in PDUS:
            pdu, service, invoke = mms_pdu(text[4:]) if kind == 0x01 else _service(text)
            if pdu not in PDUS:
                return
            message.role, message.status, action = PDUS[pdu]
            message.reference = invoke
            row = message.row(pdu, SERVICES.get(service, action) if pdu in (0xA0, 0xA1) else action)
            operations.subfunction[row] = service
            return
        message.role, message.status = SESSION[kind]
        message.row(kind, Action.CONNECT)
