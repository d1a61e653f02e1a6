"""COTP TPDUs that carry no user data: connect, confirm, disconnect, errors (ISO 8073 section 13). Rare, so ordinary Python.

The called TSAP of S7 is two bytes: connection type (1 PG, 2 OP, 3 S7 basic, others configured), then rack in three and slot in five bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.actions import Action, Role
from otwatch.protocols.s7comm.spec import COTP, DISCONNECT_STATUS, TPDU_ERROR_STATUS, Anomaly, Cotp, Value

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.dissect import S7Dissector
    from otwatch.protocols.s7comm.state import Message

_CREDIT = frozenset({Cotp.CR, Cotp.CC, Cotp.AK, Cotp.RJ})  # types whose low nibble is not part of the type
_MINIMUM = {Cotp.CR: 7, Cotp.CC: 7, Cotp.DR: 7, Cotp.DC: 6, Cotp.ED: 3, Cotp.AK: 3, Cotp.EA: 3, Cotp.RJ: 5, Cotp.ER: 5}
TPDU_SIZE, SOURCE_TSAP, DESTINATION_TSAP = 0xC0, 0xC1, 0xC2


def parameters(text: bytes) -> tuple[dict[int, bytes], bool]:
    """The variable part: code, length, value; and whether it fills its room exactly."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 2 <= len(text):
        stop = at + 2 + text[at + 1]
        found.setdefault(text[at], text[at + 2:stop])
        at = stop
    return found, at == len(text)


def tsap_protocol(tsap: bytes) -> str:
    """What speaks behind a called TSAP, as far as its bytes tell; empty where they do not."""
    if tsap.startswith(b"SIMATIC-ROOT"):
        return "s7comm-plus"
    # Not narrowed to types 1-3: configured S7 connections have others. Some MMS stacks call 02 00 as well: see opening.py.
    if len(tsap) == 2 and tsap[0]:
        return "s7comm"
    if tsap and not any(tsap[:-1]):  # 00 01, 00 00 00 01: selectors of OSI stacks
        return "mms"
    return ""


def connect(message: Message, dissector: S7Dissector, kind: int, start: int, at: int, protocol: int = 0) -> None:
    """One row for a TPDU of type `kind`, whose header is start + 4 to `at`; of a connect, `protocol` is what is known to follow."""
    bare = kind & 0xF0 if kind & 0xF0 in _CREDIT else kind
    header = bytes(message.data[start + 4:at])
    if bare not in _MINIMUM or min(header[0] + 1, len(header)) < _MINIMUM[Cotp(bare)]:
        message.odd(Anomaly.COTP_HEADER, start + 5, _MINIMUM.get(Cotp(bare), 0) if bare in _MINIMUM else 0xF0, kind)
        return
    conversation = message.conversation
    operations = message.operations
    destination, source = int.from_bytes(header[2:4], "big"), int.from_bytes(header[4:6], "big")
    now, frame = int(message.pdus.timestamp_ns[message.pdu]), int(message.pdus.frame[message.pdu])
    if bare in (Cotp.ED, Cotp.AK, Cotp.EA):  # flow control of classes that S7 and MMS do not use
        return
    found: dict[int, bytes] = {}
    if bare in (Cotp.CR, Cotp.CC):
        found, whole = parameters(header[7:])
        if not whole:
            message.odd(Anomaly.COTP_PARAMETER, start + 11, len(header), header[0])
    called = found.get(DESTINATION_TSAP, b"")
    if bare == Cotp.CR or (bare == Cotp.CC and not conversation.protocol):
        named = tsap_protocol(called)
        siblings = {"s7comm-plus": dissector.plus_protocol, "mms": dissector.mms_protocol}
        conversation.protocol = protocol or siblings.get(named, dissector.protocol)
    if bare == Cotp.CR:
        conversation.opened = 1
        conversation.unit = called[1] if named == "s7comm" and conversation.protocol == dissector.protocol else -1
        conversation.cotp_reference, conversation.cotp_frame, conversation.cotp_ns = source, frame, now
    message.protocol = conversation.protocol or dissector.protocol
    answers = conversation.cotp_frame >= 0 and destination == conversation.cotp_reference and bare in (Cotp.CC, Cotp.DR)
    message.role = Role.RESPONSE if bare in (Cotp.CC, Cotp.DC, Cotp.RJ, Cotp.ER) or answers else Role.REQUEST
    message.reference = destination if message.role == Role.RESPONSE else source
    row = message.row(COTP, Action.CONNECT)
    operations.subfunction[row] = bare
    if answers:
        operations.request_frame[row] = conversation.cotp_frame
        operations.latency_ns[row] = now - conversation.cotp_ns
        conversation.cotp_frame = -1
    if bare == Cotp.DR:
        # As an answer to a connect it is a refusal, else 0 and 128 are how connections end.
        operations.status[row] = DISCONNECT_STATUS + header[6] if answers or header[6] not in (0, 128) else 0
    elif bare in (Cotp.ER, Cotp.RJ):
        operations.status[row] = TPDU_ERROR_STATUS + header[4]
    if bare in (Cotp.CR, Cotp.CC):
        operations.value_kind[row] = Value.TSAP
        operations.value_at[row] = start + 11
        operations.value_length[row] = at - start - 11
        if message.protocol != dissector.protocol:  # the siblings show the called TSAP, which they write as text
            place = header.find(called, 7) if called else -1
            operations.value_kind[row] = Value.TEXT if place > 0 else 0
            operations.value_at[row] = start + 4 + place if place > 0 else 0
            operations.value_length[row] = len(called) if place > 0 else 0
        if 0 < len(called) <= 4:
            operations.object[row] = int.from_bytes(called, "big")
        calling = found.get(SOURCE_TSAP, b"")
        if 0 < len(calling) <= 4:
            operations.start[row] = int.from_bytes(calling, "big")
        size = found.get(TPDU_SIZE, b"")
        if len(size) == 1 and 7 <= size[0] <= 13:
            operations.count[row] = 1 << size[0]
