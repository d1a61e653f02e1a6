"""Connection management: calls of the PROFINET interface -> rows, facts and anomalies, responses paired with their calls across ports.

A call and its answer have one activity and sequence number, whatever ports and byte orders they come with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.pn_io import spec
from otwatch.protocols.pn_io.blocks import Record, Relation, blocks, command, inner, record, relation
from otwatch.protocols.pn_io.spec import Anomaly
from otwatch.protocols.pn_io.values import identity, text
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag

_HEADER = 80
_REQUEST, _FAILURES = 0, (3, 6)
_AGAIN_NS = 60_000_000_000  # a device whose controller stayed silent so long is free


@dataclass(slots=True)
class _Call:
    """A call that waits for its answer."""

    frame: int
    time_ns: int
    flow: int
    opnum: int
    rows: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # subfunction, area, object, start, action
    relation: Relation | None = None
    device: int = -1


@dataclass(slots=True)
class _Connection:
    """A relation of a device, from its connect to its release."""

    controller: int
    kind: int
    ready: bool = False
    last_ns: int = 0
    submodules: frozenset[int] = frozenset()  # slot << 16 | subslot, of those that one controller has for itself


class Calls:
    """Rows of the RPC messages of a batch. Few messages, so it is plain Python."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        self.protocol = protocol
        self.layer = FIRST_PROTOCOL_LAYER + protocol
        self.items = limits.items_per_pdu
        self.most = max(1, limits.early_answers)
        self.devices = max(1, limits.assets)
        self.waiting: dict[tuple[bytes, int], _Call] = {}
        self.answered: dict[tuple[bytes, int], int] = {}
        self.callers: dict[bytes, int] = {}  # activity -> its highest sequence number
        self.connections: dict[int, dict[bytes, _Connection]] = {}  # device -> relation -> who has it
        self.dropped = 0

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends rows in PDU order."""
        self.operations, self.anomalies, self.facts, self.pdus = operations, anomalies, facts, pdus
        for pdu in range(pdus.rows):
            self.pdu = pdu
            self._message(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))

    def forget(self, flow: int) -> int:
        """The flow is over; returns how many of its calls stayed unanswered."""
        gone = [key for key, call in self.waiting.items() if call.flow == flow]
        for key in gone:
            del self.waiting[key]
        return len(gone)

    # ---- what is made

    def _report(self, kind: Anomaly, offset: int, needed: int, had: int) -> None:
        self.anomalies.add(self.pdus, self.pdu, self.layer, kind, offset, needed, had)

    def _row(
        self, role: Role, opnum: int, action: Action, *, sub: int = -1, area: int = -1, obj: int = -1, start: int = -1, count: int = -1, item: int = 0
    ) -> int:
        operations = self.operations
        row = operations.add(self.pdus, self.pdu, role, self.protocol, opnum, action)
        operations.subfunction[row], operations.area[row], operations.object[row], operations.start[row] = sub, area, obj, start
        operations.count[row], operations.item[row], operations.transaction[row] = count, item, self.sequence
        return row

    def _value(self, row: int, kind: int, at: int, end: int) -> None:
        if end > at:
            start = int(self.pdus.start[self.pdu])
            self.operations.value_kind[row], self.operations.value_at[row], self.operations.value_length[row] = kind, start + at, end - at

    def _fact(self, address: int, kind: str, value: str, source: str) -> None:
        pdus = self.pdus
        self.facts.append(
            Fact(
                timestamp_ns=int(pdus.timestamp_ns[self.pdu]),
                frame=int(pdus.frame[self.pdu]),
                flow=int(pdus.flow[self.pdu]),
                address=address,
                kind=kind,
                value=value,
                source=source,
            )
        )

    # ---- messages

    def _message(self, body: bytes) -> None:
        little = body[4] >> 4 == 1
        order = "little" if little else "big"
        kind = body[1]
        activity = UUID(bytes_le=body[40:56]).bytes if little else body[40:56]  # each side writes it in its own byte order
        self.sequence = int.from_bytes(body[64:68], order)  # type: ignore[arg-type]
        opnum = int.from_bytes(body[68:70], order)  # type: ignore[arg-type]
        key = activity, self.sequence
        if kind in _FAILURES:
            return self._failed(key, opnum)
        if len(body) < _HEADER + 20:
            if not self.pdus.flags[self.pdu] & PduFlag.CUT:
                self._report(Anomaly.TRUNCATED, len(body), _HEADER + 20, len(body))
            return None
        if opnum > spec.READ_IMPLICIT:
            return self._report(Anomaly.UNKNOWN_OPERATION, 68, spec.READ_IMPLICIT, opnum)
        found = list(blocks(body, _HEADER + 20))
        if found and found[-1][2] > len(body) and not self.pdus.flags[self.pdu] & PduFlag.CUT:
            self._report(Anomaly.BLOCK, found[-1][1] - 6 if found[-1][0] >= 0 else found[-1][1], found[-1][2], len(body))
        if kind == _REQUEST:
            return self._request(key, opnum, body, found)
        status = int.from_bytes(body[_HEADER : _HEADER + 4], order)  # type: ignore[arg-type]
        return self._response(key, opnum, status, body, found)

    def _failed(self, key: tuple[bytes, int], opnum: int) -> None:
        call = self.waiting.pop(key, None)
        for sub, area, obj, start, action in (call.rows if call is not None else ()) or [(-1, -1, -1, -1, int(Action.CONNECT))]:
            row = self._row(Role.RESPONSE, call.opnum if call is not None else opnum, Action(action), sub=sub, area=area, obj=obj, start=start)
            self.operations.status[row] = spec.FAULT
            self._paired(row, call)

    def _paired(self, row: int, call: _Call | None) -> None:
        if call is not None:
            self.operations.request_frame[row] = call.frame
            self.operations.latency_ns[row] = int(self.operations.timestamp_ns[row]) - call.time_ns

    def _request(self, key: tuple[bytes, int], opnum: int, body: bytes, found: list[tuple[int, int, int]]) -> None:
        pdus, pdu = self.pdus, self.pdu
        call = _Call(int(pdus.frame[pdu]), int(pdus.timestamp_ns[pdu]), int(pdus.flow[pdu]), opnum, device=int(pdus.destination[pdu]))
        first = self.operations.rows
        if opnum == spec.CONNECT:
            self._connect(call, body, found)
        elif opnum in (spec.READ, spec.READ_IMPLICIT, spec.WRITE):
            self._records(call, body, found, Role.REQUEST)
        else:
            self._control(call, body, found)
        if self.operations.rows == first:
            self._row(Role.REQUEST, opnum, spec.action_of(opnum, -1))
        for row in range(first, self.operations.rows):
            one = self.operations.row(row)
            call.rows.append(tuple(one[name] for name in ("subfunction", "area", "object", "start", "action")))  # type: ignore[arg-type]
        for known in (self.waiting, self.callers, self.answered):
            if len(known) >= self.most:
                del known[next(iter(known))]  # type: ignore[arg-type]
                self.dropped += known is self.waiting
        self.callers[key[0]] = max(self.callers.get(key[0], -1), self.sequence)
        self.waiting[key] = call

    def _connect(self, call: _Call, body: bytes, found: list[tuple[int, int, int]]) -> None:
        said = call.relation = relation(body, found)
        controller, device = int(self.pdus.source[self.pdu]), call.device
        row = self._row(
            Role.REQUEST, spec.CONNECT, Action.CONNECT, sub=said.kind, area=said.kind, count=sum(len(subs) for _, _, subs in said.modules)
        )
        if said.station:
            at = body.find(said.station, _HEADER)
            self._value(row, spec.VALUE_TEXT, at, at + len(said.station))
            self._fact(controller, "name", text(said.station), "pn_io.connect")
        self._fact(controller, "role", "IO supervisor" if said.kind == spec.SUPERVISOR else "IO controller", "pn_io.connect")
        for slot, ident, submodules in said.modules[: self.items]:
            inside = ", ".join(f"{subslot if subslot < 0x8000 else hex(subslot)}: 0x{submodule:08x}" for subslot, submodule in submodules[:8])
            self._fact(device, "module", f"slot {slot}: 0x{ident:08x} ({inside})", "pn_io.connect")
        now = int(self.pdus.timestamp_ns[self.pdu])
        for known in self.connections.get(device, {}).values():
            elsewhere = known.controller != controller and spec.SUPERVISOR not in (known.kind, said.kind)
            if elsewhere and 0 <= now - known.last_ns < _AGAIN_NS and known.submodules & _own(said):  # a shared device has several
                self._report(Anomaly.CONTROLLER_CHANGED, _HEADER + 20, known.controller, controller)
                break

    def _connection(self, uuid: bytes) -> _Connection | None:
        """The relation of that number, of either end of the message."""
        for end in (int(self.pdus.destination[self.pdu]), int(self.pdus.source[self.pdu])):
            known = self.connections.get(end, {}).get(uuid)
            if known is not None:
                known.last_ns = int(self.pdus.timestamp_ns[self.pdu])
                return known
        return None

    def _control(self, call: _Call, body: bytes, found: list[tuple[int, int, int]]) -> None:
        """End of parameters and release by the controller; readiness by the device, unasked."""
        for kind, at, end in found:
            part = body[at:end]
            if kind not in range(0x0110, 0x011A) and kind not in range(0x8110, 0x811A):
                continue
            number = command(part)
            known = self._connection(part[2:18])
            if known is not None and number == 1:
                known.ready = True
            by_device = number in (2, 16, 32)
            self._row(Role.EVENT if by_device else Role.REQUEST, call.opnum, Action.CONNECT, sub=number)
            if call.opnum == spec.RELEASE:
                self.connections.get(call.device, {}).pop(part[2:18], None)
            return

    def _records(self, call: _Call, body: bytes, found: list[tuple[int, int, int]], role: Role) -> None:
        """A row for each record; those inside a write of several in place of it."""
        answer = role == Role.RESPONSE
        for kind, at, end in found:
            if kind not in (0x0008, 0x0009, 0x8008, 0x8009):
                continue
            one = record(body, at, end, answer=answer and kind == 0x8008)
            if one is None:
                break
            several = list(inner(body, one.at, len(body) if answer else one.end)) if one.index == spec.MULTIPLE else []
            for item, each in enumerate(several or [one]):
                if item >= self.items:
                    self._report(Anomaly.TOO_MANY_RECORDS, each.at, self.items, item + 1)
                    break
                self._record(call, body, each, role, item)
            return

    def _record(self, call: _Call, body: bytes, one: Record, role: Role, item: int) -> None:
        known = self._connection(one.uuid)
        action = spec.action_of(call.opnum, one.index)
        if call.opnum == spec.WRITE and known is not None and not known.ready:
            action = Action.CONNECT  # the parameters that a controller gives before the device starts
        row = self._row(
            role,
            call.opnum,
            action,
            sub=one.index,
            area=one.api if one.api < 0x80000000 else -1,
            obj=one.index,
            start=one.start,
            count=one.length,
            item=item,
        )
        self.operations.status[row] = _status(one.status)
        if (role == Role.REQUEST) == (call.opnum == spec.WRITE):
            im = spec.IM0 <= one.index <= spec.IM4
            self._value(row, spec.VALUE_IM if im else spec.VALUE_RECORD, one.at, one.end)
            if im:
                self._identified(call, one, body[one.at : one.end])

    def _identified(self, call: _Call, one: Record, block: bytes) -> None:
        """What an I&M record says: of slot 0 of the device, of others of a module."""
        device = call.device
        source = "pn_io.write" if call.opnum == spec.WRITE else "pn_io.read"
        said = identity(one.index, block)
        if one.start >> 16 == 0:
            for kind, value in said:
                if kind != "vendor_id" or not any(kind == "order_number" for kind, _ in said):
                    self._fact(device, kind, value, source)
        elif one.index == spec.IM0 and said:
            self._fact(device, "module", f"slot {one.start >> 16}: {' '.join(value for kind, value in said if kind != 'vendor_id')}", source)

    def _response(self, key: tuple[bytes, int], opnum: int, status: int, body: bytes, found: list[tuple[int, int, int]]) -> None:
        call = self.waiting.pop(key, None)
        if call is None:
            if key in self.answered:
                return  # the same once more
            if self.sequence <= self.callers.get(key[0], -1):  # a later one may have been captured before its call
                self._report(Anomaly.UNASKED_RESPONSE, 64, -1, self.sequence)
            call = _Call(-1, 0, -1, opnum, device=int(self.pdus.source[self.pdu]))
        else:
            self.answered[key] = call.frame
        first = self.operations.rows
        if call.opnum in (spec.READ, spec.READ_IMPLICIT, spec.WRITE):
            self._records(call, body, found, Role.RESPONSE)
        if self.operations.rows == first:
            rows = call.rows or [(-1, -1, -1, -1, int(spec.action_of(call.opnum, -1)))]
            for item, (sub, area, obj, start, action) in enumerate(rows):
                self._row(Role.RESPONSE, call.opnum, Action(action), sub=sub, area=area, obj=obj, start=start, item=item)
        for row in range(first, self.operations.rows):
            if status:
                self.operations.status[row] = _status(status)
            if call.frame >= 0:
                self._paired(row, call)
        if call.opnum == spec.CONNECT and not status:
            self._connected(call, body, found)

    def _connected(self, call: _Call, body: bytes, found: list[tuple[int, int, int]]) -> None:
        device, controller = int(self.pdus.source[self.pdu]), int(self.pdus.destination[self.pdu])
        self._fact(device, "role", "IO device", "pn_io.connect")
        for kind, at, end in found:
            part = body[at:end]
            if kind == 0x8106 and len(part) >= 2 and (name := text(part[2 : 2 + int.from_bytes(part[:2])])):
                self._fact(device, "name", name, "pn_io.connect")
        said = call.relation
        if said is None or not said.uuid:
            return
        if device not in self.connections and len(self.connections) >= self.devices:
            del self.connections[next(iter(self.connections))]
        known = self.connections.setdefault(device, {})
        for uuid in [uuid for uuid, old in known.items() if old.submodules & _own(said)]:
            del known[uuid]  # one controller at a time has a module
        if len(known) >= 8:
            del known[next(iter(known))]
        known[said.uuid] = _Connection(controller, said.kind, last_ns=int(self.pdus.timestamp_ns[self.pdu]), submodules=_own(said))


def _own(said: Relation) -> frozenset[int]:
    """The submodules that a controller asks for; all may ask for those of slot 0, the device itself."""
    return frozenset(slot << 16 | subslot for slot, _, inside in said.modules for subslot, _ in inside if slot)


def _status(word: int) -> int:
    """PNIOStatus (code, decode, two error codes) as a number that fits a column."""
    if word == 0:
        return 0
    number = word & 0xFFFF
    return (number | spec.MACHINE if word >> 16 & 0xFF == 0x81 else number) or spec.MACHINE
