"""Assets as rows and sheets: identity with its source, what was commanded, and the four columns of an evaluation, never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otwatch.inventory.asset import Asset, KnownFact
from otwatch.inventory.identity import GIVEN_IN
from otwatch.inventory.inventory import Talk
from otwatch.inventory.roles import role_title
from otwatch.outputs.story import clock, plural
from otwatch.outputs.view.activity import Activity
from otwatch.outputs.view.evaluation import Seen, evaluate
from otwatch.outputs.view.model import IncidentView
from otwatch.outputs.view.places import Places, is_tried
from otwatch.outputs.view.plant import AssetRow, FactRow

_FACTS: Final = 24
_CHILDREN: Final = 32
_ADDRESSES: Final = 16
_INTERNET: Final = 5.0
_ON_TSAP: Final = frozenset({"s7comm", "s7comm-plus", "mms"})
_SHORT: Final = {"outstation": "RTU", "engineering_station": "engineering", "scada_server": "HMI, SCADA", "it_host": "IT host", "hmi": "HMI"}
_LEVEL_SOURCES: Final = {"role": "by role", "zone": "by zone", "": "not known"}
_TITLES: Final = {"order_number": "order number", "boot_loader": "boot loader", "serial": "serial number", "device_instance": "device instance"}


def short_title(role: str) -> str:
    """The same where there is little room."""
    return _SHORT.get(role, role_title(role))


def asset_rows(assets: Sequence[Asset], talks: Iterable[Talk], activity: Activity, places: Places) -> tuple[AssetRow, ...]:
    """Every asset, in the order of the result."""
    received, sent = [0] * len(assets), [0] * len(assets)
    seen = [Seen() for _ in assets]
    for command in activity.commands:
        source, target = places.number(command.source), places.number(command.target)
        if source >= 0:
            sent[source] += command.count
        if target >= 0:
            received[target] += command.count
            seen[target].commands.append((places.label(source, command.source), command))
    _note_talks(talks, places, seen)
    return tuple(_row(number, asset, received[number], sent[number], seen[number], places) for number, asset in enumerate(assets))


def _note_talks(talks: Iterable[Talk], places: Places, seen: Sequence[Seen]) -> None:
    """With which zones and public addresses each asset talks, and what it offers that nobody used."""
    used: dict[int, set[str]] = {}
    for talk in talks:
        source, target = places.number(talk.client), places.number(talk.server)
        if target >= 0 and talk.server_port is not None:
            if is_tried(talk):
                if talk.counts["packets_to_client"] and talk.accepted:
                    seen[target].unused.add(talk.service)
            else:
                used.setdefault(target, set()).add(talk.service)
        if not places.crosses(source, target) or is_tried(talk):
            continue
        for one, other in ((source, target), (target, source)):
            if places.assets[other].level == _INTERNET:
                seen[one].public.add(places.assets[other].id)
            else:
                seen[one].zones.add(places.assets[other].zone or "no zone")
    for number, asset in enumerate(places.assets):
        spoken = {name for name in asset.protocols if not name.endswith("?")}  # decoded: what its port is called is no other service
        hidden = used.get(number, set()) | {f"{name}?" for name in spoken} | ({"iso-tsap?"} if spoken & _ON_TSAP else set())
        seen[number].unused -= hidden


def _named_by(source: str) -> str:
    """Whose word a name is."""
    return "site file" if source == "site" else f"given by another host, {source}" if source.startswith(GIVEN_IN) else f"self-reported, {source}"


def _row(number: int, asset: Asset, received: int, sent: int, seen: Seen, places: Places) -> AssetRow:
    facts, left_out = _facts(asset)
    incidents = [places.by_number[one] for one in sorted(places.of_asset.get(number, ()))]
    evaluation = evaluate(asset, seen, incidents)
    vendor_source = {"fact": "self-reported", "oui": "MAC (OUI)"}.get(asset.vendor_source, asset.vendor_source)
    names = tuple(f"{name} ({_named_by(source)})" for source, name in asset.names.items())
    return AssetRow(
        number=number,
        address=asset.id,
        name=asset.name,
        name_source=_named_by(asset.name_source).partition(",")[0] if asset.name else "",
        names=names,
        label=asset.label,
        role=asset.role,
        role_title=role_title(asset.role),
        role_reason=asset.role_reasons.get(asset.role, ""),
        roles="; ".join(f"{role_title(one)}: {asset.role_reasons.get(one, '')}".rstrip(": ") for one in asset.roles[1:]),
        level=asset.level,
        level_text="unknown" if asset.level is None else f"{asset.level:g}",
        level_source=_LEVEL_SOURCES.get(asset.level_source, asset.level_source),
        zone=asset.zone,
        zone_source=("inferred" if asset.zone_inferred else "site file") if asset.zone else "",
        vendor=asset.vendor.rstrip(" ,"),
        vendor_source=vendor_source,
        model=asset.said("model"),
        order_number=asset.said("order_number"),
        firmware=asset.said("firmware"),
        serial=asset.said("serial"),
        identity=tuple(_fact("", fact, kind in asset.conflicts) for kind, fact in asset.identity.items() if kind != "name"),
        conflicts=tuple(f"{_TITLES.get(kind, kind)}: {' or '.join(values)}" for kind, values in asset.conflicts.items()),
        unidentified_reason=asset.unidentified_reason,
        protocols=", ".join(f"{name} ({how})" for name, how in asset.protocols.items()),
        protocol_names=tuple(asset.protocols),
        received=received,
        sent=sent,
        flags=_flags(incidents, asset, bool(seen.zones or seen.public)),
        severity=max((one.severity for one in incidents), default=None),
        incidents=tuple(one.number for one in incidents),
        first=clock(asset.first_seen_ns),
        last=clock(asset.last_seen_ns),
        last_ns=asset.last_seen_ns,
        packets=asset.packets_sent + asset.packets_received,
        traffic=f"{plural(asset.packets_sent, 'packet')} sent, {asset.packets_received:,} received",
        addresses=tuple(asset.addresses[:_ADDRESSES])
        + ((f"and {len(asset.addresses) - _ADDRESSES} more",) if len(asset.addresses) > _ADDRESSES else ()),
        macs=tuple(asset.macs[:_ADDRESSES]),
        merged_by=asset.merged_by,
        vlans=", ".join(map(str, asset.vlans)),
        behind=asset.behind,
        children=_children(asset),
        facts=facts,
        facts_left_out=left_out,
        observed=evaluation.observed,
        by_design=evaluation.by_design,
        unknown=evaluation.unknown,
        helps=evaluation.helps,
    )


def _facts(asset: Asset) -> tuple[tuple[FactRow, ...], int]:
    """What the sheet says beside the identity that is shown: other values, states, quirks, and what is said of devices behind it; how many more."""
    shown = {id(fact) for fact in asset.identity.values()}
    found = [("", fact) for fact in asset.facts if id(fact) not in shown]
    found += [(child.name, fact) for child in asset.children for fact in child.facts]
    rows = tuple(_fact(about, fact, not about and fact.value in asset.conflicts.get(fact.kind, ())) for about, fact in found[:_FACTS])
    return rows, max(0, len(found) - _FACTS)


def _fact(about: str, fact: KnownFact, conflict: bool) -> FactRow:
    return FactRow(
        about=about,
        kind=_TITLES.get(fact.kind, fact.kind.replace("_", " ")),
        value=fact.value,
        source=fact.source,
        confidence="" if fact.confidence >= 1 else f"confidence {fact.confidence:.0%}",
        frame=fact.frame,
        file=fact.file.replace("\\", "/").rpartition("/")[2],
        time=clock(fact.first_ns) if fact.first_ns else "",
        count=fact.count,
        conflict=conflict,
    )


def _children(asset: Asset) -> tuple[str, ...]:
    units = [child for child in asset.children if child.answered] or asset.children
    named = tuple(
        f"{child.name} ({child.protocol}, {child.messages:,} messages{'' if child.answered else ', no answer'})" for child in units[:_CHILDREN]
    )
    return named + ((f"and {len(units) - _CHILDREN} more",) if len(units) > _CHILDREN else ())


def _flags(incidents: Sequence[IncidentView], asset: Asset, crosses: bool) -> tuple[str, ...]:
    flags = [f"incident {', '.join(str(one.number) for one in incidents)}"] if incidents else []
    flags += ["conflict"] if asset.conflicts else []
    flags += ["crosses zones"] if crosses else []
    flags += ["behind router"] if asset.behind else []
    flags += ["unidentified"] if asset.unidentified_reason else []
    return tuple(flags)
