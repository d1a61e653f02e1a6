"""What a host is, from what it does. Every role comes with the reason a person can check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from otwatch.actions import CHANGING, ENGINEERING, Action
from otwatch.inventory.services import OT_PORTS_NOT_DECODED
from otwatch.protocols import protocols

# Roles, most telling first.
ORDER: Final = (
    "outstation",
    "controller",
    "ied",
    "sis",
    "drive",
    "io_controller",
    "io_device",
    "gateway",
    "ot_device",
    "engineering_station",
    "io_supervisor",
    "scada_server",
    "hmi",
    "ot_client",
    "historian",
    "router",
    "firewall",
    "switch",
    "jump_host",
    "it_host",
    "scanner",
    "server",
    "host",
)

TITLES: Final = {
    "outstation": "outstation (RTU)",
    "controller": "controller",
    "ied": "IED",
    "sis": "safety system",
    "drive": "drive",
    "io_controller": "IO controller (PROFINET)",
    "io_device": "IO device (PROFINET)",
    "io_supervisor": "IO supervisor (PROFINET)",
    "gateway": "gateway",
    "ot_device": "OT device",
    "engineering_station": "engineering station",
    "scada_server": "HMI or SCADA server",
    "hmi": "HMI",
    "ot_client": "OT client",
    "historian": "historian",
    "jump_host": "jump host",
    "it_host": "IT host",
    "router": "router",
    "firewall": "firewall",
    "switch": "switch",
    "scanner": "scanner",
    "server": "server",
    "host": "host",
}

_OUTSTATION_PROTOCOLS: Final = frozenset(spec.name for spec in protocols() if spec.serves_as == "outstation")
_IED_PROTOCOLS: Final = frozenset({"goose", "sampled-values", *(spec.name for spec in protocols() if spec.serves_as == "ied")})  # IEC 61850
_PEERS: Final = frozenset(spec.name for spec in protocols() if spec.serves_as == "peer")  # in which workstations answer, too: who is there
_MOSTLY: Final = 5
READING: Final = frozenset({Action.READ, Action.SUBSCRIBE, Action.REPORT})
_SESSION: Final = frozenset({Action.CONNECT, Action.AUTHENTICATE, Action.IDENTIFY, Action.ENCRYPTED, Action.OTHER})
_MODES: Final = frozenset({Action.START, Action.STOP, Action.RESTART})  # no controller does this to another in cycles
_PROGRAMMING: Final = (ENGINEERING | {Action.BROWSE}) - {Action.START, Action.STOP, Action.RESTART}


@dataclass(slots=True)
class Doings:
    """What one address did and had done to it, per protocol name."""

    served: dict[str, int] = field(default_factory=dict)  # protocol -> responses and events it sent
    asked: dict[str, dict[Action, int]] = field(default_factory=dict)  # protocol -> action -> requests it sent
    targets: set[int] = field(default_factory=set)  # addresses it sent requests to
    polled: set[int] = field(default_factory=set)  # those that it asked the same over and over
    reports: dict[int, int] = field(default_factory=dict)  # device -> what it sent unasked
    cycles: int = 0  # commands that were sent at one rate, the same over and over
    units: set[tuple[str, int]] = field(default_factory=set)  # children that answered through it
    unheard: dict[str, int] = field(default_factory=dict)  # protocol -> messages that it was sent where its own direction was not seen
    services: set[str] = field(default_factory=set)  # services other than OT that it offered and answered
    used: set[str] = field(default_factory=set)  # services other than OT that it used
    published: set[str] = field(default_factory=set)  # OT protocols straight over Ethernet that it sent, and that are not decoded

    @property
    def speaks_ot(self) -> bool:
        """Whether it is at an end of an OT protocol."""
        return bool(self.served or self.asked or self.unheard)

    @property
    def undecoded(self) -> set[str]:
        """OT protocols that are not decoded, and that it offered: by EtherType, or by the port of what it answered on."""
        return self.published | {name for name in self.services if name.rstrip("?") in OT_PORTS_NOT_DECODED}


_SAID: Final = {  # in facts of the kind "role"
    "IO controller": "io_controller",
    "IO device": "io_device",
    "IO supervisor": "io_supervisor",
    "network switch": "switch",
    "network router": "router",
}
_PROFINET: Final = frozenset({"pn_dcp", "pn_io"})


def say_roles(roles: dict[str, str], said: Iterable[tuple[str, str]], doings: Doings) -> None:
    """Adds the roles that a device says that it has ((what it said, in which message) of each), in place of what follows from PROFINET alone: its
    controllers ask who is there, and are sent the data of their devices."""
    for value, source in said:
        for words, role in _SAID.items():
            if words in value:
                roles.setdefault(role, f"says so ({source})")
    if roles.keys() & {"switch", "router"}:
        for role in ("server", "it_host", "host"):
            roles.pop(role, None)
    if not roles.keys() & {"io_controller", "io_device"}:
        if doings.served and doings.served.keys() <= _PROFINET and "controller" in roles:  # both ends send cyclic data
            roles["ot_device"] = roles.pop("controller")
        return
    if doings.asked.keys() <= _PROFINET:
        for role in ("engineering_station", "scada_server", "ot_client"):
            roles.pop(role, None)
    if doings.served.keys() <= _PROFINET:
        roles.pop("controller", None)


def role_title(role: str) -> str:
    """A role as people say it."""
    return TITLES.get(role, role.replace("_", " "))


_LINK_LOCAL_IPV4: Final = 0xA9FE  # RFC 3927: 169.254/16
POLLED_NS: Final = 10_000_000_000  # who asks the same for so long polls


def subnet(address: IPv4Address | IPv6Address) -> str:
    """The /24 or /64 of an address: what "the same network" means where no site file says it; empty for link-local ones, which are of none."""
    if address.version == 4:
        number = int(address)
        return "" if number >> 16 == _LINK_LOCAL_IPV4 else f"{number >> 24}.{number >> 16 & 0xFF}.{number >> 8 & 0xFF}.0/24"
    return "" if address.is_link_local else f"{IPv6Address(int(address) >> 64 << 64)}/64"


def _devices(devices: Collection[int]) -> str:
    return f"{len(devices)} device{'s' if len(devices) != 1 else ''}"


def roles_of(doings: Doings, *, ot_subnets: set[str], own_subnet: str, target_subnets: set[str], routed: bool) -> dict[str, str]:
    """Role -> reason, in no order. `routed`: its packets arrive with a router's MAC."""
    roles: dict[str, str] = {}
    requests = sum(sum(actions.values()) for actions in doings.asked.values())
    served = {name: count for name, count in doings.served.items() if count and not (name in _PEERS and requests > _MOSTLY * count)}
    if served:
        names = ", ".join(sorted(served))
        answers = sum(served.values())
        if set(served) <= _OUTSTATION_PROTOCOLS:
            roles["outstation"] = f"answers {names} ({answers} responses)"
        elif set(served) <= _IED_PROTOCOLS:
            roles["ied"] = f"answers {names} ({answers} responses)"
        else:
            roles["controller"] = f"answers {names} ({answers} responses)"
        of_protocol = Counter(name for name, _ in doings.units)
        if of_protocol and max(of_protocol.values()) > 1:  # a unit and a rack of one device are no two devices
            roles["gateway"] = f"{sum(count for count in of_protocol.values() if count > 1)} units answer behind it"
    asked: dict[Action, int] = {}
    for actions in doings.asked.values():
        for action, count in actions.items():
            asked[action] = asked.get(action, 0) + count
    if asked and not asked.keys() - _SESSION and Action.ENCRYPTED in asked:
        roles["host"] = f"talks to {_devices(doings.targets)} encrypted: what it does was not seen"
        return roles
    outside = bool(target_subnets) and bool(own_subnet) and own_subnet not in target_subnets and own_subnet not in ot_subnets
    if asked:
        programming = sorted(action.name for action in asked if action in _PROGRAMMING)
        commands = sum(count for action, count in asked.items() if action in CHANGING)
        reads = sum(count for action, count in asked.items() if action in READING)
        told = sum(doings.reports.values())
        if doings.polled and outside and not programming:  # who asks day and night is the SCADA server, in whatever network it stands
            roles["scada_server"] = f"polls {_devices(doings.polled)} ({reads} reads) from a network of its own ({own_subnet})"
        elif told > max(commands, 2) and not (outside and programming):
            roles["scada_server"] = f"is sent the reports of {_devices(doings.reports)} ({told})"
        elif outside:
            how = " through a router" if routed else ""
            roles["it_host"] = f"reaches controllers from another network ({own_subnet}){how}"
        elif programming:
            roles["engineering_station"] = f"did {', '.join(programming)}"
        if "scada_server" in roles:
            pass
        elif not outside and not programming and Action.REPORT in asked:  # requests that report are the outputs of an I/O connection
            roles["controller"] = f"sends {_devices(doings.targets)} its outputs in cycles (I/O connections), as controllers do"
        elif not outside and reads > max(commands, 2):
            roles["scada_server"] = f"polls {_devices(doings.targets)} ({reads} reads)"
        elif not outside and not programming and not _MODES & asked.keys() and doings.cycles and 2 * doings.cycles > commands:
            roles["controller"] = f"sends {_devices(doings.targets)} the same commands in cycles ({doings.cycles}), as controllers do"
        elif not outside and not programming:
            roles["engineering_station"] = (
                f"sends commands ({commands}) more than it reads ({reads})" if commands > reads else "asks, without polling"
            )
    if not served and not asked and doings.unheard:
        names = ", ".join(sorted(doings.unheard))
        role = (
            "outstation"
            if set(doings.unheard) <= _OUTSTATION_PROTOCOLS
            else "ied"
            if set(doings.unheard) <= _IED_PROTOCOLS
            else "controller"
        )
        roles[role] = f"is sent {names} ({sum(doings.unheard.values())} messages); its own direction was not seen"
    elif not served and not asked:
        roles |= _undecoded(doings)
        if roles:
            return roles
        if ot_subnets and own_subnet and own_subnet not in ot_subnets:
            roles["it_host"] = f"is in {own_subnet}, where no controller was seen"
        elif doings.services:
            roles["server"] = f"offers {', '.join(sorted(doings.services)[:4])}"
        else:
            roles["host"] = "no OT protocol seen from it"
    return roles


def _undecoded(doings: Doings) -> dict[str, str]:
    """The role of who is known only by an OT protocol that is not decoded, and on what that rests."""
    sent, used = sorted(doings.published), sorted(name.rstrip("?") for name in doings.used if name.rstrip("?") in OT_PORTS_NOT_DECODED)
    served = sorted(name.rstrip("?") for name in doings.undecoded - doings.published)
    if sent:
        return {"ied" if doings.published & _IED_PROTOCOLS else "ot_device": f"sends {', '.join(sent)} (by EtherType; not decoded)"}
    if served:
        return {"ot_device": f"answers on the port of {', '.join(served)} (not decoded)"}
    return {"ot_client": f"uses the port of {', '.join(used)} (not decoded)"} if used else {}
