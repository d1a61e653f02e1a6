# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""The message in hand: the fields of its service read by their shapes (`spec.SHAPES`), rows, facts and anomalies made of them.

A row an item; a response takes node, attribute and action of each from the request that waits (`waiting`, the head of its chain in the pairing).
"""

from __future__ import annotations

import cython

from otwatch.actions import Action, Role
from otwatch.protocols.kit.pairing import Pairing
from otwatch.protocols.opcua import spec
from otwatch.protocols.opcua.facts import Identity
from otwatch.protocols.opcua.fields import Fields
from otwatch.protocols.opcua.reader import Reader
from otwatch.protocols.opcua.spec import Anomaly
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_CONFIGURE = cython.declare(cython.int, Action.CONFIGURE)
_IDENTIFY = cython.declare(cython.int, Action.IDENTIFY)
_REPORT = cython.declare(cython.int, Action.REPORT)
_TRAILING_BYTES = cython.declare(cython.int, Anomaly.TRAILING_BYTES)
_TOO_MANY_ITEMS = cython.declare(cython.int, Anomaly.TOO_MANY_ITEMS)
_RESULT_COUNT = cython.declare(cython.int, Anomaly.RESULT_COUNT)
_CLEAR_TEXT_PASSWORD = cython.declare(cython.int, Anomaly.CLEAR_TEXT_PASSWORD)
_S_READ = cython.declare(cython.int, spec.READ)
_S_WRITE = cython.declare(cython.int, spec.WRITE)
_S_CALL = cython.declare(cython.int, spec.CALL)
_S_HISTORY_READ = cython.declare(cython.int, spec.HISTORY_READ)
_S_OPEN = cython.declare(cython.int, spec.OPEN_CHANNEL)
_S_CREATE_SESSION = cython.declare(cython.int, spec.CREATE_SESSION)
_S_ACTIVATE = cython.declare(cython.int, spec.ACTIVATE_SESSION)
_S_FIND_SERVERS = cython.declare(cython.int, spec.FIND_SERVERS)
_S_ENDPOINTS = cython.declare(cython.int, spec.GET_ENDPOINTS)
_S_PUBLISH = cython.declare(cython.int, spec.PUBLISH)
_S_CREATE_SUBSCRIPTION = cython.declare(cython.int, spec.CREATE_SUBSCRIPTION)
_VALUE = cython.declare(cython.int, spec.VALUE)
_KIND_DATA = cython.declare(cython.int, spec.VALUE_DATA)
_KIND_TEXT = cython.declare(cython.int, spec.VALUE_TEXT)
_KIND_SUBSCRIPTION = cython.declare(cython.int, spec.VALUE_SUBSCRIPTION)
_UNSECURED = cython.declare(cython.int, spec.UNSECURED)
_CLEAR_PASSWORD = cython.declare(cython.int, spec.CLEAR_PASSWORD)
_ENCRYPTED_SECRETS = cython.declare(tuple, (17545, 17546))  # RsaEncryptedSecret, EccEncryptedSecret (OPC 10000-4 7.41.2)
_NOTIFIED = cython.declare(cython.int, 64)  # items of one notification that get a row each
_LISTED = cython.declare(cython.int, 64)  # endpoints and servers of one message that facts are made of
_SHAPES = cython.declare(dict, dict(spec.SHAPES))
_LEASTS = cython.declare(dict, {
    shape: max(1, sum(spec.LEAST[letter] for letter in shape)) for shapes in spec.SHAPES.values() for shape in shapes[1:3]})


class Message(Fields):
    """One at a time; `open` moves to the next PDU."""

    def __init__(self, protocol: cython.int, items: cython.int, handles: cython.int, pairing: Pairing) -> None:
        Reader.__init__(self)
        self.protocol = protocol
        self.layer = FIRST_PROTOCOL_LAYER + protocol
        self.items = items
        self.handles_most = handles
        self.handles: dict[int, dict[int, tuple[int, int, int]]] = {}  # flow -> subscription << 32 | client handle -> node and attribute
        self.handles_held = self.handles_dropped = 0
        self.pairing = pairing
        self.identity = Identity()
        self.item_area = self.item_start = self.item_handle = self.item_sub = self.item_count = -1
        self.item_object = -1
        self.item_status = self.item_kind = self.item_from = self.item_to = self.number = self.subscription = 0
        self.start_batch(Pdus(Octets(1), 1), Operations(1), Anomalies(1), [])

    # ---- requests

    def request(self, function: cython.int, action: cython.int) -> object:
        """Rows of a request; `at` is behind the type of the message."""
        row: cython.Py_ssize_t
        at: cython.Py_ssize_t
        many: cython.Py_ssize_t
        shapes = _SHAPES.get(function)
        self.node()  # RequestHeader (OPC 10000-4 7.33): token of the session, time, handle, diagnostics, audit entry, timeout, header
        self.skip(16)
        self.string()
        self.skip(4)
        self.extension()
        at = self.at
        if shapes is not None:
            self.fields(shapes[0].rstrip("*"))
            if not shapes[1]:
                row = self.row(_REQUEST, function, action)
                if function == _S_CREATE_SUBSCRIPTION:
                    self.value(row, _KIND_SUBSCRIPTION, at, self.at)
                elif self.item_kind:
                    self.value(row, self.item_kind, self.item_from, self.item_to)
            elif shapes[0].endswith("*"):
                row = self.row(_REQUEST, function, action)
                many = self.all_of(shapes[1])
                if function != _S_PUBLISH:  # how many notifications it acknowledges says nothing
                    self.operations.count[row] = many
            else:
                self.request_items(function, action, shapes[1])
            if function == 841:
                self.skip(1)
        elif function == _S_OPEN:
            self.skip(8)
            row = self.row(_REQUEST, function, action)
            self.operations.subfunction[row] = self.policy
            self.operations.start[row] = self.u32() & 0xFF
            self.string()
            self.skip(4)
        elif function == _S_CREATE_SESSION:
            self.application("opcua.create_session", False)
            self.string()
            self.fields("zsss")
            row = self.row(_REQUEST, function, action)
            self.value(row, _KIND_TEXT, self.item_from, self.item_to)
            self.certificate("opcua.create_session")
            self.skip(12)
        elif function == _S_ACTIVATE:
            self.activate(action)
        else:
            self.at = self.end
        if self.item == 0:
            self.row(_REQUEST, function, action)
        self.finish()
        return None

    def finish(self) -> object:
        """What did not fit, said once; bytes behind a message that has no signature."""
        if self.wrong:
            if not self.is_cut:
                self.report(self.problem, self.offset, self.needed, self.had)
        elif self.at < self.end and self.policy == 0 and not self.is_cut:
            self.report(_TRAILING_BYTES, self.at - self.first, 0, self.end - self.at)
        return None

    def all_of(self, shape: str) -> cython.Py_ssize_t:
        """Steps over items that share a row; returns their number, the first status that is bad into `item_status`."""
        many: cython.Py_ssize_t = self.count(_LEASTS[shape])
        left: cython.Py_ssize_t = many
        bad: cython.longlong = 0
        while left > 0 and not self.wrong:
            self.fields(shape)
            if bad == 0 and self.item_status >> 31:
                bad = self.item_status
            left -= 1
        self.item_status = bad
        return many

    def request_items(self, function: cython.int, action: cython.int, shape: str) -> object:
        """A row for each item of a request."""
        row: cython.Py_ssize_t
        left: cython.Py_ssize_t = self.count(_LEASTS[shape])
        operations: Operations = self.operations
        called: cython.longlong = -1
        while left > 0 and not self.wrong:
            left -= 1
            if self.item >= self.items:
                self.report(_TOO_MANY_ITEMS, self.at - self.first, self.items, self.items + left + 1)
                self.at = self.end
                break
            if function == _S_CALL:
                self.fields("o")
                called = self.item_object
                self.fields("NV")
            else:
                self.fields(shape)
            if self.wrong and self.item_object < 0:
                break
            row = self.row(_REQUEST, function, self.action(function, action))
            operations.subfunction[row] = self.item_sub
            operations.area[row] = self.item_area
            operations.object[row] = self.item_object
            operations.start[row] = called if function == _S_CALL else (_VALUE if function == _S_HISTORY_READ else self.item_start)
            if self.item_kind:
                self.value(row, self.item_kind, self.item_from, self.item_to)
            if self.item_handle >= 0 and not self.wrong:
                self.remember(self.subscription << 32 | self.item_handle)
        return None

    def action(self, function: cython.int, action: cython.int) -> cython.int:
        """What an item does: by node and attribute."""
        if function == _S_READ:
            return _IDENTIFY if self.item_area == 0 and 2260 <= self.item_object <= 2266 else action
        if function == _S_WRITE:
            return action if self.item_start == _VALUE and self.item_area & 0xFFFF else _CONFIGURE
        if function == _S_CALL and self.item_area == 0:
            known = spec.METHODS.get(self.item_object)
            return int(known) if known is not None else action
        return action

    def remember(self, key: cython.longlong) -> object:
        """What a client handle stands for, for the notifications to come."""
        known = self.handles.get(self.flow)
        if known is None:
            known = self.handles[self.flow] = {}
        if key not in known:
            if self.handles_held >= self.handles_most:
                self.handles_dropped += 1
                return None
            self.handles_held += 1
        known[key] = (self.item_area, self.item_object, self.item_start)
        return None

    def forget(self, flow: cython.Py_ssize_t) -> object:
        """The flow is over."""
        known = self.handles.pop(flow, None)
        if known is not None:
            self.handles_held -= len(known)
        return None

    def activate(self, action: cython.int) -> object:
        """ActivateSession (OPC 10000-4 5.6.3): who logs in, and whether the password can be read. The password goes nowhere."""
        row: cython.Py_ssize_t
        at: cython.Py_ssize_t = -1
        end: cython.Py_ssize_t
        token: cython.int
        secret: cython.Py_ssize_t
        self.fields("ssCS")
        self.extension()
        kind = spec.TOKENS.get(self.object) if self.area == 0 else None
        token = kind if kind is not None else 3
        if self.policy == 0:
            token |= _UNSECURED
        end = self.end
        if token & 3 == 1 and self.length > 0:
            self.end = self.place + self.length
            self.at = self.place
            self.string()
            self.string()
            at = self.place
            secret = self.length
            name = self.text()
            self.string()
            hidden = self.length > 4 and self.data[self.place] == 1 and (
                self.data[self.place + 2] | self.data[self.place + 3] << 8) in _ENCRYPTED_SECRETS
            some = self.length > 0
            self.string()
            if some and not hidden and self.length <= 0 and not self.wrong:
                token |= _CLEAR_PASSWORD
                self.report(_CLEAR_TEXT_PASSWORD, self.place - self.first, -1, -1)
                self.fact("clear_text_credentials", f"OPC UA password of {name}", "opcua.activate_session")
            if name and not self.wrong:
                self.fact("user", name, "opcua.activate_session")
            self.at = self.end
            self.end = end
            row = self.row(_REQUEST, _S_ACTIVATE, action)
            self.value(row, _KIND_TEXT, at, at + secret)
        else:
            row = self.row(_REQUEST, _S_ACTIVATE, action)
        self.operations.subfunction[row] = token
        self.fields("ss")
        return None

    # ---- responses

    def response(self, function: cython.int, action: cython.int) -> object:
        """Rows of a response whose service went well; `at` is behind its header."""
        row: cython.Py_ssize_t
        left: cython.Py_ssize_t
        shapes = _SHAPES.get(function)
        asked: cython.bint = self.waiting >= 0
        shared: cython.bint = shapes is not None and shapes[0].endswith("*")
        if function == _S_PUBLISH:
            self.publish()
        elif function in (_S_FIND_SERVERS, _S_ENDPOINTS, _S_CREATE_SESSION):
            self.answer(function, action)
            self.discovery(function)
        elif shapes is not None:
            if shapes[2] and shared:
                self.all_of(shapes[2])
                row = self.answer(function, action)
                self.set_status(row, self.item_status)
            elif shapes[2]:
                left = self.count(_LEASTS[shapes[2]])
                while left > 0 and not self.wrong:
                    left -= 1
                    if self.item >= self.items:
                        self.at = self.end
                        break
                    self.fields(shapes[2])
                    if self.wrong:
                        break
                    if asked and self.waiting < 0:
                        self.report(_RESULT_COUNT, self.at - self.first, self.item, self.item + left + 1)
                        asked = False
                    row = self.answer(function, action)
                    self.set_status(row, self.item_status)
                    if self.item_count >= 0:
                        self.operations.count[row] = self.item_count
                    if self.item_kind:
                        self.value(row, self.item_kind, self.item_from, self.item_to)
                    if function == _S_READ and self.operations.area[row] == 0:
                        self.identify(row)
                if asked and self.waiting >= 0 and self.item > 0 and not self.wrong:
                    self.report(_RESULT_COUNT, self.at - self.first, self.item + 1, self.item)
            if self.at < self.end:
                self.fields(shapes[3])
        else:
            self.at = self.end
        while self.item == 0 or (self.waiting >= 0 and (shapes is None or not shapes[2])):
            self.answer(function, action)
        self.finish()
        return None

    def set_status(self, row: cython.Py_ssize_t, code: cython.longlong) -> object:
        """A status code that is bad; the sub codes of good and uncertain ones refuse nothing (OPC 10000-4 7.39)."""
        if code >> 31:
            self.operations.status[row] = code >> 16
        return None

    def identify(self, row: cython.Py_ssize_t) -> object:
        """What a server's own nodes say about it."""
        number: cython.longlong = self.operations.object[row]
        if (number in spec.IDENTITY or number in (spec.SERVER_STATUS, spec.BUILD_INFO)) and self.operations.start[row] == _VALUE and self.item_kind:
            for kind, value in self.identity.build(number, bytes(memoryview(self.data)[self.item_from:self.item_to])):
                self.fact(kind, value, "opcua.read")
        return None

    def publish(self) -> object:
        """A notification message (OPC 10000-4 7.26): a row for each item whose node is known, where they are few; else their number."""
        row: cython.Py_ssize_t
        left: cython.Py_ssize_t
        end: cython.Py_ssize_t
        subscription: cython.longlong = self.u32()
        counted: cython.Py_ssize_t = 0
        entry: cython.int = self.waiting
        known = self.handles.get(self.flow) or {}
        self.skip(4 * self.count(4))
        self.skip(13)
        left = self.count(3)
        while left > 0 and not self.wrong:
            left -= 1
            self.extension()
            if self.length <= 0 or self.wrong:
                continue
            end = self.end
            self.at = self.place
            self.end = self.place + self.length
            if self.area == 0 and self.object == 811:
                counted += self.notified(subscription, known)
            elif self.area == 0 and self.object == 916:
                counted += self.count(8)
            if not self.wrong:
                self.at = self.end
                self.end = end
        if counted or self.item == 0:
            self.waiting = entry
            row = self.answer(_S_PUBLISH, _REPORT)
            self.operations.action[row] = _REPORT
            self.operations.count[row] = counted
        self.waiting = -1
        self.fields("UD")
        return None

    def notified(self, subscription: cython.longlong, known: dict) -> cython.Py_ssize_t:
        """The items of a DataChangeNotification; how many got no row."""
        row: cython.Py_ssize_t
        at: cython.Py_ssize_t
        left: cython.Py_ssize_t = self.count(5)
        counted: cython.Py_ssize_t = left
        if not known or left > _NOTIFIED:
            return left
        while left > 0 and not self.wrong:
            left -= 1
            found = known.get(subscription << 32 | self.u32())
            at = self.at
            self.data_value(0)
            if found is None or self.wrong:
                continue
            counted -= 1
            row = self.row(_RESPONSE, _S_PUBLISH, _REPORT)
            self.operations.area[row] = found[0]
            self.operations.object[row] = found[1]
            self.operations.start[row] = found[2]
            self.operations.count[row] = 1
            self.value(row, _KIND_DATA, at, self.at)
        return counted

    # ---- what servers and clients say of themselves

    def discovery(self, function: cython.int) -> object:
        """Applications, endpoints and certificates."""
        left: cython.Py_ssize_t
        listed: cython.int = 0
        if function == _S_CREATE_SESSION:
            self.fields("nndss")
        left = self.count(1)
        while left > 0 and not self.wrong:
            left -= 1
            listed += 1
            if function == _S_FIND_SERVERS:
                self.application("opcua.find_servers", left > 0 or listed > 1)
                continue
            self.fields("s")
            self.application("opcua.get_endpoints", False)
            self.string()
            if listed == 1:
                self.certificate("opcua.get_endpoints")
            mode: cython.longlong = self.u32()
            self.string()
            if not self.wrong and listed <= _LISTED:
                policy = self.text().rpartition("#")[2]
                self.fact("security_offered", f"{policy} {spec.MODES.get(mode, '')}".strip(), "opcua.get_endpoints")
            tokens: cython.Py_ssize_t = self.count(20)
            while tokens > 0 and not self.wrong:
                self.fields("susss")
                tokens -= 1
            self.fields("sb")
        if function == _S_CREATE_SESSION:
            self.fields("Cssu")
        return None

    def application(self, source: str, other: cython.bint) -> object:
        """An ApplicationDescription (OPC 10000-4 7.2); facts about the sender, unless it speaks of `other` servers."""
        self.string()
        uri = self.text()
        self.string()
        product = self.text()
        self.localized()
        name = self.text()
        self.fields("ussS")
        if self.wrong:
            return None
        if other:
            self.fact("server_listed", f"{name} {uri}".strip(), source)
            return None
        self.fact("application_name", name, source)
        self.fact("application_uri", uri, source)
        self.fact("product_uri", product, source)
        return None
