"""What became of a connection: yes, no, or not observable, by packet time alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otwatch.addresses import Addresses
from otwatch.baseline.behaviours import BehaviourIndex
from otwatch.batch import Batch
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.engine import RuleEngine
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies, Operations, Packets
from tests.rules.hand import rules_from
from tests.streams.wire import ACK, FIN, RST, SYN, P, table

CLIENT, OTHER = 1, 9
S = 10**9
RULES = [
    f"table: flows\nwhere: {{event: opened, {text}}}\ngroup: [src]\n"
    for text in (
        "answered: true",
        "answered: false",
        "answered|known: false",
        "carried_data: true",
        "carried_data: false",
        "carried_data|known: false",
        "sent_data: true",
        "sent_data: false",
        "sent_data|known: false",
    )
]


def dialogue(port: int, at: float, *, to: int = 2, source: int = CLIENT, data: bool = True, back: bool = True, there: bool = True) -> list[P]:
    """A connection with a request and a response, or less of it."""
    more: dict[str, Any] = {"client_port": port, "source": source, "destination": to}
    packets = [
        P(flags=SYN, seq=99, **more),
        P(flags=SYN | ACK, seq=199, ack=100, back=True, **more),
        P(seq=100, ack=200, **more),
        *([P(b"ask", 100, 200, **more), P(b"say", 200, 103, back=True, **more)] if data else []),
        P(flags=FIN | ACK, seq=103, ack=203, **more),
        P(flags=FIN | ACK, seq=203, ack=104, back=True, **more),
    ]
    timed = [P(**{**vars_of(packet), "at": int((at + number / 1000) * S)}) for number, packet in enumerate(packets)]
    return [packet for packet in timed if (back if packet.back else there)]


def vars_of(packet: P) -> dict[str, Any]:
    return {name: getattr(packet, name) for name in packet.__dataclass_fields__}


def syn(port: int, at: float, to: int = 2, flags: int = SYN, back: bool = False, seq: int = 99) -> P:
    return P(flags=flags, seq=seq, at=int(at * S), client_port=port, destination=to, back=back)


def found(tmp_path: Any, packets: list[P], batch: int = 1000) -> dict[str, int]:
    """Of the connections of CLIENT, how many have which outcome."""
    addresses, known, limits = Addresses(), protocols(), Limits()
    for number in range(1, 40):
        addresses.intern_text(f"10.0.0.{number}")
    streams, index = Streams(addresses, limits, known), BehaviourIndex(limits)
    engine = RuleEngine(rules_from(tmp_path, *RULES), site=None, baseline=None, addresses=addresses, protocols=known, limits=limits)
    packets = sorted(packets, key=lambda packet: packet.at)
    now = 0
    for start in range(0, len(packets) + batch, batch):
        anomalies, part = Anomalies(), packets[start : start + batch]
        if start < len(packets):
            streams.feed(table(part, start + 1), anomalies)
            now = part[-1].at
        else:
            streams.finish(anomalies)
        engine.feed(
            Batch(
                file="",
                now_ns=now,
                packets=Packets(1),
                flows=streams.flows,
                flow_events=streams.flow_events,
                octets=streams.octets,
                operations=Operations(1),
                anomalies=anomalies,
                behaviours=index.behaviours,
                known_behaviours=0,
                facts=[],
                closed=list(streams.closed),
                unanswered={},
            )
        )
    engine.finish(now)
    names = ("answered", "refused", "answered?", "carried", "empty", "carried?", "sent", "unsent", "sent?")
    found = [one for alert in engine.alerts() for one in (alert, *alert.evidence.also)]
    return {names[int(one.rule.rpartition("-")[2])]: one.count for one in found if one.src == addresses.text(CLIENT)}


LATER = dialogue(7, 60, source=OTHER, to=8)  # others talk: this tap shows both directions, and time goes on


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        (dialogue(1, 0), {"answered", "carried", "sent"}),
        (dialogue(1, 0, data=False), {"answered", "empty", "unsent"}),
        ([syn(1, 0), syn(1, 0.001, flags=RST | ACK, back=True)], {"refused", "empty", "unsent"}),
        ([syn(1, 0)], {"refused", "empty", "unsent"}),
        (dialogue(1, 0, back=False), {"answered", "carried?", "sent"}),  # its client went on: somebody answered
        (dialogue(1, 0, there=False), {"answered", "carried?", "sent?"}),
        (dialogue(1, 0, data=False)[:3], {"answered", "carried?", "sent?"}),  # accepted and still open: a master asks when its cycle comes round
        # data that comes late is data: a yes is waited for as long as the connection lasts
        ([*dialogue(1, 0, data=False)[:3], P(b"ask", 100, 200, at=9 * S, client_port=1), P(b"say", 200, 103, back=True, at=10 * S, client_port=1)],
         {"answered", "carried?", "carried", "sent?", "sent"}),
    ],
)
def test_a_tap_that_shows_both_directions(tmp_path, packets, expected):
    for batch in (1, 3, 1000):
        assert set(found(tmp_path, [*dialogue(7, 1, source=OTHER, to=8), *packets, *LATER], batch)) == expected


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        ([syn(1, 0)], {"answered?", "carried?", "unsent"}),
        (dialogue(1, 0, back=False), {"answered", "carried?", "sent"}),
        (dialogue(1, 0, there=False), {"answered", "carried?", "sent?"}),
    ],
)
def test_a_tap_that_shows_one_direction(tmp_path, packets, expected):
    assert set(found(tmp_path, [*packets, *dialogue(7, 60, source=OTHER, to=8, back=False)])) == expected


def test_a_young_connection_at_the_end_is_not_known(tmp_path):
    before = dialogue(7, 0, source=OTHER, to=8)
    assert set(found(tmp_path, [*before, syn(1, 10)])) == {"answered?", "carried?", "sent?"}
    assert set(found(tmp_path, [*before, syn(1, 10), syn(1, 11)])) == {"refused", "empty", "unsent"}  # it was repeated
    assert set(found(tmp_path, [*before, *dialogue(1, 10, data=False)[:3]])) == {"answered", "carried?", "sent?"}


@pytest.mark.parametrize(("targets", "expected"), [(9, {"answered?", "carried?", "sent?"}), (10, {"refused", "empty", "unsent"})])
def test_nobody_waits_for_so_many_at_once(tmp_path, targets, expected):
    packets = [*dialogue(7, 0, source=OTHER, to=8), *(syn(100 + n, 10 + n / 100, to=10 + n) for n in range(targets))]
    assert set(found(tmp_path, packets)) == expected


def test_targets_that_have_answered_before_do_not_count_as_waited_for(tmp_path):
    known = [packet for n in range(12) for packet in dialogue(100 + n, n, to=10 + n)]
    assert "refused" not in found(tmp_path, [*known, *(syn(200 + n, 20 + n / 100, to=10 + n) for n in range(12))])


CONNECTION = st.tuples(
    st.integers(0, 400).map(lambda number: number / 20),
    st.sampled_from(["whole", "empty", "asked", "answers", "syn", "refused", "late"]),
    st.integers(2, 6),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(CONNECTION, min_size=1, max_size=25), st.integers(1, 12))
def test_any_cut_into_batches_gives_the_same_outcomes(tmp_path, connections, batch):
    packets: list[P] = []
    for number, (at, kind, to) in enumerate(connections):
        port = 1000 + number
        match kind:
            case "whole" | "empty":
                packets += dialogue(port, at, to=to, data=kind == "whole")
            case "asked" | "answers":
                packets += dialogue(port, at, to=to, back=kind == "answers", there=kind == "asked")
            case "syn":
                packets.append(syn(port, at, to))
            case "refused":
                packets += [syn(port, at, to), syn(port, at + 0.01, to, RST | ACK, back=True)]
            case "late":
                packets += dialogue(port, at, to=to, data=False)[:3]
                packets.append(P(b"ask", 100, 200, at=int((at + 4) * S), client_port=port, destination=to))
                packets.append(P(b"say", 200, 103, at=int((at + 5) * S), client_port=port, destination=to, back=True))
    assert found(tmp_path, packets, batch) == found(tmp_path, packets)
