# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""The message in hand: its fields read by the letters of their shapes (`spec.SHAPES`), rows, facts and anomalies.

A response takes node, attribute and action of each row from the request that waits (`waiting`, the head of its chain in the pairing).
"""

from __future__ import annotations

import cython

from otwatch.actions import Role
from otwatch.protocols.kit.pairing import Pairing
from otwatch.protocols.opcua import spec
from otwatch.protocols.opcua.reader import Reader
from otwatch.protocols.opcua.spec import Anomaly
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_CERTIFICATE = cython.declare(cython.int, Anomaly.CERTIFICATE)
_KIND_DATA = cython.declare(cython.int, spec.VALUE_DATA)
_KIND_VARIANTS = cython.declare(cython.int, spec.VALUE_VARIANTS)
_KIND_TEXT = cython.declare(cython.int, spec.VALUE_TEXT)
_KIND_REFERENCES = cython.declare(cython.int, spec.VALUE_REFERENCES)
_CUT = cython.declare(cython.int, PduFlag.CUT)


class Fields(Reader):
    """One at a time; `open` moves to the next PDU. What was read last of an item is in `item_…`."""

    def start_batch(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list) -> object:
        """The tables that the next PDUs are read from and written to."""
        self.pdus = pdus
        self.operations = operations
        self.anomalies = anomalies
        self.facts = facts
        return None

    def open(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t) -> object:
        """The next PDU."""
        self.pdu = pdu
        self.flow = flow
        self.look(self.pdus.octets.data, self.pdus.start[pdu], self.pdus.start[pdu], self.pdus.end[pdu])
        self.is_cut = self.pdus.flags[pdu] & _CUT != 0
        self.request_id = -1
        self.item = 0
        self.waiting = -1
        self.policy = -1
        return None

    def report(self, kind: cython.int, offset: cython.int, needed: cython.longlong, had: cython.longlong) -> object:
        """An anomaly at an offset of the message."""
        self.anomalies.add(self.pdus, self.pdu, self.layer, kind, offset, needed, had)
        return None

    def fact(self, kind: str, value: str, source: str) -> object:
        """What the sender says of itself."""
        self.identity.add(self.pdus, self.pdu, kind, value, source, self.facts)
        return None

    def certificate(self, source: str) -> object:
        """The certificate that was read last is the sender's."""
        if self.length > 0 and not self.wrong:
            known = self.identity.certificate(self.octets())
            for kind, value in known or ():
                self.fact(kind, value, source)
            if known is None:
                self.report(_CERTIFICATE, self.place - self.first, -1, self.length)
        return None

    def row(self, role: cython.int, function: cython.int, action: cython.int) -> cython.Py_ssize_t:
        """A new row of operations for this message."""
        row: cython.Py_ssize_t = self.operations.add(self.pdus, self.pdu, role, self.protocol, function, action)
        self.operations.transaction[row] = self.request_id
        self.operations.item[row] = self.item
        self.item += 1
        return row

    def answer(self, function: cython.int, action: cython.int) -> cython.Py_ssize_t:
        """A row of a response: what was asked stands in the request that waits, whose next item is the next to be answered."""
        row: cython.Py_ssize_t
        entry: cython.int = self.waiting
        operations: Operations = self.operations
        pairing: Pairing = self.pairing
        row = self.row(_RESPONSE, function, pairing.action[entry] if entry >= 0 else action)
        if entry >= 0:
            operations.subfunction[row] = pairing.subfunction[entry]
            operations.area[row] = pairing.area[entry]
            operations.object[row] = pairing.object[entry]
            operations.start[row] = pairing.start[entry]
            operations.count[row] = pairing.count[entry]
            entry = pairing.next[entry]
            self.waiting = entry if entry >= 0 and pairing.item[entry] > 0 else -1
        return row

    def value(self, row: cython.Py_ssize_t, kind: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Where the value of a row is."""
        if end > at and not self.wrong:
            self.operations.value_kind[row] = kind
            self.operations.value_at[row] = at
            self.operations.value_length[row] = end - at
        return None

    # ---- fields by their letters

    def fields(self, shape: str) -> object:
        """Reads the fields of a shape; what a row is made of into `item_…`."""
        letter: cython.Py_UCS4
        at: cython.Py_ssize_t
        self.item_area = self.item_start = self.item_handle = self.item_sub = -1
        self.item_object = self.item_count = -1
        self.item_status = self.item_kind = 0
        for letter in shape:
            if self.wrong:
                break
            at = self.at
            if letter in "utahi":
                self.number = self.u32()
                if letter == "t":
                    self.item_status = self.number
                elif letter == "a":
                    self.item_start = self.number & 0x7FFFFFFF
                elif letter == "h":
                    self.item_handle = self.number
                elif letter == "i":
                    self.subscription = self.number
            elif letter in "NXY":
                if letter == "N":
                    self.node()
                else:
                    self.expanded()
                if not self.wrong and (letter != "X" or self.object):
                    self.item_area = self.area
                    self.item_object = self.object
            elif letter == "v":
                self.data_value(0)
                self.item_status = self.status
                self.take(_KIND_DATA, at)
            elif letter == "V":
                self.several(86)
                self.take(_KIND_VARIANTS, at)
            elif letter == "R":
                self.item_count = self.several(82)
                self.take(_KIND_REFERENCES, at)
            elif letter in "zQ":
                if letter == "Q":
                    self.skip(2)
                self.string()
                self.take(_KIND_TEXT, self.place)
            else:
                self.field(letter)
        return None

    def take(self, kind: cython.int, at: cython.Py_ssize_t) -> object:
        """The value of the item is what was read since `at`."""
        self.item_kind = kind
        self.item_from = at
        self.item_to = self.at
        return None

    def field(self, letter: cython.Py_UCS4) -> object:
        """A field that is stepped over, or that is rare."""
        end: cython.Py_ssize_t = self.end
        if letter == "s":
            self.string()
        elif letter == "q":
            self.qualified()
        elif letter == "n":
            self.node()
        elif letter == "x":
            self.expanded()
        elif letter == "b":
            self.skip(1)
        elif letter == "d":
            self.skip(8)
        elif letter == "e":
            self.extension()
        elif letter == "S":
            self.strings()
        elif letter == "D":
            self.all_diagnostics()
        elif letter == "U":
            self.skip(4 * self.count(4))
        elif letter == "o":
            self.node()
            if not self.wrong:
                self.item_object = self.names.number_of(spec.node_name(self.area, self.object))
        elif letter == "H":
            self.extension()
            self.item_sub = self.object & 0x7FFFFFFF if self.area == 0 else -1
            if self.length > 0:
                self.at = self.place
                self.end = self.place + self.length
                self.node()
                self.item_area = self.area
                self.item_object = self.object
                self.at = self.end
                self.end = end
        else:
            self.several(ord(letter))
        return None

    def several(self, letter: cython.int) -> cython.Py_ssize_t:
        """Steps over an array of structures; returns their number."""
        many: cython.Py_ssize_t = self.count(1)
        left: cython.Py_ssize_t = many
        while left > 0 and not self.wrong:
            left -= 1
            if letter == 86:  # V
                self.variant(0)
            elif letter == 82:  # R: ReferenceDescription
                self.node()
                self.skip(1)
                self.expanded()
                self.qualified()
                self.localized()
                self.skip(4)
                self.expanded()
            elif letter == 71:  # G: BrowsePathTarget
                self.expanded()
                self.skip(4)
            elif letter == 80:  # P: RelativePathElement
                self.node()
                self.skip(2)
                self.qualified()
            elif letter == 76:  # L
                self.localized()
            elif letter == 69:  # E
                self.extension()
            else:  # C: two byte strings
                self.string()
                self.string()
        return many
