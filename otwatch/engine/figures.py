"""The sensor's own numbers, gathered: for its health, its heartbeat and its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from otwatch.engine.health import Figures, Link
from otwatch.engine.kinds import layer_name
from otwatch.errors import CaptureError

if TYPE_CHECKING:
    from otwatch.engine.sensor import Sensor

_NO_LABEL: Final[tuple[tuple[str, str], ...]] = ()
Metrics = Mapping[str, tuple[str, str, Mapping[tuple[tuple[str, str], ...], float]]]


def figures(sensor: Sensor) -> Figures:
    """What the health looks at; cheap, about once a second."""
    analysis = sensor.analysis
    streams, decoder = analysis.pipeline.streams.counters, analysis.pipeline.decoder.counters
    anomalies: dict[str, int] = {}
    for (layer, _), count in analysis.summary.anomalies.items():
        name = layer_name(layer, analysis.pipeline.protocols)
        anomalies[name] = anomalies.get(name, 0) + count.count
    links = {}
    for statistics in sensor.statistics:
        sent, came = 0, -1
        with suppress(CaptureError):  # the interface is away
            if sensor.transmitted is not None:
                sent = sensor.transmitted(statistics.interface)
            if sensor.arrived is not None:  # one of several processes: that its share is quiet does not mean that the interface is
                came = sensor.arrived(statistics.interface)
        links[statistics.interface] = Link(
            packets=statistics.received,
            dropped=statistics.dropped,
            up=statistics.up,
            transmitted=sent,
            arrived=came,
            losses=statistics.losses,
        )
    return Figures(
        monotonic=sensor.monotonic(),
        wall_ns=sensor.wall_ns(),
        links=links,
        packets=analysis.summary.packets,
        duplicates=decoder.get("duplicates", 0),
        stream_bytes=streams.get("stream_bytes", 0),
        gap_bytes=sensor.gap_bytes,
        anomalies=anomalies,
        one_way=sensor.directions[0],
        two_way=sensor.directions[1],
        vlans=sensor.watch.settled_vlans(),
        deliveries=sensor.reporting.failing(),
        storage_errors=sensor.reporting.storage_errors,
        alerts_lost=sensor.reporting.alerts_lost,
        forgotten=forgotten(sensor),
        not_evaluable=sensor.not_evaluable,
    )


def forgotten(sensor: Sensor) -> dict[str, int]:
    """Limit -> how often it was hit."""
    analysis = sensor.analysis
    hosts, streams = analysis.inventory.hosts, analysis.pipeline.streams.counters
    return {
        "addresses": analysis.pipeline.addresses.refused + analysis.pipeline.addresses.forgotten,
        "assets": hosts.refused_hosts,
        "conversations": hosts.merged_conversations,
        "facts": analysis.inventory.refused_facts,
        "MACs of assets": hosts.refused_macs,
        "behaviours": analysis.pipeline.behaviour_index.merged,
        "flows": streams.get("flows_evicted", 0),
        "streams": streams.get("streams_evicted", 0),
        "stored flows": sensor.flows_not_stored,
        "stored assets": sensor.assets_not_stored,
        **{name.replace("_", " "): count for name, count in sensor.detector.engine.counters.items()},
    }


def coverage(sensor: Sensor) -> dict[str, Any]:
    """What is watched, and what cannot be seen: the body of a heartbeat."""
    analysis = sensor.analysis
    links = sensor.statistics
    one_way, two_way = sensor.directions
    partly = sum(note.startswith("partly") for note in sensor.not_evaluable.values())
    return {
        **({"share": f"{sensor.config.worker} of {sensor.config['sensor.workers']}"} if sensor.config.worker else {}),
        "packets": analysis.summary.packets,
        "bytes": analysis.summary.wire_bytes,
        "operations": analysis.operations,
        "received": sum(link.received for link in links),
        "dropped": sum(link.dropped for link in links),
        "interfaces_up": sum(link.up for link in links),
        "interfaces": {link.interface: {"up": link.up, "received": link.received, "dropped": link.dropped, "losses": link.losses} for link in links},
        "hosts": len(analysis.inventory.hosts.hosts),
        "open_flows": len(sensor.watch.open),
        "behaviours": analysis.pipeline.behaviour_index.behaviours.rows,
        "one_way": one_way,
        "two_way": two_way,
        "missing_bytes": sensor.gap_bytes,
        "rules": {"all": len(sensor.policy.rules), "partly": partly, "not_evaluable": len(sensor.not_evaluable) - partly},
        "spool_pending": {delivery.target.id: delivery.pending for delivery in sensor.reporting.deliveries},
        "forgotten": {name: count for name, count in forgotten(sensor).items() if count},
    }


def metrics(sensor: Sensor) -> Metrics:
    """The same for Prometheus."""
    analysis = sensor.analysis
    links, deliveries = sensor.statistics, sensor.reporting.deliveries

    def single(value: float) -> Mapping[tuple[tuple[str, str], ...], float]:
        return {_NO_LABEL: value}

    return {
        "packets_total": ("counter", "packets analysed", single(analysis.summary.packets)),
        "bytes_total": ("counter", "bytes on the wire of these packets", single(analysis.summary.wire_bytes)),
        "operations_total": ("counter", "operations decoded", single(analysis.operations)),
        "interface_received_total": (
            "counter",
            "packets that the kernel handed over",
            {(("interface", link.interface),): link.received for link in links},
        ),
        "interface_dropped_total": (
            "counter",
            "packets that the kernel had no room for",
            {(("interface", link.interface),): link.dropped for link in links},
        ),
        "interface_up": ("gauge", "1 while the interface is up", {(("interface", link.interface),): int(link.up) for link in links}),
        "alerts_total": ("counter", "records reported, heartbeats included", single(sensor.reporting.reported)),
        "conditions": ("gauge", "health conditions that last now", {(("condition", name),): 1 for name in sensor.health.conditions}),
        "open_flows": ("gauge", "flows that are open", single(len(sensor.watch.open))),
        "behaviours": ("gauge", "distinct behaviours", single(analysis.pipeline.behaviour_index.behaviours.rows)),
        "forgotten_total": ("counter", "times that a limit was hit", {(("limit", name),): count for name, count in forgotten(sensor).items()}),
        "delivery_pending": (
            "gauge",
            "events that a destination does not surely have",
            {(("destination", delivery.target.id),): delivery.pending for delivery in deliveries},
        ),
        "delivery_failures_total": (
            "counter",
            "broken or refused connections",
            {(("destination", delivery.target.id),): delivery.state.failures for delivery in deliveries},
        ),
        "storage_errors_total": ("counter", "writes that a disk refused", single(sensor.reporting.storage_errors)),
        "alerts_lost_total": ("counter", "events lost before delivery", single(sensor.reporting.alerts_lost)),
    }
