"""COTP connects whose TSAPs leave open which protocol follows: kept back until the first data say it, then read as of that protocol.

MMS stacks call TSAPs of two bytes as S7 does (02 00). Kept is the packet with its own time and frame; the place of its rows among the others
is that of what decided, so that it does not depend on how batches are cut. Rare, so ordinary Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otwatch.protocols.kit.cotp import DESTINATION_TSAP, SOURCE_TSAP, Cotp, parameters
from otwatch.protocols.tpkt.cotp import control
from otwatch.tables import Pdus

if TYPE_CHECKING:
    from otwatch.protocols.tpkt.dissect import Carried, TpktDissector

_MOST = 4  # connects of one flow that are kept
_DECIDING = frozenset({Cotp.CR, Cotp.CC, Cotp.DR, Cotp.DC, Cotp.RJ, Cotp.ER})  # before any of them what was kept is told
_ROW_BYTES = 64  # what a kept packet costs besides its bytes
_COLUMNS = ("timestamp_ns", "frame", "flow", "direction", "source", "destination", "flags")


@dataclass(frozen=True, slots=True)
class Kept:
    """A packet that waits, and its columns of Pdus."""

    packet: bytes
    columns: tuple[int, ...]


def undecided(carrier: TpktDissector, header: bytes) -> bool:
    """Whether a connect or confirm (its TPDU) does not say what it opens. S7 names rack and slot, with a connection type on both sides."""
    found, whole = parameters(header[7:])
    if not whole or header[0] < 6:  # malformed: told at once
        return False
    called, calling = found.get(DESTINATION_TSAP, b""), found.get(SOURCE_TSAP, b"")
    named = carrier.named(called)
    if named and carrier.unit(named, called) >= 0:
        return called[1] == 0 or len(calling) != 2 or calling[0] == 0
    return not named


def keep(carrier: TpktDissector, carried: Carried, pdus: Pdus, pdu: int, start: int, at: int) -> bool:
    """Keeps a TPDU without data if it is a connect that does not tell, or the confirm of one; what ends the connection reads what was kept."""
    header = pdus.octets.tobytes(start + 4, at)
    kind = header[1] & 0xF0
    waiting = carried.opening or ()
    if kind == Cotp.CR:
        wanted = undecided(carrier, header)
    else:
        wanted = kind == Cotp.CC and (bool(waiting) or (not carried.rider and undecided(carrier, header)))
    if wanted and len(waiting) < _MOST and carrier.hold(carried, at - start + _ROW_BYTES):
        kept = Kept(pdus.octets.tobytes(start, at), tuple(int(getattr(pdus, name)[pdu]) for name in _COLUMNS))
        carried.opening = [*waiting, kept]
        return True
    if waiting and kind in _DECIDING:
        read(carrier, carried, pdus, pdu, 0)
    return False


def read(carrier: TpktDissector, carried: Carried, pdus: Pdus, pdu: int, rider: int) -> None:
    """Rows of what was kept, at the place of PDU `pdu`: of `rider`, or of what their TSAPs say where it is 0."""
    kept, carried.opening = carried.opening or [], None
    octets = pdus.octets
    one = Pdus(octets, _MOST)
    for each in kept:
        row = one.new_row()
        one.packet[row] = pdus.packet[pdu]
        for name, number in zip(_COLUMNS, each.columns, strict=True):
            getattr(one, name)[row] = number
        start = one.start[row] = octets.append(each.packet, 0, len(each.packet))
        one.end[row] = start + len(each.packet)
        one.framing[row] = 0
        carrier.hold(carried, -len(each.packet) - _ROW_BYTES)
        control(carrier, carried, one, row, start, start + len(each.packet), rider)
