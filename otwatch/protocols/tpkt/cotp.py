"""COTP TPDUs that carry no user data: connect, confirm, disconnect, errors (ISO 8073 section 13). Rare, so ordinary Python.

Their rows are of the protocol that rides on the connection, and are made here for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.actions import Action, Role
from otwatch.protocols.kit.cotp import (
    CONTROL,
    COTP,
    DESTINATION_TSAP,
    DISCONNECT_STATUS,
    SOURCE_TSAP,
    TPDU_ERROR_STATUS,
    TPDU_SIZE,
    Cotp,
    parameters,
)
from otwatch.protocols.tpkt.spec import Anomaly
from otwatch.tables import Pdus
from otwatch.vocabulary import PduFlag

if TYPE_CHECKING:
    from otwatch.protocols.tpkt.dissect import Carried, TpktDissector

_CREDIT = frozenset({Cotp.CR, Cotp.CC, Cotp.AK, Cotp.RJ})  # types whose low nibble is not part of the type
_MINIMUM = {Cotp.CR: 7, Cotp.CC: 7, Cotp.DR: 7, Cotp.DC: 6, Cotp.ED: 3, Cotp.AK: 3, Cotp.EA: 3, Cotp.RJ: 5, Cotp.ER: 5}


def control(carrier: TpktDissector, carried: Carried, pdus: Pdus, pdu: int, start: int, at: int, rider: int = 0) -> None:
    """One row for a TPDU without data, whose header is start + 4 to `at`; of a connect, `rider` is what is known to follow."""
    operations = carrier.operations
    header = pdus.octets.tobytes(start + 4, at)
    kind = header[1]
    bare = kind & 0xF0 if kind & 0xF0 in _CREDIT else kind
    if bare not in _MINIMUM or min(header[0] + 1, len(header)) < _MINIMUM[Cotp(bare)]:
        carrier.report(pdus, pdu, Anomaly.COTP_HEADER, 5, _MINIMUM.get(Cotp(bare), 0) if bare in _MINIMUM else 0xF0, kind)
        return
    if bare in (Cotp.ED, Cotp.AK, Cotp.EA):  # flow control of classes that S7 and MMS do not use
        return
    destination, source = int.from_bytes(header[2:4], "big"), int.from_bytes(header[4:6], "big")
    now, frame = int(pdus.timestamp_ns[pdu]), int(pdus.frame[pdu])
    found: dict[int, bytes] = {}
    if bare in (Cotp.CR, Cotp.CC):
        found, whole = parameters(header[7:])
        if not whole:
            carrier.report(pdus, pdu, Anomaly.COTP_PARAMETER, 11, len(header), header[0])
    called = found.get(DESTINATION_TSAP, b"")
    claim = bare == Cotp.CR and (carried.joined or carried.frame >= 0 or int(pdus.flags[pdu]) & PduFlag.CONFLICT != 0)
    if claim:  # no stack accepts a second connect: what it names holds when the other side confirms it
        carried.claimed = (header, frame, now, int(pdus.direction[pdu]))
    elif bare == Cotp.CR or (bare == Cotp.CC and not carried.rider):
        carried.rider = rider or carrier.named(called) or carrier.usual
    if bare == Cotp.CR and not claim:
        carried.unit, carried.called = carrier.unit(carried.rider, called), called
        carried.reference, carried.frame, carried.time_ns = source, frame, now
        carried.asked_by = int(pdus.direction[pdu])
    protocol = carried.rider or carrier.usual
    if bare == Cotp.CC and carried.claimed is not None:
        _decide(carrier, carried, pdus, pdu, protocol, destination, called)
    if bare in (Cotp.CC, Cotp.DR, Cotp.DC, Cotp.ER):
        carried.joined, carried.claimed = bare == Cotp.CC, None
    answers = carried.frame >= 0 and destination == carried.reference and bare in (Cotp.CC, Cotp.DR) and pdus.direction[pdu] != carried.asked_by
    role = Role.RESPONSE if bare in (Cotp.CC, Cotp.DC, Cotp.RJ, Cotp.ER) or answers else Role.REQUEST
    row = operations.add(pdus, pdu, role, protocol, COTP, Action.CONNECT)
    operations.unit[row] = carrier.unit(protocol, called) if claim else carried.unit
    operations.transaction[row] = destination if role == Role.RESPONSE else source
    operations.subfunction[row] = bare
    if answers:
        operations.request_frame[row] = carried.frame
        if now >= carried.time_ns:
            operations.latency_ns[row] = now - carried.time_ns
        carried.frame = -1
    if bare == Cotp.DR:
        # As an answer to a connect it is a refusal, else 0 and 128 are how connections end.
        operations.status[row] = DISCONNECT_STATUS + header[6] if answers or header[6] not in (0, 128) else 0
    elif bare in (Cotp.ER, Cotp.RJ):
        operations.status[row] = TPDU_ERROR_STATUS + header[4]
    if bare in (Cotp.CR, Cotp.CC):
        kind, whole_value = carrier.value_of(protocol)
        place = 11 if whole_value else 4 + header.find(called, 7) if called else 0
        if place:
            operations.value_kind[row] = kind
            operations.value_at[row] = start + place
            operations.value_length[row] = at - start - 11 if whole_value else len(called)
        if 0 < len(called) <= 4:
            operations.object[row] = int.from_bytes(called, "big")
        calling = found.get(SOURCE_TSAP, b"")
        if 0 < len(calling) <= 4:
            operations.start[row] = int.from_bytes(calling, "big")
        size = found.get(TPDU_SIZE, b"")
        if len(size) == 1 and 7 <= size[0] <= 13:
            operations.count[row] = 1 << size[0]
    if not claim:
        carrier.hand_on(protocol, pdus, pdu, start + 4, at, CONTROL, 0)


def _decide(carrier: TpktDissector, carried: Carried, pdus: Pdus, pdu: int, protocol: int, confirmed: int, called: bytes) -> None:
    """Which of two connects a confirm, to the reference `confirmed` and of the TSAP `called`, is of. What the one that it confirms names holds."""
    header, frame, now, asked_by = carried.claimed or (b"", -1, 0, 0)
    found, _ = parameters(header[7:])
    named = found.get(DESTINATION_TSAP, b"")
    its_own = int.from_bytes(header[4:6], "big")
    is_first = carried.frame >= 0 and confirmed == carried.reference and (called != named or called == carried.called)
    if pdus.direction[pdu] == asked_by or confirmed != its_own or is_first:
        return
    carried.reference, carried.frame, carried.time_ns, carried.asked_by = its_own, frame, now, asked_by
    carried.unit, carried.called = carrier.unit(protocol, named), named
    at = pdus.octets.append(header, 0, len(header))
    carrier.hand_on(protocol, pdus, pdu, at, at + len(header), CONTROL, 0)
