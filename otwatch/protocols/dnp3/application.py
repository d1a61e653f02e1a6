# cython: boundscheck=True, wraparound=False, cdivision=True
"""One application fragment into rows (IEEE 1815-2012 clause 4): header, internal indications, object headers, pairing.

Rows of objects are made in `headers`. A fragment without objects gives one row. Internal indications are the value of that row, or of a row of their
own (without object) behind the objects when their state bits changed.
"""

from __future__ import annotations

import cython

from otwatch.limits import Limits
from otwatch.protocols.dnp3 import spec, tables
from otwatch.protocols.dnp3.conversation import Side
from otwatch.protocols.dnp3.headers import Headers
from otwatch.protocols.kit.early import Early
from otwatch.protocols.kit.habits import BEGAN, HABIT, IDENTIFIER, KINDS, Habits
from otwatch.protocols.kit.pairing import Pairing
from otwatch.tables import Operations, Pdus
from otwatch.vocabulary import PduFlag

if not cython.compiled:  # compiled, it comes from application.pxd
    from otwatch.protocols.kit.digest import digest

_AFTER_GAP = cython.declare(cython.int, int(PduFlag.AFTER_GAP))
_UNHEARD = cython.declare(cython.int, int(PduFlag.UNHEARD))
_DATAGRAM = cython.declare(cython.int, int(PduFlag.DATAGRAM))
_IDENTIFIER = cython.declare(cython.int, IDENTIFIER)
_KINDS = cython.declare(cython.int, KINDS)
_HABIT = cython.declare(cython.int, HABIT)
_BEGAN = cython.declare(cython.int, BEGAN)
_ITEMS = cython.declare(cython.int, 64)  # points of a command that its response is compared with
_KNOWN = cython.declare(cython.int, tables.KNOWN)
_BARE = cython.declare(cython.int, tables.BARE)
_SILENT = cython.declare(cython.int, tables.SILENT)
_IIN_ERRORS = cython.declare(cython.int, spec.IIN_ERRORS)
_IIN_STATE = cython.declare(cython.int, spec.IIN_STATE)
_VALUE_IIN = cython.declare(cython.int, spec.VALUE_IIN)

# Application control octet, 4.2.2.4
_FIR = cython.declare(cython.int, 0x80)
_FIN = cython.declare(cython.int, 0x40)
_CON = cython.declare(cython.int, 0x20)
_UNS = cython.declare(cython.int, 0x10)


class Application(Headers):
    """Where the rows of fragments go. `start_batch` with its tables, `message` once per fragment."""

    def __init__(self, protocol: cython.int, limits: Limits) -> None:
        Headers.__init__(self, protocol)
        self.items = limits.items_per_pdu
        self.what = tables.what().data
        self.functions = tables.functions().data
        self.sizes = tables.sizes().data
        self.known = tables.groups().data
        self.pairing = Pairing(limits.outstanding_requests)
        self.early = Early(limits)
        self.habits = Habits("dnp3.responses")
        self.released = False  # the response at hand was held: it is not held again
        self.unasked = False  # ... and when it came nobody had asked yet

    def message(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t, frames: cython.longlong, source: cython.int, destination: cython.int,
                from_master: cython.bint, sender: Side, receiver: Side, cut: cython.bint) -> None:
        """The rows of the fragment octets[start:end] that came in `frames` frames. `cut`: its end was never captured, which is nobody's fault."""
        pdus: Pdus = self.pdus
        data = pdus.octets.data
        pdu: cython.Py_ssize_t = self.pdu
        frame: cython.longlong = pdus.frame[pdu]
        now: cython.longlong = pdus.timestamp_ns[pdu]
        if end - start < 2:
            if not cut:
                self.report(spec.FRAGMENT_TOO_SHORT, 0, 2, end - start)
            return
        control: cython.int = data[start]
        function: cython.int = data[start + 1]
        traits: cython.int = self.functions[function]
        sequence: cython.int = control & 0x0F
        answer: cython.bint = function >= 128  # 4.2.2.5: 129-255 are responses; 128 belongs to neither
        at: cython.Py_ssize_t = start + 2
        indications: cython.int = 0
        if (function == 129 and not self.released and not cut and self.early.may_come(pdus.flags[pdu]) and self.unpaired(control, sender, receiver)
                and self.early.hold(pdus, pdu, start, end, (frames, source, destination, from_master, sequence, receiver.queue < 0))):
            return
        self.start = start
        self.cut = cut
        self.allowed = self.items * frames
        self.left = self.allowed
        self.item = 0
        self.function = function
        self.asked = function
        self.unit = source if answer else destination
        self.role = 2 if function == 130 else 1 if answer else 0
        self.sequence = sequence
        self.request_frame = -1
        self.latency_ns = -1
        self.status = 0
        if not traits & _KNOWN:
            self.report(spec.RESERVED_FUNCTION, 1, 0, function)
        if answer == from_master:
            self.report(spec.DIRECTION, 0, 0, function)
        if answer and traits & _KNOWN:
            if (function == 130) != ((control & _UNS) != 0):
                self.report(spec.UNSOLICITED_BIT, 0, 0, control)
            if end - at >= 2:
                indications = data[at] | data[at + 1] << 8
                if indications & 0xC000:
                    self.report(spec.RESERVED_IIN, 3, 0, indications)
                if indications & _IIN_ERRORS:
                    self.status = 0x10000 | (indications & _IIN_ERRORS)
                at += 2
            else:
                if not cut:
                    self.report(spec.FRAGMENT_TOO_SHORT, 2, 4, end - start)
                answer = False  # there are no indications to tell of
                at = end
        elif not answer:
            if (control & (_FIR | _FIN)) != (_FIR | _FIN):
                self.report(spec.REQUEST_FRAGMENTED, 0, _FIR | _FIN, control)
            if control & _CON:
                self.report(spec.REQUEST_ASKS_CONFIRM, 0, 0, control)
            if control & _UNS and function != 0:
                self.report(spec.UNSOLICITED_BIT, 0, 0, control)
        else:
            answer = False
        waiting: cython.int = -1
        self.conflicts = False
        if answer:
            waiting = self.answers(control, sender, receiver, frame, now, end)
        elif function == 0:
            self.confirms(control, receiver, now)
        elif function < 128:
            if function in (3, 4):
                self.select_or_operate(start, end, sender, receiver)
            else:
                sender.select_sequence = -1  # 4.4.4.3: any other request ends the selection
            if not traits & _SILENT and destination < 0xFFFD:
                waiting = self.ask(sender, sequence, frame, now, function)
        first: cython.Py_ssize_t = self.operations.rows
        if at < end and traits & _KNOWN:
            if traits & _BARE and data[at] != 120:
                self.report(spec.UNEXPECTED_OBJECTS, at - start, 0, end - at)
            self.objects(at, end)
        self.close(first, waiting, answer, indications, sender)
        sender.messages += 1

    def ask(self, sender: Side, sequence: cython.int, frame: cython.longlong, now: cython.longlong, function: cython.int) -> cython.int:
        """Remembers a request. One with the same sequence number that others followed will not be answered any more: the numbers came round."""
        pairing: Pairing = self.pairing
        entry: cython.int
        following: cython.int
        if sender.queue < 0:
            sender.queue = pairing.new_queue()
        queue: cython.Py_ssize_t = sender.queue
        if pairing.first[queue] >= 0:
            entry = pairing.find(queue, sequence, 0, -1, False)
            if entry >= 0:
                following = pairing.next[entry]
                while following >= 0 and pairing.item[following] > 0:
                    following = pairing.next[following]
                if following >= 0:
                    pairing.free_run(pairing.take(queue, entry))
                    sender.lost += 1
            if pairing.waiting[queue] >= pairing.limit:
                pairing.drop_oldest(queue)
                sender.lost += 1
        entry = pairing.ask(queue, 0)
        pairing.transaction[entry] = sequence
        pairing.unit[entry] = 0
        pairing.function[entry] = function
        pairing.frame[entry] = frame
        pairing.timestamp_ns[entry] = now
        return entry

    def unpaired(self, control: cython.int, sender: Side, receiver: Side) -> cython.bint:
        """Whether the request of a response is not there."""
        asked: cython.int = self.asked_sequence(control, control & 0x0F, sender)
        return receiver.queue < 0 or self.pairing.find(receiver.queue, asked, 0, -1, False) < 0

    def asked_sequence(self, control: cython.int, sequence: cython.int, sender: Side) -> cython.int:
        """The sequence number of the request of a response: its own, or that of the first of several fragments."""
        if not control & _FIR and sender.answering >= 0 and sequence == ((sender.answered + 1) & 0x0F):
            return sender.answering
        return sequence

    def answers(self, control: cython.int, sender: Side, receiver: Side, frame: cython.longlong, now: cython.longlong,
                end: cython.Py_ssize_t) -> cython.int:
        """Finds the request of a response; returns its entry in the pairing, -1 when it was not seen."""
        pairing: Pairing = self.pairing
        sequence: cython.int = self.sequence
        flags: cython.int = self.pdus.flags[self.pdu]
        checksum: cython.uint
        entry: cython.int = -1
        device: cython.int
        if control & _CON:
            if self.function == 130:
                sender.unsolicited_sequence = sequence
                sender.unsolicited_frame = frame
                sender.unsolicited_ns = now
            else:
                sender.confirm_sequence = sequence
                sender.confirm_frame = frame
                sender.confirm_ns = now
        if self.function == 130 or receiver.queue < 0 or self.unasked:
            return -1
        asked: cython.int = self.asked_sequence(control, sequence, sender)
        queue: cython.Py_ssize_t = receiver.queue
        checksum = digest(self.pdus.octets.data, self.start, end)
        if pairing.first[queue] >= 0:
            entry = pairing.find(queue, asked, 0, -1, False)
        if entry >= 0:
            if sequence > 0 and control & _FIR:
                device = sender.device
                if device < 0:
                    device = sender.device = self.habits.device(self.pdus, self.pdu)
                self.habits.good[_KINDS * device] += 1
                if self.habits.odd[device] and self.habits.ended(device, _IDENTIFIER):
                    self.report(spec.DEVIATING_RESPONSE, 0, sequence, sequence)
        elif self.function == 129 and flags & (_AFTER_GAP | _UNHEARD) == 0:
            entry = self.out_of_sequence(control, sender, queue, checksum)
        if entry < 0:
            sender.answering = -1
            return -1
        self.request_frame = pairing.frame[entry]
        if now >= pairing.timestamp_ns[entry]:
            self.latency_ns = now - pairing.timestamp_ns[entry]
        self.asked = pairing.function[entry]
        if control & _FIN:
            if flags & _DATAGRAM == 0:
                self.early.tcp_answers += 1
            pairing.keep_answered(queue, pairing.take(queue, entry), checksum)
            sender.answering = -1
        else:
            sender.answering = pairing.transaction[entry]
            sender.answered = sequence
        return entry

    def out_of_sequence(self, control: cython.int, sender: Side, queue: cython.Py_ssize_t, checksum: cython.uint) -> cython.int:
        """What a response answers whose sequence number is of no waiting request: the oldest, where the device's numbers are useless from the first
        or where only one waits; else -1. A second, different response to an answered request is reported."""
        pairing: Pairing = self.pairing
        entry: cython.int = pairing.find_answered(queue, self.sequence, 0)
        device: cython.int
        said: cython.int
        if sender.device < 0:
            sender.device = self.habits.device(self.pdus, self.pdu)
        device = sender.device
        if entry >= 0 and (pairing.first[queue] < 0 or not self.habits.is_habit(device, _IDENTIFIER)):
            if pairing.digest[entry] != checksum and sender.messages > 0 and control & (_FIR | _FIN) == (_FIR | _FIN):
                self.report(spec.CONFLICTING_RESPONSE, 0, -1, self.sequence)
                self.conflicts = True
                self.request_frame = pairing.frame[entry]
            return -1
        if control & (_FIR | _FIN) != (_FIR | _FIN) or pairing.first[queue] < 0:
            return -1
        if pairing.waiting[queue] != 1 and not self.habits.is_habit(device, _IDENTIFIER):
            return -1
        entry = pairing.in_order(queue, 0, -1, False)
        said = self.habits.deviates(device, _IDENTIFIER, self.pdus, self.pdu, "sequence numbers of requests are not copied into responses",
                                    self.facts)
        self.report(spec.DEVICE_QUIRK if said == _HABIT else spec.DEVIATING_RESPONSE if said == _BEGAN else spec.FOREIGN_RESPONSE, 0,
                     pairing.transaction[entry], self.sequence)
        return entry

    def confirms(self, control: cython.int, receiver: Side, now: cython.longlong) -> None:
        """A confirm points to what it confirms."""
        if control & _UNS:
            if receiver.unsolicited_sequence == self.sequence:
                self.request_frame = receiver.unsolicited_frame
                self.latency_ns = now - receiver.unsolicited_ns
                receiver.unsolicited_sequence = -1
        elif receiver.confirm_sequence == self.sequence:
            self.request_frame = receiver.confirm_frame
            self.latency_ns = now - receiver.confirm_ns
            receiver.confirm_sequence = -1

    def select_or_operate(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t, sender: Side, receiver: Side) -> None:
        """4.4.4.3: an operate repeats the objects of the select just before it, with the next sequence number."""
        pdu: cython.Py_ssize_t = self.pdu
        parts: bytes = self.pdus.octets.tobytes(start + 2, end)
        if self.function == 3:
            sender.select = parts
            sender.select_sequence = self.sequence
            sender.select_frame = self.pdus.frame[pdu]
            sender.select_ns = self.pdus.timestamp_ns[pdu]
        elif sender.select_sequence >= 0 and self.sequence == ((sender.select_sequence + 1) & 0x0F) and parts == sender.select:
            self.request_frame = sender.select_frame
            self.latency_ns = self.pdus.timestamp_ns[pdu] - sender.select_ns
        else:
            if sender.messages > 0 and receiver.messages > 0 and not self.cut:
                self.report(spec.OPERATE_WITHOUT_SELECT, 1, -1, self.sequence)
            sender.select_sequence = -1

    def close(self, first: cython.Py_ssize_t, waiting: cython.int, answer: cython.bint, indications: cython.int, sender: Side) -> None:
        """What the object rows leave to tell: the row of a bare message, indications, the place that a request asks for, and whether its
        response fits it."""
        operations: Operations = self.operations
        pairing: Pairing = self.pairing
        row: cython.Py_ssize_t
        state: cython.int = indications & _IIN_STATE
        bare: cython.bint = operations.rows == first
        if answer and not bare and waiting >= 0:
            self.compare(first, waiting)
        if bare:
            row = self.row(-1, -1, -1, -1)
            if answer and waiting >= 0:
                operations.area[row] = pairing.area[waiting]
                operations.object[row] = pairing.object[waiting]
                operations.start[row] = pairing.start[waiting]
                operations.count[row] = pairing.count[waiting]
                if pairing.area[waiting] >= 0:
                    operations.action[row] = self.what[self.asked << 8 | pairing.area[waiting]] & 0x3F
                if self.asked in (3, 4, 5) and self.status == 0 and pairing.area[waiting] in (12, 41):
                    operations.contradicts[row] = 1  # 4.4.3: the response repeats the points, each with its status
        elif answer and state != sender.indications:
            row = self.row(-1, -1, -1, -1)
            bare = True
        if answer:
            sender.indications = state
            if bare:
                operations.value_kind[row] = _VALUE_IIN
                operations.value_at[row] = self.start + 2
                operations.value_length[row] = 2
        elif waiting >= 0:
            self.place(first, waiting, sender.queue)
        if self.conflicts:
            for row in range(first, operations.rows):
                operations.contradicts[row] = 1

    def place(self, first: cython.Py_ssize_t, entry: cython.int, queue: cython.Py_ssize_t) -> None:
        """What a request is about: its first row; of commands every point, with its value."""
        operations: Operations = self.operations
        pairing: Pairing = self.pairing
        row: cython.Py_ssize_t
        item: cython.int
        commands: cython.bint = self.function in (3, 4, 5)
        for row in range(first, operations.rows):
            item = row - first
            if item > 0:
                if not commands or item >= _ITEMS:
                    return
                entry = pairing.ask(queue, item)
                pairing.transaction[entry] = self.sequence
            pairing.area[entry] = operations.area[row]
            pairing.object[entry] = operations.object[row]
            pairing.start[entry] = operations.start[row]
            pairing.count[entry] = operations.count[row]
            pairing.value[entry] = self.command(row) if commands else 0

    def command(self, row: cython.Py_ssize_t) -> cython.uint:
        """A checksum of the octets of a commanded point without its status, which is the last (A.8.1, A.20)."""
        operations: Operations = self.operations
        at: cython.Py_ssize_t = operations.value_at[row]
        length: cython.Py_ssize_t = operations.value_length[row]
        if length < 1:
            return 0
        return digest(self.pdus.octets.data, at, at + length - 1)

    def compare(self, first: cython.Py_ssize_t, entry: cython.int) -> None:
        """Marks the points of a response that are not those of the command, or have another value: they confirm nothing."""
        operations: Operations = self.operations
        pairing: Pairing = self.pairing
        row: cython.Py_ssize_t
        if self.asked not in (3, 4, 5):
            return
        for row in range(first, operations.rows):
            if operations.area[row] not in (12, 41):
                continue
            if entry < 0:
                if operations.item[row] < _ITEMS:
                    operations.contradicts[row] = 1
                continue
            if (pairing.area[entry] != operations.area[row] or pairing.object[entry] != operations.object[row]
                    or pairing.start[entry] != operations.start[row] or pairing.value[entry] != self.command(row)):
                operations.contradicts[row] = 1
            entry = pairing.next[entry]
            if entry >= 0 and pairing.item[entry] == 0:
                entry = -1
