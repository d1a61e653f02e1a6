# cython: boundscheck=True, wraparound=False, cdivision=True
"""Connections of CIP: opened by Forward_Open, known by an identifier in each direction, and what their I/O data show: lost cycles, other senders.

An identifier is chosen by who receives (of multicast data, by who sends), so it is looked for with either address. I/O data make one row per
connection and direction, at their first packet; what then goes wrong is counted, and a row of anomalies is made of it at each doubling of the count.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.cip.spec import IO_DATA, VALUE_BYTES, Anomaly
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_EVENT = cython.declare(cython.int, Role.EVENT)
_REPORT = cython.declare(cython.int, Action.REPORT)
_IO_DATA = cython.declare(cython.int, IO_DATA)
_VALUE_BYTES = cython.declare(cython.int, VALUE_BYTES)
_LOST = cython.declare(cython.int, Anomaly.IO_LOST)
_SEQUENCE = cython.declare(cython.int, Anomaly.IO_SEQUENCE)
_FOREIGN = cython.declare(cython.int, Anomaly.IO_FOREIGN_PRODUCER)
_INTERRUPTED = cython.declare(cython.int, Anomaly.IO_INTERRUPTED)
_ELSEWHERE = cython.declare(cython.int, Anomaly.IO_RESUMED_ELSEWHERE)
_MASK = cython.declare(cython.longlong, 0xFFFF_FFFF)
_HALF = cython.declare(cython.longlong, 0x7FFF_FFFF)
_BY_SOURCE = cython.declare(cython.longlong, 1 << 62)
_MILLISECOND = cython.declare(cython.longlong, 1_000_000)
_LATE = cython.declare(cython.longlong, 16)  # packets that a network card may deliver out of order
# Places in Connection.state, for each direction: 0 from the originator, _FIELDS from the target
_SEQ, _LAST, _PACKETS, _MAC, _COUNTS = 0, 1, 2, 3, 4  # and from _COUNTS on, by kind of anomaly from IO_LOST on, how often
_FIELDS = cython.declare(cython.int, 9)
_SEQ_AT = cython.declare(cython.int, _SEQ)
_LAST_AT = cython.declare(cython.int, _LAST)
_PACKETS_AT = cython.declare(cython.int, _PACKETS)
_MAC_AT = cython.declare(cython.int, _MAC)
_COUNTS_AT = cython.declare(cython.int, _COUNTS)


class Connection:
    """One connection; -1 what is not known of it (its opening was not seen)."""

    def __init__(self, originator: int, target: int, unit: int) -> None:
        self.number = 0
        self.originator = originator
        self.target = target
        self.unit = unit
        self.transport = -1
        self.id_out = -1  # from the originator to the target
        self.id_in = -1
        self.triad = ()
        self.rpi_out = -1  # microseconds
        self.rpi_in = -1
        self.multiplier = 0
        self.class_ = -1
        self.point_out = -1
        self.point_in = -1
        state = np.zeros(2 * int(_FIELDS), np.int64)
        state[[_MAC, _MAC + int(_FIELDS)]] = -1
        self.state = memoryview(state)


class Connections:
    """Every connection that is open. The oldest makes room; counted."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        self.protocol = protocol
        self.layer = FIRST_PROTOCOL_LAYER + protocol
        self.limit = max(16, limits.cip_connections)
        self.forgotten = 0
        self.given = 0
        self.by_place = {}
        self.by_triad = {}
        self.cached = []

    def opened(self, connection: Connection, id_out: cython.longlong, id_in: cython.longlong) -> object:
        """The target has agreed, with these identifiers."""
        self.given = (self.given + 1) & 0x3FFF_FFFF
        connection.number = self.given
        connection.id_out = id_out
        connection.id_in = id_in
        self.remember(connection.target << 32 | id_out, connection)
        self.remember(connection.originator << 32 | id_in, connection)
        self.remember(_BY_SOURCE | connection.target << 32 | id_in, connection)
        if len(self.by_triad) >= self.limit:
            self.by_triad.pop(next(iter(self.by_triad)))
        self.by_triad[(connection.target, *connection.triad)] = connection
        return None

    def closing(self, triad: tuple[Any, ...], target: cython.longlong) -> Connection:
        """The connection that a Forward_Close names; None where it is not known."""
        return self.by_triad.get((target, *triad))

    def closed(self, connection: Connection) -> object:
        """The target has agreed to its end."""
        self.by_triad.pop((connection.target, *connection.triad), None)
        for place in (connection.target << 32 | connection.id_out, connection.originator << 32 | connection.id_in,
                      _BY_SOURCE | connection.target << 32 | connection.id_in):
            if self.by_place.get(place) is connection:
                del self.by_place[place]
        return None

    def find(self, source: cython.longlong, destination: cython.longlong, identifier: cython.longlong) -> Connection:
        """The connection of a message, None where its opening was not seen."""
        found = self.by_place.get(destination << 32 | identifier)
        if found is None:
            found = self.by_place.get(_BY_SOURCE | source << 32 | identifier)
        return found

    def remember(self, place: object, connection: Connection) -> object:
        """At one of the places where it is looked for."""
        if len(self.by_place) >= 3 * self.limit and place not in self.by_place:
            self.by_place.pop(next(iter(self.by_place)))
            self.forgotten += 1
        self.by_place[place] = connection
        return None

    def io(self, pdus: Pdus, pdu: cython.Py_ssize_t, operations: Operations, anomalies: Anomalies) -> object:
        """One packet of I/O data."""
        source: cython.longlong = pdus.source[pdu]
        destination: cython.longlong = pdus.destination[pdu]
        identifier: cython.longlong = pdus.channel[pdu]
        sequence: cython.longlong = pdus.reference[pdu]
        now: cython.longlong = pdus.timestamp_ns[pdu]
        mac: cython.longlong = -1
        at: cython.int = 0
        row: cython.Py_ssize_t
        step: cython.longlong
        silence: cython.longlong
        timeout: cython.longlong
        packet: cython.Py_ssize_t = pdus.packet[pdu]
        state: cython.longlong[::1]
        connection: Connection = self.find(source, destination, identifier)
        if identifier < 0:
            return None
        if connection is None:
            connection = Connection(-1, source, -1)
            connection.id_in = identifier
            self.remember(destination << 32 | identifier, connection)
        state = connection.state
        if source == connection.originator and (identifier == connection.id_out or source != connection.target):
            at = 0
        elif source == connection.target:
            at = _FIELDS
        else:
            return self.tell(pdus, pdu, anomalies, connection, 0, _FOREIGN, 1, connection.target, source)
        if state[at + _PACKETS_AT] == 0:
            row = operations.add(pdus, pdu, _EVENT if at else _REQUEST, self.protocol, _IO_DATA, _REPORT)
            operations.unit[row] = connection.unit
            operations.area[row] = cython.cast(cython.int, connection.class_)
            operations.object[row] = connection.point_out if at == 0 else connection.point_in
            operations.count[row] = pdus.end[pdu] - pdus.start[pdu]
            operations.transaction[row] = identifier
            operations.value_kind[row] = _VALUE_BYTES
            operations.value_at[row] = pdus.start[pdu]
            operations.value_length[row] = cython.cast(cython.int, pdus.end[pdu] - pdus.start[pdu])
            state[at + _SEQ_AT] = (sequence - 1) & _MASK
            state[at + _LAST_AT] = now
        state[at + _PACKETS_AT] += 1
        if pdus.packets is not None and 0 <= packet < pdus.packets.rows:
            mac = pdus.packets.mac_source[packet]
            if mac != state[at + _MAC_AT]:
                if state[at + _MAC_AT] >= 0:
                    self.tell(pdus, pdu, anomalies, connection, at, _ELSEWHERE, 1, state[at + _MAC_AT], mac)
                state[at + _MAC_AT] = mac
        if sequence < 0:
            return None
        step = (sequence - state[at + _SEQ_AT]) & _MASK
        silence = now - state[at + _LAST_AT]
        timeout = (connection.rpi_out if at == 0 else connection.rpi_in) * 1000 << 2 + connection.multiplier
        if timeout > 0 and silence > timeout:
            self.tell(pdus, pdu, anomalies, connection, at, _INTERRUPTED, 1, timeout // _MILLISECOND, silence // _MILLISECOND)
        elif step > _HALF:
            if step < _MASK - _LATE:
                self.tell(pdus, pdu, anomalies, connection, at, _SEQUENCE, 1, (state[at + _SEQ_AT] + 1) & _MASK, sequence)
            else:
                return None  # out of order, as network cards deliver
        elif step > 1:
            self.tell(pdus, pdu, anomalies, connection, at, _LOST, step - 1, (state[at + _SEQ_AT] + 1) & _MASK, sequence)
        state[at + _SEQ_AT] = sequence
        if now > state[at + _LAST_AT]:
            state[at + _LAST_AT] = now
        return None

    def tell(self, pdus: Pdus, pdu: cython.Py_ssize_t, anomalies: Anomalies, connection: Connection, at: cython.int, kind: cython.int,
             times: cython.longlong, needed: cython.longlong, had: cython.longlong) -> object:
        """Counts; a row for the first, and whenever there are twice as many."""
        place: cython.int = at + _COUNTS_AT + kind - _LOST
        before: cython.longlong = connection.state[place]
        count: cython.longlong = before + times
        connection.state[place] = count
        if (before ^ count) > (before & count):
            anomalies.add(pdus, pdu, self.layer, kind, -1, needed, had)
        return None
