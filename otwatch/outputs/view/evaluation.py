"""The four columns of a device's evaluation, never mixed: what was observed, what its protocols allow anyone, what is unknown, what would help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from otwatch.inventory.asset import Asset, KnownFact
from otwatch.inventory.levels import OT_DEVICES
from otwatch.inventory.weaknesses import weaknesses_of
from otwatch.outputs.story import plural
from otwatch.outputs.view.activity import Command
from otwatch.outputs.view.model import IncidentView

_SEEN: Final = 6
_CLEAR_TEXT: Final = {"telnet": "Telnet", "ftp": "FTP", "http": "HTTP", "vnc": "VNC", "snmp": "SNMP", "tftp": "TFTP"}
# What anybody who reaches the device may do, by the protocol that it answers; and where that is written.
BY_DESIGN: Final = {
    "modbus": "Modbus: read and write anything; it has no authentication (MODBUS Messaging on TCP/IP 1.0b, 3; Modbus/TCP Security adds TLS)",
    "dnp3": "DNP3: operate, restart, write; without secure authentication (IEEE 1815-2012, 7), of which none was seen, it takes commands from anyone",
    "s7comm": "S7comm: read and write; start, stop and download too, unless a protection level of the CPU forbids it (SZL 0x0232)",
    "s7comm-plus": "S7comm-plus: what the access level of the CPU leaves open; its integrity check does not authenticate the person",
    "iec104": "IEC 104: any command; it has no authentication of its own (IEC 62351-5 adds it)",
    "bacnet": "BACnet/IP: write properties, reinitialise; it has no authentication without BACnet/SC (ASHRAE 135, annex AB)",
    "mms": "MMS: what the server's access points allow; without ACSE authentication or TLS (IEC 62351-4) anyone may associate",
    "enip": "EtherNet/IP: any CIP request; without CIP Security (CIP volume 8) it takes requests from anyone",
    "cip": "CIP: any request, stop and reset of the device too, unless CIP Security or the key switch forbids it",
    "goose": "GOOSE: anyone in the segment may publish; without IEC 62351-6 subscribers cannot tell who sent it",
    "sampled-values": "Sampled values: anyone in the segment may publish; without IEC 62351-6 subscribers cannot tell who sent them",
    "pn_dcp": "PROFINET DCP: anyone in the segment may set name and address or reset the device (security class 1 limits it to a controller's own)",
    "pn_io": "PROFINET IO: anyone who reaches the device may connect and write records (security classes 2 and 3 authenticate)",
    "opcua": "OPC UA: what the endpoint's policy leaves open; with policy None it authenticates nobody",
}
_HELPS: Final = {
    "modbus": "a conduit that lets only the known masters reach TCP 502; a read-only gateway; Modbus/TCP Security where the device has it",
    "dnp3": "a conduit that lets only the known masters reach it; DNP3 secure authentication (SAv5) or TLS where both ends have it",
    "s7comm": "protection level 3 with a password, the mode switch in RUN, PUT/GET access off; a conduit that names the stations",
    "s7comm-plus": "access level 'no access' with passwords, secure PG/PC communication (TLS, from firmware V2.9 / V4.5 on)",
    "iec104": "a conduit that names the control centre; TLS (IEC 62351-3)",
    "bacnet": "BACnet/SC, or a conduit that names the workstations; no forwarding of foreign devices",
    "pn_dcp": "read-only DCP (security class 1) where the device has it; no foreign hosts in the segment of the controllers",
    "pn_io": "a segment of its own for controllers and devices; a conduit that names the controllers for UDP 34964",
    "mms": "TLS and ACSE authentication (IEC 62351-3, -4); a conduit that names the clients",
    "enip": "CIP Security where the device has it; the key switch in RUN; a conduit that names the stations",
    "opcua": "policy Basic256Sha256 or newer, no anonymous users",
}
_TITLES: Final = {
    "STOP": "stop",
    "START": "start",
    "RESTART": "restart",
    "PROGRAM_DOWNLOAD": "program download",
    "PROGRAM_DELETE": "deletion of program blocks",
    "FIRMWARE": "firmware update",
    "FORCE": "force",
    "CONTROL": "operation of points",
    "WRITE": "write",
    "CONFIGURE": "configuration",
    "TIME_SET": "setting of the clock",
    "PROGRAM_UPLOAD": "program upload",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the sheet of a device says of its weaknesses."""

    observed: tuple[str, ...] = ()
    by_design: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()


@dataclass(slots=True)
class Seen:
    """What of the rest of the result is about one asset."""

    commands: list[tuple[str, Command]] = field(default_factory=list)  # who sent it, what
    zones: set[str] = field(default_factory=set)  # other zones with which it has conversations
    public: set[str] = field(default_factory=set)  # public addresses with which it has some
    unused: set[str] = field(default_factory=set)  # services that accepted a connection and carried nothing else


def evaluate(asset: Asset, seen: Seen, incidents: Sequence[IncidentView]) -> Evaluation:
    """Every line rests on what is in the result; what is not there is said to be unknown."""
    weak = [f"{text} (first in frame {fact.frame})" for text, fact in weaknesses_of(_facts(asset))]
    if asset.role not in OT_DEVICES and not seen.commands and not incidents:
        return Evaluation(observed=tuple(weak + _exposure(asset, seen)))
    offered = [name.rstrip("?") for name, how in asset.protocols.items() if how != "client"]
    return Evaluation(
        observed=tuple(
            [f"part of incident {one.number}: {one.title}" for one in incidents] + _accepted(seen.commands) + weak + _exposure(asset, seen)
        ),
        by_design=tuple(BY_DESIGN[name] for name in offered if name in BY_DESIGN),
        unknown=tuple(_unknown(asset)),
        helps=tuple(_existing(asset) + [_HELPS[name] for name in dict.fromkeys(offered) if name in _HELPS]) if asset.role in OT_DEVICES else (),
    )


def _accepted(commands: Iterable[tuple[str, Command]]) -> list[str]:
    """`accepted 12 writes from hmi (first frame 52)`: what dangerous acts come first, and what was not confirmed says so."""
    groups: dict[str, list[tuple[str, Command]]] = {}
    for sender, command in commands:
        groups.setdefault(command.action, []).append((sender, command))
    found = []
    for action in sorted(groups, key=lambda action: list(_TITLES).index(action) if action in _TITLES else len(_TITLES)):
        same = groups[action]
        title = _TITLES.get(action, action.lower().replace("_", " "))
        senders = sorted({sender for sender, _ in same})
        named = ", ".join(senders[:_SEEN]) + (f" and {len(senders) - _SEEN} more" if len(senders) > _SEEN else "")
        accepted, refused = sum(command.accepted for _, command in same), sum(command.refused for _, command in same)
        count, frame = sum(command.count for _, command in same), min(command.first_frame for _, command in same)
        if accepted:
            more = f", refused {refused:,}" if refused else ""
            found.append(f"accepted {title} {plural(accepted, 'time')} from {named}{more} (first in frame {frame}); no authentication was seen")
        elif refused:
            found.append(f"refused {title} {plural(refused, 'time')} from {named} (first in frame {frame})")
        else:
            found.append(f"was sent {title} {plural(count, 'time')} by {named}; no answer was seen (first in frame {frame})")
    return found


def _facts(asset: Asset) -> list[KnownFact]:
    """Those of the device, then those of what is behind it."""
    return [*asset.facts, *(fact for child in asset.children for fact in child.facts)]


def _exposure(asset: Asset, seen: Seen) -> list[str]:
    found = []
    served = [title for name, title in _CLEAR_TEXT.items() if asset.protocols.get(name) in ("server", "both")]
    guessed = [f"{title} (by port)" for name, title in _CLEAR_TEXT.items() if asset.protocols.get(f"{name}?") in ("server", "both")]
    if served or guessed:
        found.append(f"offers services in clear text: {', '.join(served + guessed)}")
    if seen.unused:
        names = sorted(name.rstrip("?") for name in seen.unused)
        found.append(f"accepts connections to services that nobody used: {', '.join(names[:_SEEN])}")
    if seen.public:
        found.append(f"talks with public addresses: {', '.join(sorted(seen.public)[:_SEEN])}")
    if seen.zones:
        found.append(f"has conversations with {plural(len(seen.zones), 'other zone')}: {', '.join(sorted(seen.zones)[:_SEEN])}")
    return found


def _unknown(asset: Asset) -> list[str]:
    if asset.role not in OT_DEVICES:
        return []
    found = [
        f"{title}: no message that says it was seen"
        for kind, title in (("model", "model"), ("firmware", "firmware"), ("serial", "serial number"))
        if not asset.said(kind) and not (kind == "model" and asset.said("order_number"))
    ]
    kinds = {fact.kind for fact in asset.facts}
    if "protection" not in kinds:
        found.append("passwords and protection of the device")
    if "mode_switch" not in kinds:
        found.append("position of its key or mode switch")
    found.append("access lists, and services that nobody used in this time")
    return found


def _existing(asset: Asset) -> list[str]:
    """What protects it already, as it says itself."""
    words = {"protection": "protection", "mode_switch": "mode switch"}
    said = [f"{words[fact.kind]} {fact.value} (frame {fact.frame})" for fact in asset.facts if fact.kind in words]
    return [f"in place, as it reports: {', '.join(said)}"] if said else []
