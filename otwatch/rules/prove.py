"""A rule proves itself: its `tests` are run, as `otwatch rules test` and pytest do it.

A test of rows writes the tables by hand. A row is a mapping (a field with a list makes a row of each value): `table` (operations), `at` (seconds),
`src`, `dst`, `repeat`, `every` (seconds), and
- operations: protocol, role (request), function, subfunction, action, unit, area, object, start, count, status, value; function and area by number or
  by name, object by number or as the text of a name. A response answers the last request before it. value_kind and value_hex give a value as it is
  on the wire.
- flows: port, transport (tcp), event (answered), protocol, direction_how (handshake), vlan, and what became of it: carried (both sides sent
  payload), idle (answered, without payload), refused, silent (nothing came back, on a tap that shows answers), one_way (nothing came back, on a tap
  that shows no answers to src), or asked (the same, and src sent payload). `data` false is short for refused or, of an answered one, idle.
- anomalies: anomaly
- facts: kind, value, child, source; with dst, src did it to dst (an act)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Protocol

from otwatch.actions import Action, Role
from otwatch.addresses import Addresses
from otwatch.alerts.alert import Alert
from otwatch.batch import Batch
from otwatch.documents import nearest
from otwatch.limits import Limits
from otwatch.names import NAMES
from otwatch.rules.engine import RuleEngine
from otwatch.rules.knowledge import Learning
from otwatch.rules.rule import Proof, Rule
from otwatch.rules.seams import Intelligence, Known, ProtocolNames, SitePolicy
from otwatch.tables import Anomalies, Behaviours, FlowEvents, Flows, Octets, Operations, Packets
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, AnomalyKind, DirectionHow, FlowEvent, Layer

_START_NS = 1_700_000_000_000_000_000
_TRANSPORT = {"tcp": 6, "udp": 17, "icmp": 1}
_NAMES: dict[str, Callable[[ProtocolNames], Mapping[int, str]]] = {"function": lambda spec: spec.functions, "area": lambda spec: spec.areas}
_CARDS: Final = 0x02_00_00_00_00_05, 0x02_00_00_00_00_66  # the one that an address has, and the one that used it
_HAND_MADE = 2**30  # value_kind of a value that a row gives as it is to be read
# answered, refused, payload to the server, to the client
_OUTCOMES = {
    "carried": (1, 0, 1, 1),
    "idle": (1, 0, 0, 0),
    "refused": (0, 1, 0, 0),
    "silent": (0, 0, 0, 0),
    "one_way": (0, 0, 0, 0),
    "asked": (0, 0, 1, 0),
}
_SIGNED = ("function", "subfunction", "unit", "area", "object", "start", "count")


class Index(Protocol):
    """What gives behaviours their numbers."""

    @property
    def behaviours(self) -> Behaviours: ...
    def feed(self, operations: Operations) -> int:
        """Fills operations.behaviour; returns how many behaviours there were before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one test; `problem` is empty when it is as expected."""

    rule: str
    place: str
    problem: str


class Prover:
    """Runs tests.

    `parse_site` and `parse_intel` (text, name) and `learn` (behaviours, addresses, protocol names) make what a test describes; `analyse`
    (capture, rules, site, baseline, intelligence) gives the alerts of a capture; without it tests on captures are problems.
    """

    def __init__(
        self,
        *,
        protocols: Sequence[ProtocolNames],
        layers: Mapping[int, Mapping[int, AnomalyKind]],
        index: Callable[[], Index],
        parse_site: Callable[[str, str], SitePolicy],
        learn: Callable[[Behaviours, Addresses, Sequence[str], Sequence[tuple[str, str, str, int]], Sequence[tuple[str, str, str]]], Known],
        parse_intel: Callable[[str, str], Intelligence],
        analyse: Callable[[Path, Sequence[Rule], SitePolicy | None, Known | None, Intelligence | None], Sequence[Alert]] | None = None,
    ) -> None:
        self.protocols = protocols
        self.layers = layers
        self.index = index
        self.parse_site = parse_site
        self.learn = learn
        self.parse_intel = parse_intel
        self.analyse = analyse

    def prove(self, rule: Rule) -> list[Outcome]:
        """Every test of a rule."""
        outcomes = []
        for test in rule.tests:
            try:
                alerts = self._run(rule, test)
            except KeyError as error:
                problem = f'cannot be run: a row has no "{error.args[0]}" (rows of messages: src, dst, protocol, action)'
                outcomes.append(Outcome(rule=rule.id, place=test.place, problem=problem))
                continue
            except (ValueError, OSError) as error:
                outcomes.append(Outcome(rule=rule.id, place=test.place, problem=f"cannot be run: {error}"))
                continue
            problem = ""
            if len(alerts) != test.alerts:
                shown = "; ".join(f"{alert.src} > {alert.dst} x{alert.count}" for alert in alerts[:4])
                problem = f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'}, expected {test.alerts}" + (f" ({shown})" if shown else "")
            elif test.count >= 0 and test.count != sum(alert.count for alert in alerts):
                problem = f"{sum(alert.count for alert in alerts)} messages in them, expected {test.count}"
            elif test.frames and not set(test.frames) <= {frame for alert in alerts for frame in alert.frames}:
                problem = f"frames {sorted({frame for alert in alerts for frame in alert.frames})}, expected {list(test.frames)}"
            outcomes.append(Outcome(rule=rule.id, place=test.place, problem=problem))
        return outcomes

    def _run(self, rule: Rule, test: Proof) -> Sequence[Alert]:
        site = self.parse_site(test.site, f"{test.place} (site)") if test.site else None
        baseline = self.baseline_of(test.learn) if test.learn else None
        intelligence = self.parse_intel(test.intel, f"{test.place} (intel)") if test.intel else None
        if test.capture:
            if self.analyse is None:
                raise ValueError("captures are not analysed here")
            alerts = self.analyse(Path(rule.path).parent / test.capture, [rule], site, baseline, intelligence)
            return [alert for alert in alerts if alert.rule == rule.id]
        return self.alerts_of(test.rows, [rule], site=site, baseline=baseline, intelligence=intelligence)

    def baseline_of(self, rows: Sequence[Mapping[str, Any]]) -> Known:
        """What is learned from rows."""
        maker = HandMade(self.protocols, self.layers, self.index())
        list(maker.batches(rows, 1_000_000))
        services = [
            (row["src"], row["dst"], str(row.get("transport", "tcp")), int(row.get("port", -1))) for row in rows if row.get("table") == "flows"
        ]
        quirks = [
            (row["src"], str(row["source"]).partition(".")[0], str(row["value"]))
            for row in rows
            if row.get("table") == "facts" and row["kind"] == "quirk"
        ]
        return self.learn(maker.index.behaviours, maker.addresses, [spec.name for spec in self.protocols], services, quirks)

    def alerts_of(
        self,
        rows: Sequence[Mapping[str, Any]],
        rules: Sequence[Rule],
        *,
        site: SitePolicy | None = None,
        baseline: Known | None = None,
        intelligence: Intelligence | None = None,
        batch_rows: int = 1_000_000,
        learning: Learning | None = None,
    ) -> list[Alert]:
        """The alerts that rules give for rows written by hand, in batches of so many rows."""
        maker = HandMade(self.protocols, self.layers, self.index())
        names = [HandMadeNames(spec) for spec in self.protocols]
        engine = RuleEngine(
            rules,
            site=site,
            baseline=baseline,
            intelligence=intelligence,
            addresses=maker.addresses,
            protocols=names,
            limits=Limits(),
            layers=self.layers,
            learning=learning,
        )
        if any(row.get("outcome") == "silent" for row in rows):
            engine.flows.outcomes.assume_both_directions()
        now = 0
        for batch in maker.batches(rows, batch_rows):
            engine.feed(batch)
            now = batch.now_ns
        engine.finish(now)
        return engine.alerts()


class HandMadeNames:
    """A protocol's names, and values that were written by hand as they were written."""

    def __init__(self, spec: ProtocolNames) -> None:
        self._spec = spec

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec, name)

    def value(self, kind: int, data: bytes, row: Mapping[str, int]) -> Any:
        """What a value means."""
        return json.loads(data) if kind == _HAND_MADE else self._spec.value(kind, data, row)


def _number(value: Any, names: Mapping[int, str]) -> int:
    """A number, or that of a name; ValueError when it is neither."""
    if isinstance(value, str):
        found = next((number for number, name in names.items() if name == value), None)
        if found is None:
            raise ValueError(f"no number is called {value}{nearest(value, names.values())}")
        return found
    return int(value)


class HandMade:
    """Batches from rows written by hand."""

    def __init__(self, protocols: Sequence[ProtocolNames], layers: Mapping[int, Mapping[int, AnomalyKind]], index: Index) -> None:
        self.addresses = Addresses()
        self.index = index
        self.protocols = {spec.name: number for number, spec in enumerate(protocols, 1)}
        self.specs = {spec.name: spec for spec in protocols}
        self.kinds = {
            f"{Layer(layer).name.lower()}.{kind.name}": (layer, code)
            for layer, kinds in layers.items()
            if layer < FIRST_PROTOCOL_LAYER
            for code, kind in kinds.items()
        }
        self.kinds.update(
            {
                f"{spec.name}.{kind.name}": (FIRST_PROTOCOL_LAYER + number, kind.code)
                for number, spec in enumerate(protocols, 1)
                for kind in spec.anomalies
            }
        )
        self.flows = Flows()
        self._slots: dict[tuple[Any, ...], int] = {}
        self._frame = 0
        self._last_request = (-1, -1)  # flow, frame

    def batches(self, rows: Sequence[Mapping[str, Any]], size: int) -> Iterator[Batch]:
        """Rows in order of time, cut into batches. Each is made when it is asked for: what is shared grows with it."""
        spread = sorted(
            (
                dict(one, at=float(one.get("at", 0)) + turn * float(one.get("every", 1)))
                for row in rows
                for one in _each(row)
                for turn in range(int(one.get("repeat", 1)))
            ),
            key=lambda row: row["at"],
        )
        for at in range(0, len(spread), size):
            yield self._batch(spread[at : at + size])

    def _batch(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        operations, events, anomalies, octets = Operations(), FlowEvents(), Anomalies(), Octets()
        facts: list[Any] = []
        other_cards: dict[int, tuple[int, int]] = {}
        now = 0
        for row in rows:
            self._frame += 1
            now = _START_NS + round(row["at"] * 1e9)
            src, dst = self.addresses.intern_text(row["src"]), self.addresses.intern_text(row.get("dst", row["src"]))
            table = row.get("table", "operations")
            if table == "operations":
                self._operation(operations, octets, row, now, src, dst)
                if row.get("other_card"):
                    other_cards[operations.rows - 1] = _CARDS
            elif table == "flows":
                self._event(events, row, now, src, dst)
            elif table == "anomalies":
                layer, kind = self.kinds[row["anomaly"]]
                _put(
                    anomalies,
                    anomalies.new_row(),
                    timestamp_ns=now,
                    frame=self._frame,
                    flow=-1,
                    source=src,
                    destination=dst,
                    layer=layer,
                    kind=kind,
                    packet=-1,
                    offset=-1,
                    needed=-1,
                    had=-1,
                )
            elif table == "facts":
                facts.append(
                    SimpleNamespace(
                        timestamp_ns=now,
                        frame=self._frame,
                        flow=-1,
                        address=dst,
                        peer=src if "dst" in row else -1,
                        child=row.get("child", ""),
                        kind=row["kind"],
                        value=row["value"],
                        source=row.get("source", ""),
                        confidence=1.0,
                    )
                )
            else:
                raise ValueError(f"no table {table}")
        known = self.index.feed(operations)
        return Batch(
            file="rows",
            now_ns=now,
            packets=Packets(1),
            flows=self.flows,
            flow_events=events,
            octets=octets,
            operations=operations,
            anomalies=anomalies,
            behaviours=self.index.behaviours,
            known_behaviours=known,
            facts=facts,
            closed=[],
            unanswered={},
            other_cards=other_cards,
        )

    def _operation(self, operations: Operations, octets: Octets, row: Mapping[str, Any], now: int, src: int, dst: int) -> None:
        role = Role[str(row.get("role", "request")).upper()]
        data = bytes.fromhex(row.get("value_hex", ""))
        kind = int(row.get("value_kind", 0))
        if "value" in row:
            data, kind = json.dumps(row["value"]).encode(), _HAND_MADE
        slot = self._slot(src, dst, 6, int(row.get("port", 0)), 0)
        sender, receiver = (dst, src) if role is Role.RESPONSE else (src, dst)
        spec = self.specs[row["protocol"]]
        values = {name: _number(row.get(name, -1), _NAMES[name](spec) if name in _NAMES else {}) for name in _SIGNED if name != "object"}
        values["object"] = NAMES.number_of(row["object"]) if isinstance(row.get("object"), str) else int(row.get("object", -1))
        at = octets.append(memoryview(bytearray(data)), 0, len(data)) if data else 0
        _put(
            operations,
            operations.new_row(),
            packet=self._frame,
            timestamp_ns=now,
            frame=self._frame,
            flow=slot,
            direction=int(role is Role.RESPONSE),
            source=sender,
            destination=receiver,
            role=int(role),
            protocol=self.protocols[row["protocol"]],
            action=int(Action[row["action"]]),
            status=int(row.get("status", 0)),
            transaction=-1,
            item=0,
            value_kind=kind,
            value_at=at,
            value_length=len(data),
            request_frame=self._last_request[1] if role is Role.RESPONSE else -1,
            latency_ns=-1,
            behaviour=-1,
            **values,
        )
        if role is Role.REQUEST:
            self._last_request = slot, self._frame

    def _event(self, events: FlowEvents, row: Mapping[str, Any], now: int, src: int, dst: int) -> None:
        transport = _TRANSPORT[row.get("transport", "tcp")]
        event = FlowEvent[str(row.get("event", "answered")).upper()]
        outcome = row.get("outcome", "carried" if row.get("data", True) else "idle" if event >= FlowEvent.ANSWERED else "refused")
        if outcome not in _OUTCOMES:
            raise ValueError(f"no outcome {outcome}: one of {', '.join(_OUTCOMES)}")
        self._slots.pop((src, dst, transport, int(row["port"])), None)  # each event is of a connection of its own
        slot = self._slot(src, dst, transport, int(row["port"]), self.protocols.get(row.get("protocol", ""), 0))
        answered, refused, to_server, to_client = _OUTCOMES[outcome]
        _put(
            self.flows,
            slot,
            first_ns=now,
            last_ns=now,
            packets_to_server=1,
            packets_to_client=int(answered or refused),
            payload_to_server=to_server,
            payload_to_client=to_client,
            answered_ns=now if answered else -1,
            refused_ns=now if refused else -1,
            data_to_server_ns=now if to_server else -1,
            data_to_client_ns=now if to_client else -1,
            vlan_outer=int(row.get("vlan", -1)),
            direction_how=int(DirectionHow[str(row.get("direction_how", "handshake")).upper()]),
        )
        _put(events, events.new_row(), timestamp_ns=now, frame=self._frame, flow=slot, kind=int(event))

    def _slot(self, src: int, dst: int, transport: int, port: int, protocol: int) -> int:
        key = src, dst, transport, port
        if key not in self._slots:
            slot = self._slots[key] = self.flows.new_row()
            _put(self.flows, slot, **{column.name: column.default for column in self.flows.schema.columns})
            _put(
                self.flows,
                slot,
                number=slot + 1,
                client=src,
                server=dst,
                client_port=50_000 + slot % 10_000,
                server_port=port,
                ip_protocol=transport,
                protocol=protocol,
            )
        return self._slots[key]


def _each(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A row for each value of the fields that have a list of them."""
    listed = [name for name, value in row.items() if isinstance(value, list) and name != "value"]
    for values in product(*(row[name] for name in listed)):
        yield {**row, **dict(zip(listed, values, strict=True))}


def _put(table: Any, row: int, **values: int) -> None:
    for name, value in values.items():
        table.array(name)[row] = value
