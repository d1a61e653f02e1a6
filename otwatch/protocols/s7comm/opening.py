"""COTP connects whose TSAPs leave open which protocol follows: kept back until the first data say it, then read as of that protocol.

MMS stacks call TSAPs of two bytes as S7 does (02 00). Kept is the packet with its own time and frame; the place of its rows among the others
is that of what decided, so that it does not depend on how batches are cut. Rare, so ordinary Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otwatch.protocols.s7comm import cotp
from otwatch.protocols.s7comm.spec import Cotp
from otwatch.tables import Pdus

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.dissect import S7Dissector
    from otwatch.protocols.s7comm.state import Message

_MOST = 4  # connects of one flow that are kept
_DECIDING = frozenset({Cotp.CR, Cotp.CC, Cotp.DR, Cotp.DC, Cotp.RJ, Cotp.ER})  # before any of them what was kept is told
_ROW_BYTES = 64  # what a kept packet costs besides its bytes
_COLUMNS = ("timestamp_ns", "frame", "flow", "direction", "source", "destination", "flags")


@dataclass(frozen=True, slots=True)
class Kept:
    """A packet that waits, and its columns of Pdus."""

    packet: bytes
    columns: tuple[int, ...]


def undecided(header: bytes) -> bool:
    """Whether a connect or confirm (its TPDU) does not say what it opens. S7 names rack and slot, with a connection type on both sides."""
    found, whole = cotp.parameters(header[7:])
    if not whole or header[0] < 6:  # malformed: told at once
        return False
    called, calling = found.get(cotp.DESTINATION_TSAP, b""), found.get(cotp.SOURCE_TSAP, b"")
    named = cotp.tsap_protocol(called)
    if named == "s7comm":
        return called[1] == 0 or len(calling) != 2 or calling[0] == 0
    return not named


def keep(message: Message, dissector: S7Dissector, start: int, at: int) -> bool:
    """Keeps a TPDU without data if it is a connect that does not tell, or the confirm of one; what ends the connection reads what was kept."""
    conversation = message.conversation
    kind = message.data[start + 5] & 0xF0
    waiting = conversation.opening or ()
    if kind == Cotp.CR:
        wanted = undecided(message.text(start + 4, at))
    else:
        wanted = kind == Cotp.CC and (bool(waiting) or (not conversation.protocol and undecided(message.text(start + 4, at))))
    if wanted and len(waiting) < _MOST and message.hold(at - start + _ROW_BYTES):
        pdus, pdu = message.pdus, message.pdu
        kept = Kept(message.text(start, at), tuple(int(getattr(pdus, name)[pdu]) for name in _COLUMNS))
        conversation.opening = [*waiting, kept]
        return True
    if waiting and kind in _DECIDING:
        read(message, dissector, 0)
    return False


def read(message: Message, dissector: S7Dissector, protocol: int) -> None:
    """Rows of what was kept: of `protocol`, or of what their TSAPs say where it is 0."""
    conversation = message.conversation
    kept, conversation.opening = conversation.opening, None
    before = (message.pdus, message.pdu, message.base, message.protocol, message.direction, message.role, message.reference, message.status,
              message.request, message.cut)
    octets = message.pdus.octets
    pdus = Pdus(octets, _MOST)
    packet = message.pdus.packet[message.pdu]
    message.pdus = pdus
    message.status = message.cut = 0
    message.request = None
    for one in kept:
        row = message.pdu = pdus.new_row()
        pdus.packet[row] = packet
        for name, number in zip(_COLUMNS, one.columns, strict=True):
            getattr(pdus, name)[row] = number
        start = pdus.start[row] = message.base = octets.append(one.packet, 0, len(one.packet))
        pdus.end[row] = start + len(one.packet)
        message.data = octets.data
        message.direction = pdus.direction[row]
        message.drop(len(one.packet) + _ROW_BYTES)
        cotp.connect(message, dissector, one.packet[5], start, start + len(one.packet), protocol)
    (message.pdus, message.pdu, message.base, message.protocol, message.direction, message.role, message.reference, message.status,
     message.request, message.cut) = before
