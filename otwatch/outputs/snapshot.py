"""One observation, reduced to what can be compared: devices, ways of traffic, writers with their points, incidents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from otwatch.actions import CHANGING, ENGINEERING
from otwatch.alerts.alert import Severity
from otwatch.inventory.asset import Asset
from otwatch.inventory.levels import is_group
from otwatch.outputs.records import asset_record
from otwatch.outputs.result import Result
from otwatch.outputs.store import StoreReader
from otwatch.outputs.view.activity import Command

IDENTITY: Final = ("vendor", "model", "order_number", "hardware", "firmware", "boot_loader", "software", "serial", "os")
COMMANDS: Final = frozenset(action.name for action in CHANGING | ENGINEERING)
_RECORDS: Final = 1_000_000

Points = dict[tuple[str, str, str, str, str], str]  # source, target, function, unit, point -> the last value


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An asset."""

    id: str
    label: str
    addresses: frozenset[str]
    macs: frozenset[str]
    identity: dict[str, tuple[str, str]]  # kind -> value, where it was seen
    roles: tuple[str, ...]
    zone: str
    level: float | None
    vlans: tuple[int, ...]
    first_ns: int
    last_ns: int


@dataclass(slots=True, kw_only=True)
class Way:
    """All traffic of one client to one service of one server."""

    first_ns: int
    last_ns: int
    flows: int = 0
    actions: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`points` is None where it is not known what was written (a store keeps no messages)."""

    name: str
    packets: int | None
    first_ns: int
    last_ns: int
    blind: tuple[str, ...]  # blind spots that make it incomplete
    devices: dict[str, Device]
    ways: dict[tuple[str, str, str], Way]  # client, server, service
    points: Points | None
    incidents: dict[str, tuple[str, str]]  # id -> severity, title

    @property
    def span_ns(self) -> int:
        """How long it lasted."""
        return max(0, self.last_ns - self.first_ns)


def nothing(name: str) -> Snapshot:
    """The snapshot in which there is nothing."""
    return Snapshot(name=name, packets=0, first_ns=0, last_ns=0, blind=(), devices={}, ways={}, points={}, incidents={})


def of_result(name: str, result: Result, commands: Iterable[Command]) -> Snapshot:
    """The snapshot of captures."""
    ways: dict[tuple[str, str, str], Way] = {}
    for talk in result.talks:
        if not is_group(talk.server) and talk.took_place:
            way = ways.setdefault((talk.client, talk.server, talk.service), Way(first_ns=talk.first_seen_ns, last_ns=talk.last_seen_ns))
            way.first_ns, way.last_ns = min(way.first_ns, talk.first_seen_ns), max(way.last_ns, talk.last_seen_ns)
            way.flows += talk.flows
            way.actions |= {action for action, count in talk.actions.items() if count}
    return Snapshot(
        name=name,
        packets=result.packets,
        first_ns=result.first_ns or 0,
        last_ns=result.last_ns or 0,
        blind=tuple(spot.text for spot in result.blind_spots if spot.incomplete),
        devices={device.id: device for device in (device_of(asset_record(asset), asset.label) for asset in _heard(result.assets))},
        ways=ways,
        points={(one.source, one.target, one.function, one.unit, one.point): one.value for one in commands},
        incidents={one.id: (one.severity.label, one.title) for one in result.incidents if not one.is_note},
    )


def of_store(path: Path) -> Snapshot:
    """The snapshot of a sensor's store. CaptureError when it cannot be read."""
    reader = StoreReader(path)
    devices = {device.id: device for device in (device_of(record, str(record["id"])) for record in reader.assets()) if device.last_ns}
    ways: dict[tuple[str, str, str], Way] = {}
    for record in reader.flows():
        if record["payload_to_client"] and not is_group(record["server"]):
            first_ns, last_ns = _ns(record["first_seen"]), _ns(record["last_seen"])
            way = ways.setdefault((record["client"], record["server"], record["service"]), Way(first_ns=first_ns, last_ns=last_ns))
            way.first_ns, way.last_ns, way.flows = min(way.first_ns, first_ns), max(way.last_ns, last_ns), way.flows + 1
    labels = [severity.label for severity in Severity if severity >= Severity.MEDIUM]
    times = [device.first_ns for device in devices.values()] + [device.last_ns for device in devices.values()]
    return Snapshot(
        name=str(path),
        packets=None,
        first_ns=min(times, default=0),
        last_ns=max(times, default=0),
        blind=(),
        devices=devices,
        ways=ways,
        points=None,
        incidents={one["id"]: (one["severity"], one["title"]) for one in reader.incidents(severities=labels, limit=_RECORDS)},
    )


def _heard(assets: Iterable[Asset]) -> Iterable[Asset]:
    return (asset for asset in assets if asset.packets_sent)


def device_of(record: dict[str, Any], label: str) -> Device:
    """A device, from the record of an asset."""
    found = {kind: _shown(record, kind) for kind in IDENTITY}
    return Device(
        id=str(record["id"]),
        label=label,
        addresses=frozenset(record["addresses"]),
        macs=frozenset(record["macs"]),
        identity={kind: value for kind, value in found.items() if value[0]},
        roles=tuple(record["roles"]),
        zone=str(record["zone"]),
        level=record.get("level"),
        vlans=tuple(record["vlans"]),
        first_ns=_ns(record["first_seen"]),
        last_ns=_ns(record["last_seen"]),
    )


def _shown(record: dict[str, Any], kind: str) -> tuple[str, str]:
    fact = record.get("identity", {}).get(kind)
    if fact:
        return str(fact["value"]), f"frame {fact['frame']} of {Path(fact['file']).name}"
    return (str(record.get(kind) or ""), "") if kind != "vendor" or record.get("vendor_source") != "oui" else ("", "")


def _ns(text: str) -> int:
    """Nanoseconds of a time of our records; 0 where there is none."""
    try:
        moment = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return 0
    return int(moment.timestamp()) * 1_000_000_000 + int((text[20:].rstrip("Z") or "0")[:9].ljust(9, "0"))
