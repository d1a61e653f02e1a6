"""The sensor's own numbers at one moment, and what is made of them: the coverage of a heartbeat, and metrics. Numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otwatch.alerts.coverage import How, Verdict
from otwatch.engine.figures import AnalysisFigures

_NO_LABEL: Final[tuple[tuple[str, str], ...]] = ()
Metrics = Mapping[str, tuple[str, str, Mapping[tuple[tuple[str, str], ...], float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One interface; counters only grow."""

    packets: int
    dropped: int
    up: bool = True
    transmitted: int = 0
    arrived: int = -1  # for whomever, where several processes share the interface; -1: `packets` are all
    losses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One destination of alerts."""

    pending: int  # events that it does not surely have
    failures: int = 0  # broken or refused connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured at one moment. Counters only grow."""

    monotonic: float  # seconds
    wall_ns: int
    analysis: AnalysisFigures = field(default_factory=AnalysisFigures)
    links: Mapping[str, Link] = field(default_factory=dict)
    gap_bytes: int = 0
    one_way: int = 0  # OT conversations of the last minute without an answer
    two_way: int = 0
    vlans: Mapping[str, Mapping[int, float]] = field(default_factory=dict)  # interface -> VLAN -> monotonic time when last seen
    deliveries: Mapping[str, tuple[float, str]] = field(default_factory=dict)  # destination -> (failing since, error), failing ones only
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    reported: int = 0  # records, heartbeats included
    storage: Mapping[str, str] = field(default_factory=dict)  # output on this machine -> why the disk does not take it, failing ones only
    storage_errors: int = 0
    alerts_lost: int = 0
    losses: str = ""  # their sequence numbers and why
    limits_hit: Mapping[str, int] = field(default_factory=dict)  # of the analysis, the rules and the sensor itself
    rules: int = 0
    not_evaluable: Mapping[str, Verdict] = field(default_factory=dict)
    open_flows: int = 0
    conditions: tuple[str, ...] = ()
    share: str = ""  # `2 of 4`: which of several processes this is


def coverage(now: Figures) -> dict[str, Any]:
    """What is watched, and what cannot be seen: the body of a heartbeat."""
    links, analysis = now.links, now.analysis
    partly = sum(verdict.how is How.PARTLY for verdict in now.not_evaluable.values())
    return {
        **({"share": now.share} if now.share else {}),
        "packets": analysis.packets,
        "bytes": analysis.wire_bytes,
        "operations": analysis.operations,
        "received": sum(link.packets for link in links.values()),
        "dropped": sum(link.dropped for link in links.values()),
        "interfaces_up": sum(link.up for link in links.values()),
        "interfaces": {
            name: {"up": link.up, "received": link.packets, "dropped": link.dropped, "losses": link.losses} for name, link in links.items()
        },
        "hosts": analysis.hosts,
        "open_flows": now.open_flows,
        "behaviours": analysis.behaviours,
        "one_way": now.one_way,
        "two_way": now.two_way,
        "missing_bytes": now.gap_bytes,
        "rules": {"all": now.rules, "partly": partly, "not_evaluable": len(now.not_evaluable) - partly},
        "spool_pending": {name: destination.pending for name, destination in now.destinations.items()},
        "forgotten": {name: count for name, count in now.limits_hit.items() if count},
    }


def metrics(now: Figures) -> Metrics:
    """The same for Prometheus."""
    analysis, links, destinations = now.analysis, now.links, now.destinations

    def single(value: float) -> Mapping[tuple[tuple[str, str], ...], float]:
        return {_NO_LABEL: value}

    return {
        "packets_total": ("counter", "packets analysed", single(analysis.packets)),
        "bytes_total": ("counter", "bytes on the wire of these packets", single(analysis.wire_bytes)),
        "operations_total": ("counter", "operations decoded", single(analysis.operations)),
        "interface_received_total": (
            "counter",
            "packets that the kernel handed over",
            {(("interface", name),): link.packets for name, link in links.items()},
        ),
        "interface_dropped_total": (
            "counter",
            "packets that the kernel had no room for",
            {(("interface", name),): link.dropped for name, link in links.items()},
        ),
        "interface_up": ("gauge", "1 while the interface is up", {(("interface", name),): int(link.up) for name, link in links.items()}),
        "alerts_total": ("counter", "records reported, heartbeats included", single(now.reported)),
        "conditions": ("gauge", "health conditions that last now", {(("condition", name),): 1 for name in now.conditions}),
        "open_flows": ("gauge", "flows that are open", single(now.open_flows)),
        "behaviours": ("gauge", "distinct behaviours", single(analysis.behaviours)),
        "forgotten_total": ("counter", "times that a limit was hit", {(("limit", name),): count for name, count in now.limits_hit.items()}),
        "delivery_pending": (
            "gauge",
            "events that a destination does not surely have",
            {(("destination", name),): destination.pending for name, destination in destinations.items()},
        ),
        "delivery_failures_total": (
            "counter",
            "broken or refused connections",
            {(("destination", name),): destination.failures for name, destination in destinations.items()},
        ),
        "storage_errors_total": ("counter", "writes that a disk refused", single(now.storage_errors)),
        "alerts_lost_total": ("counter", "events lost before delivery", single(now.alerts_lost)),
    }
