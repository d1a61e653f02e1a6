# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""IEC 60870-5-104 APDUs of a batch -> rows of operations and anomalies, confirmations paired with their commands.

Which side of the dialogue an ASDU is: its type and its cause say it (101 7.2.1, 7.2.3), not who opened the connection. A command (cause 6 or 8, a
read with 5) is a request; what mirrors it (7, 9, 44 to 47) or answers a read or an interrogation (5, 20 to 41) is a response; all else that a
station sends, the end of a command included (10), is an event. S frames make no row. Offsets in anomalies count from the start octet.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.iec104 import spec
from otwatch.protocols.iec104.spec import Anomaly
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import EXACT, Pairing
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_EVENT = cython.declare(cython.int, Role.EVENT)
_ACTION_OTHER = cython.declare(cython.int, Action.OTHER)
_ACTION_READ = cython.declare(cython.int, Action.READ)
_ACTION_REPORT = cython.declare(cython.int, Action.REPORT)
_ACTION_CONTROL = cython.declare(cython.int, Action.CONTROL)
_ACTION_FILE = cython.declare(cython.int, Action.FILE)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_EXACT = cython.declare(cython.int, EXACT)

_U_FRAME = cython.declare(cython.int, spec.U_FRAME)
_READ = cython.declare(cython.int, spec.READ)
_BROADCAST = cython.declare(cython.int, spec.BROADCAST)
_SEGMENT = cython.declare(cython.int, 125)
_REQUESTED = cython.declare(cython.int, spec.REQUESTED)
_ACTIVATION = cython.declare(cython.int, spec.ACTIVATION)
_CONFIRMATION = cython.declare(cython.int, spec.ACTIVATION_CONFIRMATION)
_DEACTIVATION = cython.declare(cython.int, spec.DEACTIVATION)
_DECONFIRMATION = cython.declare(cython.int, spec.DEACTIVATION_CONFIRMATION)
_TERMINATION = cython.declare(cython.int, spec.TERMINATION)
_UNKNOWN_TYPE_CAUSE = cython.declare(cython.int, spec.UNKNOWN_TYPE_CAUSE)
_MOST_CAUSE = cython.declare(cython.int, spec.MOST_CAUSE)
_VALUE_ELEMENT = cython.declare(cython.int, spec.VALUE_ELEMENT)
_VALUE_SEQUENCE = cython.declare(cython.int, spec.VALUE_SEQUENCE)
_VALUE_BYTES = cython.declare(cython.int, spec.VALUE_BYTES)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_TRAILING_BYTES = cython.declare(cython.int, Anomaly.TRAILING_BYTES)
_CONTROL_FIELD = cython.declare(cython.int, Anomaly.CONTROL_FIELD)
_UNKNOWN_TYPE = cython.declare(cython.int, Anomaly.UNKNOWN_TYPE)
_UNKNOWN_CAUSE = cython.declare(cython.int, Anomaly.UNKNOWN_CAUSE)
_NO_OBJECTS = cython.declare(cython.int, Anomaly.NO_OBJECTS)
_SEQUENCE_NUMBER = cython.declare(cython.int, Anomaly.SEQUENCE_NUMBER)
_DATA_WHILE_STOPPED = cython.declare(cython.int, Anomaly.DATA_WHILE_STOPPED)
_UNASKED = cython.declare(cython.int, Anomaly.UNASKED_CONFIRMATION)
_DIFFERENT = cython.declare(cython.int, Anomaly.DIFFERENT_CONFIRMATION)
_WRONG_DIRECTION = cython.declare(cython.int, Anomaly.WRONG_DIRECTION)
_REQUEST_FLOOD = cython.declare(cython.int, Anomaly.REQUEST_FLOOD)

# Bits of `seen`, one byte per flow.
_STOPPED = cython.declare(cython.int, 1)
_FLOODED = cython.declare(cython.int, 2)
_LOST = cython.declare(cython.int, 4)  # commands may have gone unseen: a confirmation without one is no surprise
_COMMANDED_0 = cython.declare(cython.int, 8)  # direction 0 sent commands; direction 1 is the next bit
_CONFIRMED_0 = cython.declare(cython.int, 32)  # direction 0 confirmed commands; direction 1 is the next bit
_CALLED_OFF = cython.declare(cython.int, 0x200)  # beside the type of a waiting command: it is the calling off of one
_PRIME = cython.declare(cython.uint, 0x01000193)  # FNV-1a
_SEED = cython.declare(cython.uint, 0x811C9DC5)
_32_BITS = cython.declare(cython.uint, 0xFFFFFFFF)


def _sizes() -> memoryview:
    """Bytes of an information object behind its address by type; -1 not fixed, -2 no such type."""
    return memoryview(np.array([spec.TYPES[code].size if code in spec.TYPES else -2 for code in range(256)], np.int32))


def _actions() -> memoryview:
    return memoryview(bytes(spec.TYPES[code].action if code in spec.TYPES else 0 for code in range(256)))


def _controls() -> memoryview:
    """1 for the types that a controlling station sends."""
    return memoryview(bytes(code in spec.TYPES and spec.TYPES[code].control for code in range(256)))


class Iec104Dissector(Paired):
    """State per flow slot: the commands that wait (pairing), the next send sequence numbers, and what was seen so far."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        Paired.__init__(self, protocol, limits, (("next_number", np.int32, 2, -1),))
        self.sizes = _sizes()
        self.actions = _actions()
        self.controls = _controls()
        self.causes = memoryview(bytes(cause in spec.CAUSES for cause in range(64)))

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order. 104 carries no identity of a device: there are no facts."""
        pdu: cython.Py_ssize_t
        flow: cython.Py_ssize_t
        at: cython.Py_ssize_t
        end: cython.Py_ssize_t
        self.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            flow = self.slot(pdus, pdu)
            self.pdu = pdu
            at = pdus.start[pdu]
            end = pdus.end[pdu]
            if pdus.flags[pdu] & (_AFTER_GAP | _UNHEARD):
                self.seen[flow] |= _LOST
            if pdus.flags[pdu] & _AFTER_GAP:
                self.next_number[2 * flow + (pdus.direction[pdu] & 1)] = -1
            if end - at < 6:
                if pdus.flags[pdu] & _CUT == 0:
                    self.report(_TRUNCATED, 1, 6, end - at)
            elif self.data[at + 2] & 1 == 0:
                self._information(pdu, flow, at, end)
            elif self.data[at + 2] & 3 == 3:
                self._unnumbered(pdu, flow, at)
            elif self.data[at + 2] != 1 or self.data[at + 3] != 0 or self.data[at + 4] & 1:
                self.report(_CONTROL_FIELD, 2, 1, self.data[at + 2])
        return None

    # ---- U frames

    def _unnumbered(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t, at: cython.Py_ssize_t) -> object:
        """STARTDT, STOPDT and TESTFR, and their confirmations. Both sides test the connection: a station that does asks nothing of its master."""
        octet: cython.int = self.data[at + 2]
        direction: cython.int = self.pdus.direction[pdu] & 1
        conflict: cython.bint = self.pdus.flags[pdu] & _CONFLICT != 0
        action: cython.int = _ACTION_OTHER
        if octet not in (0x07, 0x0B, 0x13, 0x23, 0x43, 0x83) or self.data[at + 3] or self.data[at + 4] or self.data[at + 5]:
            self.report(_CONTROL_FIELD, 2, 3, octet)
            return None
        if octet < 0x40:
            action = int(Action.CONNECT)
        if octet in (0x07, 0x13, 0x43):
            self._row(pdu, _EVENT if octet == 0x43 and direction else _REQUEST, _U_FRAME + octet, -1, action)
            self._ask(flow, direction, self.operations.rows - 1)
            return None
        if not conflict and octet == 0x0B:
            self.seen[flow] &= ~_STOPPED
        if not conflict and octet == 0x23:
            self.seen[flow] |= _STOPPED
        self._row(pdu, _REQUEST if octet == 0x83 and not direction else _RESPONSE, _U_FRAME + octet, -1, action)
        octet = 0x07 if octet == 0x0B else (0x13 if octet == 0x23 else 0x43)
        self._answer(2 * flow + 1 - direction, self.operations.rows - 1, _U_FRAME + octet)
        return None

    # ---- I frames

    def _information(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """An ASDU: a row per information object, one per sequence."""
        data: cython.const[cython.uchar][::1] = self.data
        direction: cython.int = self.pdus.direction[pdu] & 1
        flags: cython.int = self.pdus.flags[pdu]
        cut: cython.bint = flags & _CUT != 0
        number: cython.int = data[at + 2] >> 1 | data[at + 3] << 7
        kind: cython.int
        many: cython.int
        cause: cython.int
        size: cython.int
        role: cython.int
        action: cython.int
        status: cython.int = 0
        if flags & _CONFLICT == 0:
            self._number(flow, direction, number)
        if end - at < 12:
            if not cut:
                self.report(_TRUNCATED, end - at, 12, end - at)
            return None
        kind = data[at + 6]
        many = data[at + 7] & 0x7F
        cause = data[at + 8] & 0x3F
        size = self.sizes[kind]
        if not self.causes[cause]:
            self.report(_UNKNOWN_CAUSE, 8, -1, cause)
        if size == -2:
            self.report(_UNKNOWN_TYPE, 6, -1, kind)
        if many == 0:
            self.report(_NO_OBJECTS, 7, 1, 0)
        action = self.actions[kind]
        role = _EVENT
        if action == _ACTION_FILE:  # either side may send one (7.4.11): a file that is written begins with file_ready of the client
            role = _RESPONSE if direction else _REQUEST
        elif self.controls[kind]:
            if cause in (_ACTIVATION, _DEACTIVATION) or (cause == _REQUESTED and kind == _READ):
                role = _REQUEST
            elif cause in (_CONFIRMATION, _DECONFIRMATION) or cause >= _UNKNOWN_TYPE_CAUSE:
                role = _RESPONSE
            elif cause == _TERMINATION:
                action = _ACTION_REPORT
            if cause in (_DEACTIVATION, _DECONFIRMATION):
                action = _ACTION_OTHER  # a command called off
        elif cause == _REQUESTED or 20 <= cause <= 41:
            role = _RESPONSE
            action = _ACTION_READ if action == _ACTION_REPORT else action
        if role == _RESPONSE and (data[at + 8] & 0x40 or cause >= _UNKNOWN_TYPE_CAUSE):
            status = 1 + cause
        self._sides(flow, direction, kind, role, flags)
        self._objects(pdu, flow, at, end, kind, many, cause, size, role, action, status, number)
        return None

    def _number(self, flow: cython.Py_ssize_t, direction: cython.int, number: cython.int) -> object:
        """The send sequence number follows the one before, modulo 32768."""
        place: cython.Py_ssize_t = 2 * flow + direction
        if self.next_number[place] >= 0 and number != self.next_number[place]:
            self.report(_SEQUENCE_NUMBER, 2, self.next_number[place], number)
        self.next_number[place] = (number + 1) & 0x7FFF
        if self.seen[flow] & _STOPPED:
            self.report(_DATA_WHILE_STOPPED, 2, -1, number)
        return None

    def _sides(self, flow: cython.Py_ssize_t, direction: cython.int, kind: cython.int, role: cython.int,
               flags: cython.int) -> object:
        """Commands go one way, their confirmations the other."""
        if not self.controls[kind] or self.actions[kind] == _ACTION_FILE or flags & _CONFLICT or role == _EVENT:
            return None
        if role == _REQUEST:
            if self.seen[flow] & (_CONFIRMED_0 << direction) and not self.seen[flow] & (_COMMANDED_0 << direction):
                self.report(_WRONG_DIRECTION, 6, -1, kind)
            self.seen[flow] |= _COMMANDED_0 << direction
        else:
            self.seen[flow] |= _CONFIRMED_0 << direction
        return None

    def _objects(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t, kind: cython.int,
                 many: cython.int, cause: cython.int, size: cython.int, role: cython.int, action: cython.int, status: cython.int,
                 number: cython.int) -> object:
        """The rows of an ASDU."""
        data: cython.const[cython.uchar][::1] = self.data
        operations: Operations = self.operations
        sequence: cython.bint = data[at + 7] & 0x80 != 0
        unit: cython.int = data[at + 10] | data[at + 11] << 8
        originator: cython.int = data[at + 9]
        place: cython.Py_ssize_t = at + 12
        item: cython.int
        items: cython.int = 1 if sequence or size < 0 else many
        length: cython.Py_ssize_t
        row: cython.Py_ssize_t
        for item in range(items if items > 0 else 1):
            row = self._row(pdu, role, kind, cause, action)
            operations.unit[row] = unit
            operations.area[row] = kind
            operations.object[row] = originator if originator > 0 else -1
            operations.status[row] = status
            operations.transaction[row] = number
            operations.item[row] = item
            if many > 0 and end - place >= 3:
                operations.start[row] = data[place] | data[place + 1] << 8 | data[place + 2] << 16
                operations.count[row] = many if sequence else 1
                place += 3
                length = self._length(kind, size, many if sequence else 1, place, end)
                if end - place < length:
                    length = end - place
                    if self.pdus.flags[pdu] & _CUT == 0:
                        self.report(_TRUNCATED, end - at, place - at + length, end - at)
                if length > 0:
                    operations.value_kind[row] = _VALUE_BYTES if size < 0 else (_VALUE_SEQUENCE if sequence and many > 1 else _VALUE_ELEMENT)
                    operations.value_at[row] = place
                    operations.value_length[row] = length
                if action == _ACTION_FILE and length >= 2 and kind != 126:
                    operations.object[row] = data[place] | data[place + 1] << 8
                place += length
            elif many > 0:
                if self.pdus.flags[pdu] & _CUT == 0:
                    self.report(_TRUNCATED, end - at, place - at + 3, end - at)
                self._pair(pdu, flow, row, kind, cause, role)
                break
            self._pair(pdu, flow, row, kind, cause, role)
        if place < end:
            self.report(_TRAILING_BYTES, place - at, place - at, end - at)
        return None

    def _length(self, kind: cython.int, size: cython.int, count: cython.int, place: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Bytes of the elements at `place`; of a type whose length is not fixed, what it says or all that is there."""
        if size >= 0:
            return size * count
        if kind == _SEGMENT and end - place >= 4:
            return 4 + self.data[place + 3]
        return end - place

    def _row(self, pdu: cython.Py_ssize_t, role: cython.int, function: cython.int, cause: cython.int, action: cython.int) -> cython.Py_ssize_t:
        row: cython.Py_ssize_t = self.operations.add(self.pdus, pdu, role, self.protocol, function, action)
        self.operations.subfunction[row] = cause
        return row

    # ---- pairing

    def _pair(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t, row: cython.Py_ssize_t, kind: cython.int, cause: cython.int,
              role: cython.int) -> object:
        """A command waits; a confirmation, or the answer to a read, finds it by common address, type and information object address."""
        direction: cython.int = self.pdus.direction[pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + 1 - direction
        answered: cython.bint
        asked: cython.int = kind
        if self.actions[kind] == _ACTION_FILE:
            return None
        if role == _REQUEST:  # of either reading: the answer decides
            return self._ask(flow, direction, row)
        if role != _RESPONSE:  # those of either reading find theirs: what waits for ever would get the answers to what is asked later
            return None
        if not self.controls[kind]:
            if cause != _REQUESTED:
                return None  # of an interrogation: many answers, which its own confirmation stands for
            asked = _READ
        if cause == _DECONFIRMATION:
            asked |= _CALLED_OFF
        answered = self._answer(queue, row, asked)
        if not answered and cause >= _UNKNOWN_TYPE_CAUSE:  # it may refuse that a command was called off; some stations say it besides a negative 7
            answered = self._answer(queue, row, asked | _CALLED_OFF)
        if answered and self.controls[kind]:
            self.seen[flow] &= ~_LOST
        elif (not answered and self.pdus.flags[pdu] & _CONFLICT == 0 and self.controls[kind] and cause < _UNKNOWN_TYPE_CAUSE
              and self.seen[flow] & _LOST == 0 and self.seen[flow] & (_COMMANDED_0 << (1 - direction))):
            self.report(_UNASKED, 6, -1, kind)
        return None

    def _ask(self, flow: cython.Py_ssize_t, direction: cython.int, row: cython.Py_ssize_t) -> object:
        """The request of this row waits for its response. `transaction` holds the object's address, the identifier that a response repeats."""
        pairing: Pairing = self.pairing
        operations: Operations = self.operations
        queue: cython.Py_ssize_t = 2 * flow + direction
        confirmed: cython.int = _CONFIRMED_0 << (1 - direction)
        entry: cython.int
        if operations.unit[row] == _BROADCAST:  # to all stations: none, one or many confirm
            entry = pairing.find(queue, operations.start[row], _BROADCAST, operations.function[row], False)
            if entry >= 0 and pairing.match == _EXACT:
                pairing.free_run(pairing.take(queue, entry))
        if pairing.waiting[queue] >= self.limit:
            pairing.drop_oldest(queue)
            if self.seen[flow] & (_FLOODED | confirmed) == confirmed:
                self.seen[flow] |= _FLOODED
                self.report(_REQUEST_FLOOD, -1, self.limit, self.limit + 1)
        entry = pairing.ask(queue, 0)
        pairing.transaction[entry] = operations.start[row]
        pairing.unit[entry] = operations.unit[row]
        pairing.function[entry] = operations.function[row] | (_CALLED_OFF if operations.subfunction[row] == _DEACTIVATION else 0)
        pairing.digest[entry] = self._digest(row)
        pairing.frame[entry] = operations.frame[row]
        pairing.timestamp_ns[entry] = operations.timestamp_ns[row]
        return None

    def _answer(self, queue: cython.Py_ssize_t, row: cython.Py_ssize_t, function: cython.int) -> cython.bint:
        """Whether a waiting request is answered by this row, which then says which."""
        pairing: Pairing = self.pairing
        operations: Operations = self.operations
        entry: cython.int
        if pairing.first[queue] < 0:
            return False
        entry = pairing.find(queue, operations.start[row], operations.unit[row], function, False)
        if entry < 0 or pairing.match != _EXACT:
            entry = pairing.find(queue, operations.start[row], _BROADCAST, function, False)
            if entry < 0 or pairing.match != _EXACT:
                return False
        self.answers(operations, row, entry)
        if operations.status[row] == 0 and operations.action[row] == _ACTION_CONTROL and pairing.digest[entry] != self._digest(row):
            self.report(_DIFFERENT, 12, -1, function)
        if pairing.unit[entry] != _BROADCAST:  # others may answer too
            pairing.free_run(pairing.take(queue, entry))
        return True

    def _digest(self, row: cython.Py_ssize_t) -> cython.uint:
        """A checksum of the element of a row."""
        operations: Operations = self.operations
        digest: cython.uint = _SEED
        at: cython.Py_ssize_t
        for at in range(operations.value_at[row], operations.value_at[row] + operations.value_length[row]):
            digest = (digest ^ self.data[at]) * _PRIME & _32_BITS
        return digest

    def forget(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over; returns how many commands stayed without confirmation."""
        waiting: cython.int
        if flow < 0 or flow >= self.flows:
            return 0
        waiting = self._forget(2 * flow) + self._forget(2 * flow + 1)
        self.next_number[2 * flow] = self.next_number[2 * flow + 1] = -1
        self.seen[flow] = 0
        return waiting

    def _forget(self, queue: cython.Py_ssize_t) -> cython.int:
        """Empties a queue; how many commands to one station waited in it."""
        waiting: cython.int = 0
        entry: cython.int = self.pairing.first[queue]
        while entry >= 0:
            waiting += self.pairing.unit[entry] != _BROADCAST
            entry = self.pairing.next[entry]
        self.pairing.forget(queue)
        return waiting
