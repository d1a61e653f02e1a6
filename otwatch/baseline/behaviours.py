# cython: boundscheck=True, wraparound=False, cdivision=True
"""Operations to behaviours: who does what to whom. Millions of messages of a polling plant are a few thousand behaviours.

Everything that is decided by the behaviour alone (rules, policy, baseline) is decided once per row of `behaviours`, and looked up per message.
"""

from __future__ import annotations

import secrets

import cython
import numpy as np

from otwatch.actions import CHANGING, Action, Role
from otwatch.limits import Limits
from otwatch.tables import Behaviours, Flows, Operations

_PROGRAM_DOWNLOAD = cython.declare(cython.int, int(Action.PROGRAM_DOWNLOAD))
_RESPONSE = cython.declare(cython.int, int(Role.RESPONSE))
# Typed names, because the compiler takes literals over 31 bits for Python integers.
_LOW32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
_LOW64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_CHANGES = cython.declare(cython.ulonglong, sum(1 << int(action) for action in CHANGING))  # a bit for each action
_WORDS = cython.declare(cython.int, 8)
_PRIME = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)


class BehaviourIndex:
    """Maps each operation to its behaviour by a hash table of its identifying columns.

    Beyond `limits.behaviours` rows the addresses inside a device are merged (-1), beyond 5/4 of it also who and whom, beyond 3/2 also the
    function codes: a flood of whatever is distinct cannot hide a dangerous action nor grow memory. `merged` counts the operations that lost detail.

    Of pairs of hosts `limits.pairs` are told apart, and of those that did not exchange packets both ways `limits.pairs_unanswered`: spoofed senders
    by the thousand are counted as one for each target, then as one, and take no room from a host that a device answers. `merged_pairs` counts the
    operations that lost their source so. A pair that is answered later stands for itself from then on. Of what one pair asks without changing
    anything `limits.places_read` behaviours are told apart; of what changes something every place stays.
    """

    def __init__(self, limits: Limits) -> None:
        self.behaviours = Behaviours(1024)
        self.limit = limits.behaviours
        self.merged = 0
        self.most_pairs = limits.pairs
        self.most_unanswered = limits.pairs_unanswered
        self.pairs = {}  # (source, destination) as one number -> its behaviours that change nothing
        self.unanswered = 0  # of them, those that had not exchanged packets both ways when they were first seen
        self.shared = 0  # of them, those of a target and all sources beyond the limit
        self.most_places = limits.places_read
        self.widened = False  # some pair reads more places than are told apart
        self.merged_pairs = 0
        self.flows = None  # of the batch
        self.seed = secrets.randbits(63) | 1  # objects and addresses are the sender's choice, their places are not
        self.slots = memoryview(np.full(4096, -1, np.int32))
        self.hashes = memoryview(np.zeros(4096, np.uint64))
        self.keys = memoryview(np.zeros(_WORDS * self.behaviours.capacity, np.uint64))  # a row's identifying columns side by side
        self.mask = 4095

    def feed(self, operations: Operations, flows: Flows | None = None) -> cython.Py_ssize_t:
        """Fills operations.behaviour and the counts of behaviours; returns how many behaviours there were before: the new ones follow.

        `flows` tells which pairs are answered; without it all of them are, and none is refused.
        """
        self.flows = flows
        table = self.behaviours
        known: cython.Py_ssize_t = table.rows
        i: cython.Py_ssize_t
        at: cython.int
        actor: cython.int
        target: cython.int
        swapped: cython.bint
        direction = operations.direction
        roles = operations.role
        actions = operations.action
        source = operations.source
        destination = operations.destination
        timestamp_ns = operations.timestamp_ns
        now: cython.longlong
        for i in range(operations.rows):
            now = timestamp_ns[i]
            swapped = roles[i] == _RESPONSE
            if actions[i] == _PROGRAM_DOWNLOAD and direction[i] != roles[i]:
                swapped = not swapped  # an S7 controller asks for the blocks that its client has announced: the client is who acts
            if swapped:
                actor = destination[i]
                target = source[i]
            else:
                actor = source[i]
                target = destination[i]
            at = self.find(actor, target, operations.protocol[i], roles[i], operations.function[i], operations.subfunction[i], actions[i],
                           operations.unit[i], operations.area[i], operations.object[i], operations.start[i], operations.count[i],
                           operations.status[i], operations.flow[i])
            if table.messages[at] == 0:
                table.first_ns[at] = now
                table.last_ns[at] = now
                table.first_frame[at] = operations.frame[i]
            table.messages[at] += 1
            if table.messages[at] <= 3:
                if table.messages[at] == 2:
                    table.second_ns[at] = now
                elif table.messages[at] == 3:
                    table.third_ns[at] = now
            if now < table.first_ns[at]:
                table.first_ns[at] = now
            if now > table.last_ns[at]:
                table.last_ns[at] = now
            table.last_frame[at] = operations.frame[i]
            if (table.rows >= self.limit or self.widened) and (
                table.source[at] != actor or table.destination[at] != target or table.function[at] != operations.function[i]
                or table.unit[at] != operations.unit[i] or table.object[at] != operations.object[i] or table.start[at] != operations.start[i]
                or table.count[at] != operations.count[i]
            ):
                self.merged += 1
            operations.behaviour[i] = at
        return known

    def find(self, source: cython.int, destination: cython.int, protocol: cython.int, role: cython.int, function: cython.int,
             subfunction: cython.int, action: cython.int, unit: cython.longlong, area: cython.int, object_: cython.longlong,
             start: cython.longlong, count: cython.longlong, status: cython.int, flow: cython.int) -> cython.int:
        """The row of a behaviour; a new one with no messages if it was never seen. `flow`: that of the message at hand, -1 without one."""
        table = self.behaviours
        row: cython.int
        who: cython.ulonglong = (source & _LOW32) << 32 | (destination & _LOW32)
        what: cython.ulonglong = (function & _LOW32) << 32 | (protocol << 16 | role << 8 | action)
        how: cython.ulonglong = (subfunction & _LOW32) << 32 | (status & _LOW32)
        mixed: cython.ulonglong = _mix(_mix(_mix(self.seed, who), what), how)  # never two columns at once: they would cancel out
        other: cython.ulonglong = _mix(_mix(_mix(self.seed, unit & _LOW64), object_ & _LOW64), start & _LOW64)  # at the same time as the other half
        mixed = _mix(_mix(mixed, count & _LOW64), _mix(other, area & _LOW32))
        at: cython.ulonglong = (mixed ^ (mixed >> 32)) & self.mask
        key: cython.Py_ssize_t
        keys = self.keys
        row = self.slots[at]
        while row >= 0:
            if self.hashes[at] == mixed:
                key = row * _WORDS
                if (keys[key] == who and keys[key + 1] == what and keys[key + 2] == how and keys[key + 3] == area & _LOW32
                        and keys[key + 4] == unit & _LOW64 and keys[key + 5] == object_ & _LOW64 and keys[key + 6] == start & _LOW64
                        and keys[key + 7] == count & _LOW64):
                    return row
            at = (at + 1) & self.mask
            row = self.slots[at]
        if destination != -1:
            read: cython.Py_ssize_t = self.pairs.get(who, -1)
            if read < 0 and not self.admits(who, flow):
                if source != -1:
                    self.merged_pairs += 1
                    return self.find(-1, destination, protocol, role, function, subfunction, action, -1, -1, -1, -1, -1, 0, -1)
                return self.find(-1, -1, protocol, role, function, subfunction, action, -1, -1, -1, -1, -1, 0, -1)
            if not (_CHANGES >> action) & 1:
                if read < self.most_places:
                    self.pairs[who] = max(read, 0) + 1
                elif object_ != -1 or start != -1 or count != -1 or unit != -1:
                    self.widened = True
                    return self.find(source, destination, protocol, role, function, subfunction, action, -1, area, -1, -1, -1, status, flow)
        if table.rows >= self.limit and (object_ != -1 or start != -1 or count != -1 or unit != -1):
            return self.find(source, destination, protocol, role, function, subfunction, action, -1, area, -1, -1, -1, status, flow)
        if table.rows >= self.limit + self.limit // 4 and (source != -1 or destination != -1 or area != -1 or status != 0):
            return self.find(-1, -1, protocol, role, function, subfunction, action, -1, -1, -1, -1, -1, 0, -1)
        if table.rows >= self.limit + self.limit // 2 and (function != -1 or subfunction != -1):
            return self.find(-1, -1, protocol, role, -1, -1, action, -1, -1, -1, -1, -1, 0, -1)
        row = table.new_row()
        table.source[row] = source
        table.destination[row] = destination
        table.protocol[row] = protocol
        table.role[row] = role
        table.function[row] = function
        table.subfunction[row] = subfunction
        table.action[row] = action
        table.unit[row] = unit
        table.area[row] = area
        table.object[row] = object_
        table.start[row] = start
        table.count[row] = count
        table.status[row] = status
        table.answered[row] = self.is_answered(flow)
        table.messages[row] = 0
        table.second_ns[row] = 0
        table.third_ns[row] = 0
        if _WORDS * table.capacity > keys.shape[0]:
            larger = np.zeros(_WORDS * table.capacity, np.uint64)
            larger[:keys.shape[0]] = keys
            self.keys = memoryview(larger)
            keys = self.keys
        key = row * _WORDS
        keys[key] = who
        keys[key + 1] = what
        keys[key + 2] = how
        keys[key + 3] = area & _LOW32
        keys[key + 4] = unit & _LOW64
        keys[key + 5] = object_ & _LOW64
        keys[key + 6] = start & _LOW64
        keys[key + 7] = count & _LOW64
        self.slots[at] = row
        self.hashes[at] = mixed
        if 2 * table.rows > self.slots.shape[0]:
            self.rehash()
        return row

    def admits(self, who: cython.ulonglong, flow: cython.int) -> cython.bint:
        """Whether there is room for a new pair of hosts to stand for itself."""
        answered: cython.bint = self.is_answered(flow)
        if self.flows is not None:
            if who >> 32 == _LOW32:  # what all further sources did to one target
                if self.shared >= self.most_unanswered // 4:
                    return False
            elif len(self.pairs) >= self.most_pairs or (not answered and self.unanswered >= self.most_unanswered):
                return False
        if who >> 32 == _LOW32:
            self.shared += 1
        else:
            self.unanswered += not answered
        self.pairs[who] = 0
        return True

    def is_answered(self, flow: cython.int) -> cython.bint:
        """Whether packets were seen both ways in a flow: of TCP, the target accepted the connection."""
        flows = self.flows
        if flows is None:
            return True
        return flow >= 0 and flows.packets_to_server[flow] > 0 and flows.packets_to_client[flow] > 0

    def rehash(self) -> object:
        """Twice the slots; the stored hashes spare computing them again."""
        size: cython.Py_ssize_t = 2 * self.slots.shape[0]
        old_slots = self.slots
        old_hashes = self.hashes
        self.slots = memoryview(np.full(size, -1, np.int32))
        self.hashes = memoryview(np.zeros(size, np.uint64))
        self.mask = size - 1
        i: cython.Py_ssize_t
        at: cython.ulonglong
        for i in range(size // 2):
            if old_slots[i] >= 0:
                at = (old_hashes[i] ^ (old_hashes[i] >> 32)) & self.mask
                while self.slots[at] >= 0:
                    at = (at + 1) & self.mask
                self.slots[at] = old_slots[i]
                self.hashes[at] = old_hashes[i]
        return None


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _mix(a: cython.ulonglong, b: cython.ulonglong) -> cython.ulonglong:
    """One round of multiply and shift over two words."""
    a = ((a ^ b) * _PRIME) & _LOW64
    return a ^ (a >> 29)
