"""What one batch of packets became: the tables that inventory, rules and outputs read. Valid until the next batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Behaviours, FlowEvents, Flows, Octets, Operations, Packets


@dataclass(slots=True, kw_only=True)
class Batch:
    """All tables of a batch. `closed` are the flow slots whose rows are final; `known_behaviours` how many behaviours there were before."""

    file: str
    now_ns: int
    packets: Packets
    flows: Flows
    flow_events: FlowEvents
    octets: Octets
    operations: Operations
    anomalies: Anomalies
    behaviours: Behaviours
    known_behaviours: int
    facts: list[Fact]
    closed: list[int]
    unanswered: dict[int, int]  # slot of a closed flow -> requests that stayed without a response
    # row in operations -> (card that its sender's address has, card that sent it), where these differ: see `streams.cards`
    other_cards: Mapping[int, tuple[int, int]] = field(default_factory=dict)
