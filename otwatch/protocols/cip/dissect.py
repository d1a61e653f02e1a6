# cython: boundscheck=True, wraparound=False, cdivision=True
"""CIP messages of a batch -> rows of operations, facts and anomalies, responses paired with their requests.

A request says its service and path, a response only its service: what it answers is told by the sender context (unconnected) or the connection and
sequence count (connected), the oldest request first, because many stacks use one context for all. What is packed is unpacked: the service inside an
Unconnected_Send is the row, with the route as its unit; each service of a Multiple_Service_Packet is a row, paired by its place. I/O data are counted
(connections.py). Offsets in anomalies count from the service octet of the outermost message.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.actions import Role
from otwatch.limits import Limits
from otwatch.protocols.cip import spec
from otwatch.protocols.cip.connections import Connection, Connections
from otwatch.protocols.cip.epath import Path
from otwatch.protocols.cip.services import Services
from otwatch.protocols.cip.spec import Anomaly
from otwatch.protocols.kit import cip as kit
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import EXACT, Pairing
from otwatch.protocols.spec import Fact, ProtocolSpec
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import PduFlag

if not cython.compiled:
    from otwatch.protocols.kit.digest import digest

_LISTING = cython.declare(cython.int, 0x55)  # get_instance_attribute_list
_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_DATAGRAM = cython.declare(cython.int, PduFlag.DATAGRAM)
_EXACT = cython.declare(cython.int, EXACT)
_CONNECTED = cython.declare(cython.int, kit.CONNECTED)
_IO = cython.declare(cython.int, kit.IO)
_REFUSED = cython.declare(cython.int, kit.REFUSED)
_KIT_REQUEST = cython.declare(cython.int, kit.REQUEST)
_KIT_RESPONSE = cython.declare(cython.int, kit.RESPONSE)
_REFUSED_STATUS = cython.declare(cython.int, spec.REFUSED)
_SYMBOL = cython.declare(cython.Py_ssize_t, spec.SYMBOL)
_MANAGER = cython.declare(cython.Py_ssize_t, spec.CONNECTION_MANAGER)
_PCCC = cython.declare(cython.Py_ssize_t, spec.PCCC)
_NO_CLASS = cython.declare(cython.int, 256)  # the row of the actions for classes that are not known


_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_PATH_SIZE = cython.declare(cython.int, Anomaly.PATH_SIZE)
_UNKNOWN_PATH = cython.declare(cython.int, Anomaly.UNKNOWN_PATH)
_ITEM_OFFSETS = cython.declare(cython.int, Anomaly.ITEM_OFFSETS)
_TOO_MANY = cython.declare(cython.int, Anomaly.TOO_MANY_ITEMS)
_TOO_DEEP = cython.declare(cython.int, Anomaly.NESTED_TOO_DEEP)
_UNASKED = cython.declare(cython.int, Anomaly.UNASKED_RESPONSE)
_CONFLICTING = cython.declare(cython.int, Anomaly.CONFLICTING_RESPONSE)
_DIFFERENT = cython.declare(cython.int, Anomaly.DIFFERENT_RESPONSE)
_FLOOD = cython.declare(cython.int, Anomaly.REQUEST_FLOOD)
_WRONG_DIRECTION = cython.declare(cython.int, Anomaly.WRONG_DIRECTION)

# Bits of `seen`, one byte per flow.
_LOST = cython.declare(cython.int, 1)  # requests may have gone unseen: a response without one is no surprise
_FLOODED = cython.declare(cython.int, 2)
_REVERSED = cython.declare(cython.int, 4)  # requests against the direction were reported
_ASKED_0 = cython.declare(cython.int, 8)  # direction 0 sent requests; direction 1 is the next bit
_ANSWERED_0 = cython.declare(cython.int, 32)  # direction 0 sent responses; direction 1 is the next bit
_DOUBTED = cython.declare(cython.int, 128)  # requests of a second reading of the stream wait
# Bits of `digest` of a waiting request.
_ROUTED = cython.declare(cython.uint, 1)  # it went inside an Unconnected_Send
_READING = cython.declare(cython.uint, 2)  # it is of a second reading
_DEEPEST = cython.declare(cython.int, 3)


def _actions() -> memoryview:
    """Action by class (the last row: any other) and service."""
    other = bytes(spec.action_of(service, -1) for service in range(128))
    return memoryview(b"".join(bytes(spec.action_of(service, class_) for service in range(128)) if class_ in spec.CLASSES else other
                               for class_ in range(257)))


_ACTIONS = _actions()


class CipDissector(Services):
    """State per flow slot: requests that wait (pairing) and what was seen; over all flows the connections."""

    def __init__(self, protocol: int, limits: Limits, riders: list[tuple[int, int, ProtocolSpec]]) -> None:
        """`riders`: (id, id of the protocol whose dissector reads it, spec) of those that ride on CIP: PCCC is the only one that can."""
        Paired.__init__(self, protocol, limits)
        self.items = limits.items_per_pdu
        self.connections = Connections(protocol, limits)
        self.riders = {reader: Pdus(Octets(1), 64) for _, reader, _ in riders}
        self.carried = next(iter(self.riders.values()), self.pdus)
        self.ridden = bool(self.riders)
        self.path = Path()
        self.actions = _ACTIONS
        self.told = {}
        self.units = memoryview(np.full(256, -1, np.int64))
        self.start = 0
        self.queue = 0
        self.transaction = self.dialogue = self.item = 0
        self.reference = self.unit = -1
        self.asking = self.routed = False

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order, and fills the table of the rider."""
        pdu: cython.Py_ssize_t
        flow: cython.Py_ssize_t
        table: Pdus
        for table in self.riders.values():
            table.clear()
            table.octets = pdus.octets
            table.packets = pdus.packets
        self.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            if pdus.framing[pdu] == _IO:
                self.connections.io(pdus, pdu, operations, anomalies)
                continue
            flow = self.slot(pdus, pdu)
            self.message(pdu, flow)
        return None

    def action(self, service: cython.int, class_: cython.Py_ssize_t) -> cython.int:
        """What a service does to an object of a class."""
        if class_ < 0 or class_ > _NO_CLASS:
            class_ = _NO_CLASS
        return self.actions[class_ << 7 | service & 0x7F]

    def message(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t) -> object:
        """One message, as the carrier hands it on."""
        pdus: Pdus = self.pdus
        at: cython.Py_ssize_t = pdus.start[pdu]
        end: cython.Py_ssize_t = pdus.end[pdu]
        direction: cython.int = pdus.direction[pdu] & 1
        connection: Connection = None
        self.pdu = pdu
        self.start = at
        self.reference = pdus.reference[pdu]
        self.unit = -1
        self.dialogue = 0
        self.asking = pdus.flags[pdu] & _CONFLICT == 0
        self.reading = False
        if pdus.flags[pdu] & (_AFTER_GAP | _UNHEARD):
            self.seen[flow] |= _LOST
        if pdus.framing[pdu] == _CONNECTED:
            connection = self.connections.find(pdus.source[pdu], pdus.destination[pdu], pdus.channel[pdu])
            self.transaction = cython.cast(cython.int, 0x1_0000 | self.reference)
            if connection is not None:
                self.unit = connection.unit
                self.dialogue = connection.number
        else:
            self.transaction = cython.cast(cython.int, (self.reference ^ self.reference >> 31) & 0x3FFF_FFFF | 0x4000_0000)
        if pdus.framing[pdu] == _REFUSED:
            return self.refused(flow, direction, cython.cast(cython.int, pdus.channel[pdu] & 0xFFFF))
        if end - at < 2:
            self.wrong(_TRUNCATED, at, 2, end - at)
            return None
        if self.data[at] & 0x80:
            return self.response(flow, at, end, direction)
        return self.request(flow, at, end, direction)

    # ---- requests

    def request(self, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t, direction: cython.int) -> object:
        """Rows of a request, which wait for its response."""
        pairing: Pairing = self.pairing
        self.queue = 2 * flow + direction
        if not self.asking and self.pdus.flags[self.pdu] & _DATAGRAM == 0:  # of two readings of a stream either may be the one that is answered
            self.asking = self.reading = True
            self.seen[flow] |= _DOUBTED
        if self.asking:
            if self.seen[flow] & (_ASKED_0 << direction) == 0 and self.seen[flow] & (_ANSWERED_0 << direction) and self.seen[flow] & _REVERSED == 0:
                self.seen[flow] |= _REVERSED
                self.wrong(_WRONG_DIRECTION, at, -1, self.data[at])
            self.seen[flow] |= _ASKED_0 << direction
            if pairing.waiting[self.queue] >= self.limit:
                pairing.drop_oldest(self.queue)
                if self.seen[flow] & _FLOODED == 0 and self.seen[flow] & (_ANSWERED_0 << (1 - direction)):
                    self.seen[flow] |= _FLOODED
                    self.wrong(_FLOOD, -1, self.limit, self.limit + 1)
        self.item = 0
        self.routed = False
        return self.service(at, end, 0)

    def service(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, depth: cython.int) -> object:
        """One service: what it is asked of, and what is packed into it."""
        path: Path = self.path
        service: cython.int = self.data[at] & 0x7F
        body: cython.Py_ssize_t = end
        if at + 1 < end:
            body = at + 2 + 2 * self.data[at + 1]
        if at + 1 >= end or body > end:
            self.wrong(_PATH_SIZE, at + 1, body - at - 2, end - at - 2)
            path.clear()
            return self.single(service, end, end)
        path.listing = service == _LISTING
        if not path.read(self.data, at + 2, body):
            self.wrong(_UNKNOWN_PATH, path.wrong_at, -1, self.data[path.wrong_at])
        if path.class_ < 0 and path.name >= 0:
            path.class_ = _SYMBOL
        if path.unit >= 0:
            self.unit = path.unit
        if service == 0x52 and path.class_ == _MANAGER:
            if depth < _DEEPEST:
                return self.unconnected_send(body, end, depth)
            self.wrong(_TOO_DEEP, at, _DEEPEST, depth + 1)
        elif service == 0x0A and path.class_ in (2, -1):
            if depth < _DEEPEST:
                return self.multiple(body, end, depth)
            self.wrong(_TOO_DEEP, at, _DEEPEST, depth + 1)
        return self.single(service, body, end)

    def unconnected_send(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, depth: cython.int) -> object:
        """Unconnected_Send (3-5.5.4): a tick, ticks, a message, padded, and the route it is to take."""
        size: cython.Py_ssize_t
        route: cython.Py_ssize_t
        unit: cython.longlong = self.unit
        if at + 4 > end:
            self.wrong(_TRUNCATED, at, 4, end - at)
            return self.single(0x52, end, end)
        size = self.u16(at + 2)
        route = at + 4 + size + (size & 1)
        if size < 2 or at + 4 + size > end:
            self.wrong(_TRUNCATED, at + 2, size, end - at - 4)
            if size < 2 or end - at < 6:
                return self.single(0x52, end, end)
            size = end - at - 4
        if route + 2 <= end:
            if route + 2 + 2 * self.data[route] > end:
                self.wrong(_PATH_SIZE, route, 2 * self.data[route], end - route - 2)
            elif not self.path.read(self.data, route + 2, route + 2 + 2 * self.data[route]):
                self.wrong(_UNKNOWN_PATH, self.path.wrong_at, -1, self.data[self.path.wrong_at])
            if self.path.unit >= 0:
                self.unit = self.path.unit
        self.routed = True
        self.service(at + 4, at + 4 + size, depth + 1)
        self.unit = unit
        return None

    def multiple(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, depth: cython.int) -> object:
        """Multiple_Service_Packet (A-4.10): a count, offsets from it, and a service at each. Services of one within another are counted on."""
        count: cython.int
        number: cython.int
        entry: cython.int
        first: cython.int = self.item
        here: cython.Py_ssize_t
        stop: cython.Py_ssize_t
        if at + 2 > end or at + 2 + 2 * self.u16(at) > end:
            self.wrong(_ITEM_OFFSETS, at, 2 + 2 * self.u16(at) if at + 2 <= end else 2, end - at)
            return self.single(0x0A, at, end)
        count = self.u16(at)
        entry = self.ask(0x0A, -1)
        for number in range(count):
            if self.item >= self.items:
                self.wrong(_TOO_MANY, at, self.items, count)
                break
            self.item += 1
            here = at + self.u16(at + 2 + 2 * number)
            stop = at + self.u16(at + 4 + 2 * number) if number + 1 < count else end
            if here < at + 2 + 2 * count or here + 2 > stop or stop > end:
                self.wrong(_ITEM_OFFSETS, at + 2 + 2 * number, here - at, stop - at)
                self.ask(0, -1)  # the answers count it
                continue
            self.service(here, stop, depth + 1)
        if entry >= 0:
            self.pairing.count[entry] = self.item - first  # services in it, and in those within
        return None

    def single(self, service: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """The row of one service on what `path` says; its data from `at` on."""
        path: Path = self.path
        operations: Operations = self.operations
        row: cython.Py_ssize_t
        entry: cython.int
        if service == 0x4B and path.class_ == _PCCC and self.ridden:
            self.hand_on(at, end, _KIT_REQUEST, self.unit, 0)
            row = -1
        else:
            row = operations.add(self.pdus, self.pdu, _REQUEST, self.protocol, service, self.action(service, path.class_))
            operations.unit[row] = self.unit
            operations.area[row] = cython.cast(cython.int, path.class_)
            operations.object[row] = path.name if path.name >= 0 else path.instance
            operations.start[row] = path.attribute if path.attribute >= 0 else path.element
            operations.item[row] = self.item - 1 if self.item else 0
            operations.transaction[row] = self.reference
            if service >= 0x32:
                operations.subfunction[row] = cython.cast(cython.int, path.class_)
        entry = self.ask(service, row)
        if row < 0:
            if entry >= 0:
                self.pairing.area[entry] = cython.cast(cython.int, _PCCC)
            return None
        self.body(row, service, path.class_, at, end)
        if entry >= 0:
            self.pairing.subfunction[entry] = operations.subfunction[row]
            self.pairing.count[entry] = operations.count[row]
            self.pairing.start[entry] = operations.start[row]
        return None

    def ask(self, service: cython.int, row: cython.Py_ssize_t) -> cython.int:
        """A service waits for its answer; row -1: it has no row of its own."""
        pairing: Pairing = self.pairing
        operations: Operations = self.operations
        entry: cython.int
        if not self.asking:
            return -1
        entry = pairing.ask(self.queue, self.item)
        if entry >= self.units.shape[0]:
            units = np.full(2 * entry, -1, np.int64)
            units[:len(self.units)] = np.asarray(self.units)
            self.units = memoryview(units)
        self.units[entry] = self.unit
        pairing.transaction[entry] = self.transaction
        pairing.unit[entry] = self.dialogue
        pairing.function[entry] = service
        pairing.digest[entry] = (_ROUTED if self.routed else 0) | (_READING if self.reading else 0)
        pairing.frame[entry] = self.pdus.frame[self.pdu]
        pairing.timestamp_ns[entry] = self.pdus.timestamp_ns[self.pdu]
        pairing.subfunction[entry] = -1
        pairing.area[entry] = -1
        pairing.object[entry] = -1
        pairing.start[entry] = -1
        pairing.count[entry] = -1
        pairing.action[entry] = 0
        if row >= 0:
            pairing.area[entry] = operations.area[row]
            pairing.object[entry] = operations.object[row]
            pairing.action[entry] = operations.action[row]
            if operations.area[row] == _MANAGER and entry < len(pairing.payload):
                pairing.payload[entry] = None
        return entry

    def hand_on(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t, kind: cython.int, unit: cython.longlong, status: cython.longlong) -> object:
        """A message to the rider."""
        pdus: Pdus = self.pdus
        table: Pdus = self.carried
        row: cython.Py_ssize_t = table.new_row()
        table.packet[row] = pdus.packet[self.pdu]
        table.timestamp_ns[row] = pdus.timestamp_ns[self.pdu]
        table.frame[row] = pdus.frame[self.pdu]
        table.flow[row] = pdus.flow[self.pdu]
        table.direction[row] = pdus.direction[self.pdu]
        table.source[row] = pdus.source[self.pdu]
        table.destination[row] = pdus.destination[self.pdu]
        table.start[row] = start
        table.end[row] = end
        table.framing[row] = kind
        table.flags[row] = pdus.flags[self.pdu]
        table.channel[row] = unit
        table.reference[row] = status
        return None

    # ---- responses

    def response(self, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t, direction: cython.int) -> object:
        """Rows of a response."""
        service: cython.int = self.data[at] & 0x7F
        body: cython.Py_ssize_t = end
        status: cython.int = self.status(service, at, end)
        entry: cython.int = self.head(flow, service, at, end, direction)
        if end - at >= 4:
            body = min(end, at + 4 + 2 * self.data[at + 3])
        self.item = 0
        if entry >= 0 and self.pairing.function[entry] == 0x0A:
            self.packed(entry, service, status, body, end, 0)
        elif entry < 0 and service == 0x0A and body + 2 <= end:
            self.embedded(-1, body, end, 0)
        else:
            self.answer(entry, service, status, body, end, 0)
        if entry >= 0 and self.asking:
            self.seen[flow] = (self.seen[flow] | _ANSWERED_0 << direction) & ~_LOST
            self.pairing.keep_answered(self.queue, self.pairing.take(self.queue, entry), digest(self.data, at, end))
            if self.seen[flow] & _DOUBTED:
                self.seen[flow] &= ~_DOUBTED
                self.drop_readings()
        return None

    def packed(self, entry: cython.int, service: cython.int, status: cython.int, body: cython.Py_ssize_t, end: cython.Py_ssize_t,
               depth: cython.int) -> cython.int:
        """The answer to a Multiple_Service_Packet, which may refuse it as a whole. Returns the last waiting service that it answers."""
        pairing: Pairing = self.pairing
        left: cython.Py_ssize_t = pairing.count[entry]
        if service == 0x0A and (status == 0 or status & 0xFF == 0x1E) and body + 2 <= end:
            return self.embedded(entry, body, end, depth)
        while left > 0 and pairing.next[entry] >= 0 and pairing.item[pairing.next[entry]] > 0:
            entry = pairing.next[entry]
            left -= 1
            self.item += 1
            if pairing.function[entry] != 0x0A:
                self.answer(entry, pairing.function[entry], status, end, end, self.item - 1)
        return entry

    def drop_readings(self) -> object:
        """What is answered was read twice: the readings that are left will not be answered any more."""
        pairing: Pairing = self.pairing
        entry: cython.int = pairing.first[self.queue]
        before: cython.int = -1
        following: cython.int
        while entry >= 0:
            if pairing.item[entry] == 0 and pairing.digest[entry] & _READING:
                pairing.before = before
                pairing.free_run(pairing.take(self.queue, entry))
                entry = pairing.next[before] if before >= 0 else pairing.first[self.queue]
                continue
            before = entry
            following = pairing.next[entry]
            entry = following
        return None

    def head(self, flow: cython.Py_ssize_t, service: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t, direction: cython.int) -> cython.int:
        """The request that a response answers, -1 where there is none."""
        pairing: Pairing = self.pairing
        entry: cython.int
        self.queue = 2 * flow + 1 - direction
        entry = pairing.find(self.queue, self.transaction, self.dialogue, service, False) if pairing.first[self.queue] >= 0 else -1
        if entry >= 0 and (pairing.match == _EXACT or pairing.function[entry] == service):
            return entry
        if entry >= 0 and service == 0x52 and pairing.digest[entry] & _ROUTED:  # the router answers in place of the one behind it
            return entry
        if not self.asking:
            return -1
        if entry >= 0:
            self.wrong(_DIFFERENT, at, pairing.function[entry], service)
            return -1
        entry = pairing.find_answered(self.queue, self.transaction, self.dialogue)
        if entry >= 0 and pairing.function[entry] == service and pairing.digest[entry] != digest(self.data, at, end):
            self.wrong(_CONFLICTING, -1, pairing.frame[entry], service)
        elif entry < 0 and self.seen[flow] & _LOST == 0 and self.seen[flow] & (_ASKED_0 << (1 - direction)):
            self.wrong(_UNASKED, at, -1, service)
        return -1

    def embedded(self, entry: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t, depth: cython.int) -> cython.int:
        """The answers of a Multiple_Service_Packet, each to the service at its place. Returns the last waiting service that is answered."""
        pairing: Pairing = self.pairing
        count: cython.int = self.u16(at)
        number: cython.int
        service: cython.int
        here: cython.Py_ssize_t
        stop: cython.Py_ssize_t
        body: cython.Py_ssize_t
        asked: cython.int = entry
        if at + 2 + 2 * count > end:
            self.wrong(_ITEM_OFFSETS, at, 2 + 2 * count, end - at)
            return asked
        for number in range(count):
            if self.item >= self.items:
                break
            self.item += 1
            if asked >= 0:
                asked = pairing.next[asked]
                if asked >= 0 and pairing.item[asked] == 0:
                    asked = -1
            here = at + self.u16(at + 2 + 2 * number)
            stop = at + self.u16(at + 4 + 2 * number) if number + 1 < count else end
            if here < at + 2 + 2 * count or here + 4 > stop or stop > end:
                self.wrong(_ITEM_OFFSETS, at + 2 + 2 * number, here - at, stop - at)
                continue
            service = self.data[here] & 0x7F
            body = min(stop, here + 4 + 2 * self.data[here + 3])
            if asked >= 0 and pairing.function[asked] == 0x0A and depth < _DEEPEST and service in (0x0A, 0x52):
                asked = self.packed(asked, service, self.status(service, here, stop), body, stop, depth + 1)
            elif asked < 0 and service == 0x0A and depth < _DEEPEST and body + 2 <= stop:
                self.embedded(-1, body, stop, depth + 1)
            elif asked >= 0 and pairing.function[asked] != service:
                self.wrong(_DIFFERENT, here, pairing.function[asked], service)
                self.answer(-1, service, self.status(service, here, stop), body, stop, self.item - 1)
            else:
                self.answer(asked, service, self.status(service, here, stop), body, stop, self.item - 1)
        return asked

    def refused(self, flow: cython.Py_ssize_t, direction: cython.int, status: cython.int) -> object:
        """The encapsulation refused a request as a whole."""
        pairing: Pairing = self.pairing
        entry: cython.int
        item: cython.int
        self.queue = 2 * flow + 1 - direction
        entry = pairing.find(self.queue, self.transaction, 0, -1, False) if pairing.first[self.queue] >= 0 else -1
        if entry < 0:
            return None
        item = pairing.next[entry] if pairing.function[entry] == 0x0A else entry
        while item >= 0:
            if pairing.function[item] != 0x0A:
                self.answer(item, pairing.function[item], _REFUSED_STATUS + status, self.start, self.start, max(0, pairing.item[item] - 1))
            item = pairing.next[item]
            if item >= 0 and pairing.item[item] == 0:
                break
        if self.asking:
            pairing.keep_answered(self.queue, pairing.take(self.queue, entry), 0)
        return None

    def status(self, service: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """The general status of a response, the first word of its extended status above it."""
        general: cython.int
        if end - at < 4:
            self.wrong(_TRUNCATED, at, 4, end - at)
            return self.data[at + 2] if end - at == 3 else 0
        general = self.data[at + 2]
        if at + 4 + 2 * self.data[at + 3] > end:
            self.wrong(_TRUNCATED, at + 3, 2 * self.data[at + 3], end - at - 4)
            return general
        if general == 6 and service in (0x01, 0x03, 0x4C, 0x52, 0x55):
            return 0
        if general and self.data[at + 3]:
            return general | self.u16(at + 4) << 8
        return general

    def answer(self, entry: cython.int, service: cython.int, status: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t,
               item: cython.int) -> cython.Py_ssize_t:
        """The row of a response to one service; its data from `at` on."""
        pairing: Pairing = self.pairing
        operations: Operations = self.operations
        row: cython.Py_ssize_t
        if entry >= 0 and pairing.area[entry] == _PCCC and pairing.function[entry] == 0x4B and self.ridden:
            self.hand_on(at, end, _KIT_RESPONSE, self.units[entry], status)
            return -1
        if entry < 0:
            row = operations.add(self.pdus, self.pdu, _RESPONSE, self.protocol, service, self.action(service, -1))
            operations.unit[row] = self.unit
        else:
            row = operations.add(self.pdus, self.pdu, _RESPONSE, self.protocol, pairing.function[entry], pairing.action[entry])
            operations.unit[row] = self.units[entry]
            operations.subfunction[row] = pairing.subfunction[entry]
            operations.area[row] = pairing.area[entry]
            operations.object[row] = pairing.object[entry]
            operations.start[row] = pairing.start[entry]
            operations.count[row] = pairing.count[entry]
            self.answers(operations, row, entry)
        operations.status[row] = status
        operations.item[row] = item
        operations.transaction[row] = self.reference
        self.results(row, entry, service, status, at, end)
        return row

    def forget(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over; returns how many requests stayed unanswered."""
        return self.forget_requests(flow)
