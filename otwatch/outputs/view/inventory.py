"""Assets as rows and sheets: identity with its source, what was commanded, and the four columns of an evaluation, never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otwatch.inventory.asset import Asset, KnownFact
from otwatch.inventory.inventory import Talk
from otwatch.inventory.roles import TITLES
from otwatch.outputs.story import clock
from otwatch.outputs.view.activity import Command
from otwatch.outputs.view.levels import level_of, role_of
from otwatch.outputs.view.model import IncidentView
from otwatch.outputs.view.places import Places, packets_of
from otwatch.outputs.view.plant import AssetRow, FactRow
from otwatch.site.site import Site

_FACTS: Final = 24
_CHILDREN: Final = 32
_ADDRESSES: Final = 16
_SEEN: Final = 6
_SINGLE: Final = frozenset({"vendor", "model", "order_number", "firmware", "hardware", "serial", "name"})  # two values of these contradict each other
_OT_ROLES: Final = frozenset({"controller", "outstation", "gateway", "ied", "sis", "drive"})
_CLEAR_TEXT: Final = {"telnet": "Telnet", "ftp": "FTP", "http": "HTTP", "vnc": "VNC", "snmp": "SNMP", "tftp": "TFTP"}
_BY_DESIGN: Final = {
    "modbus": "Modbus has no authentication: whoever reaches the device may write",
    "dnp3": "DNP3 without secure authentication takes commands from whoever reaches the device",
    "s7comm": "S7comm takes commands from whoever reaches the device, unless its protection level forbids it",
    "iec104": "IEC 104 has no authentication of its own (IEC 62351-5 adds it)",
    "bacnet": "BACnet/IP has no authentication without BACnet/SC",
    "enip": "EtherNet/IP without CIP Security takes requests from whoever reaches the device",
}
_SHORT: Final = {"outstation": "RTU", "engineering_station": "engineering", "scada_server": "HMI, SCADA", "it_host": "IT host", "hmi": "HMI"}
_REVEALS: Final = {
    "model": "no identification was seen that names a model",
    "firmware": "no identification was seen that names a firmware",
    "serial": "no identification was seen that names a serial number",
}


def role_title(role: str) -> str:
    """A role as people say it, also those that only a site file gives."""
    return TITLES.get(role, role.replace("_", " "))


def short_title(role: str) -> str:
    """The same where there is little room."""
    return _SHORT.get(role, role_title(role))


def asset_rows(
    assets: Sequence[Asset], talks: Iterable[Talk], commands: Sequence[Command], places: Places, site: Site | None
) -> tuple[AssetRow, ...]:
    """Every asset, in the order of the result."""
    received, sent = [0] * len(assets), [0] * len(assets)
    writers: dict[int, set[str]] = {}
    for command in commands:
        source, target = places.number(command.source), places.number(command.target)
        if source >= 0:
            sent[source] += command.count
        if target >= 0:
            received[target] += command.count
            writers.setdefault(target, set()).add(places.label(source, command.source))
    crossing: set[int] = set()
    for talk in talks:
        source, target = places.number(talk.client), places.number(talk.server)
        if places.crosses(source, target) and packets_of(talk):
            crossing.update((source, target))
    return tuple(
        _row(number, asset, received[number], sent[number], writers.get(number, set()), number in crossing, places, site)
        for number, asset in enumerate(assets)
    )


def _row(number: int, asset: Asset, received: int, sent: int, writers: set[str], crosses: bool, places: Places, site: Site | None) -> AssetRow:
    role, reason = role_of(asset, site)
    level, level_source = level_of(asset, role)
    own = {fact.kind: fact.value for fact in reversed(asset.facts)}
    facts, left_out, conflicts = _facts(asset)
    incidents = [places.by_number[one] for one in sorted(places.of_asset.get(number, ()))]
    unidentified = role in _OT_ROLES and not (own.get("model") or own.get("order_number"))
    flags = _flags(incidents, conflicts, bool(asset.behind), crosses, unidentified)
    vendor_source = {"fact": "self-reported", "oui": "MAC (OUI)"}.get(asset.vendor_source, asset.vendor_source)
    return AssetRow(
        number=number,
        address=asset.id,
        name=asset.name,
        role=role,
        role_title=role_title(role),
        role_reason=reason,
        roles="; ".join(f"{role_title(one)}: {asset.role_reasons.get(one, '')}".rstrip(": ") for one in asset.roles),
        level=level,
        level_text="unknown" if level is None else f"{level:g}",
        level_source=level_source,
        zone=asset.zone,
        zone_source=("inferred" if asset.zone_inferred else "site file") if asset.zone else "",
        vendor=asset.vendor,
        vendor_source=vendor_source,
        model=own.get("model", ""),
        order_number=own.get("order_number", ""),
        firmware=own.get("firmware", ""),
        serial=own.get("serial", ""),
        protocols=", ".join(f"{name} ({how})" for name, how in asset.protocols.items()),
        protocol_names=tuple(asset.protocols),
        received=received,
        sent=sent,
        flags=flags,
        severity=max((one.severity for one in incidents), default=None),
        incidents=tuple(one.number for one in incidents),
        first=clock(asset.first_seen_ns),
        last=clock(asset.last_seen_ns),
        last_ns=asset.last_seen_ns,
        packets=asset.packets_sent + asset.packets_received,
        traffic=f"{asset.packets_sent:,} packets sent, {asset.packets_received:,} received",
        addresses=tuple(asset.addresses[:_ADDRESSES])
        + ((f"and {len(asset.addresses) - _ADDRESSES} more",) if len(asset.addresses) > _ADDRESSES else ()),
        macs=tuple(asset.macs[:_ADDRESSES]),
        vlans=", ".join(map(str, asset.vlans)),
        behind=asset.behind,
        children=_children(asset),
        facts=facts,
        facts_left_out=left_out,
        observed=_observed(received, writers, asset, crosses, incidents),
        by_design=tuple(text for name, text in _BY_DESIGN.items() if asset.protocols.get(name) in ("server", "both")),
        unknown=tuple(f"{kind}: {text}" for kind, text in _REVEALS.items() if not own.get(kind)) if role in _OT_ROLES else (),
    )


def _facts(asset: Asset) -> tuple[tuple[FactRow, ...], int, int]:
    """Facts of the device and of what stands behind it; how many more there are; how many kinds contradict each other."""
    found = [("", fact) for fact in asset.facts] + [(child.name, fact) for child in asset.children for fact in child.facts]
    values: dict[tuple[str, str], set[str]] = {}
    for about, fact in found:
        if fact.kind in _SINGLE:
            values.setdefault((about, fact.kind), set()).add(fact.value)
    conflicts = {place for place, several in values.items() if len(several) > 1}
    rows = tuple(_fact(about, fact, (about, fact.kind) in conflicts) for about, fact in found[:_FACTS])
    return rows, max(0, len(found) - _FACTS), len(conflicts)


def _fact(about: str, fact: KnownFact, conflict: bool) -> FactRow:
    file = fact.file.replace("\\", "/").rpartition("/")[2]
    return FactRow(
        about=about,
        kind=fact.kind.replace("_", " "),
        value=fact.value,
        source=fact.source,
        frame=fact.frame,
        file=file,
        count=fact.count,
        conflict=conflict,
    )


def _children(asset: Asset) -> tuple[str, ...]:
    units = [child for child in asset.children if child.answered] or asset.children
    named = tuple(
        f"{child.name} ({child.protocol}, {child.messages:,} messages{'' if child.answered else ', no answer'})" for child in units[:_CHILDREN]
    )
    return named + ((f"and {len(units) - _CHILDREN} more",) if len(units) > _CHILDREN else ())


def _flags(incidents: Sequence[IncidentView], conflicts: int, behind: bool, crosses: bool, unidentified: bool) -> tuple[str, ...]:
    flags = [f"incident {', '.join(str(one.number) for one in incidents)}"] if incidents else []
    flags += ["conflict"] if conflicts else []
    flags += ["crosses zones"] if crosses else []
    flags += ["behind router"] if behind else []
    flags += ["unidentified"] if unidentified else []
    return tuple(flags)


def _observed(received: int, writers: set[str], asset: Asset, crosses: bool, incidents: Sequence[IncidentView]) -> tuple[str, ...]:
    """What was seen at it, never what might be."""
    found = [f"part of incident {one.number}: {one.title}" for one in incidents]
    if received:
        named = sorted(writers)
        more = f" and {len(named) - _SEEN} more" if len(named) > _SEEN else ""
        found.append(f"received {received:,} command{'' if received == 1 else 's'} from {', '.join(named[:_SEEN])}{more}")
    served = [title for service, title in _CLEAR_TEXT.items() if asset.protocols.get(service.strip("?")) in ("server", "both")]
    guessed = [f"{title} (by port)" for service, title in _CLEAR_TEXT.items() if asset.protocols.get(f"{service}?") in ("server", "both")]
    if served or guessed:
        found.append(f"offers services in clear text: {', '.join(served + guessed)}")
    if crosses:
        found.append("has conversations with another zone")
    return tuple(found)
