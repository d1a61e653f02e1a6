"""What a host is, from what it does. Every role comes with the reason a person can check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from otwatch.actions import CHANGING, ENGINEERING, Action

# Roles, most telling first.
ORDER: Final = ("outstation", "controller", "gateway", "engineering_station", "scada_server", "it_host", "router", "scanner", "server", "host")

TITLES: Final = {
    "outstation": "outstation (RTU)",
    "controller": "controller",
    "gateway": "gateway",
    "engineering_station": "engineering station",
    "scada_server": "HMI or SCADA server",
    "it_host": "IT host",
    "router": "router",
    "scanner": "scanner",
    "server": "server",
    "host": "host",
}

_OUTSTATION_PROTOCOLS: Final = frozenset({"dnp3", "iec104"})
READING: Final = frozenset({Action.READ, Action.SUBSCRIBE, Action.REPORT})
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

    @property
    def speaks_ot(self) -> bool:
        """Whether it is at an end of an OT protocol."""
        return bool(self.served or self.asked or self.unheard)


POLLED_NS: Final = 10_000_000_000  # who asks the same for so long polls


def subnet(address: IPv4Address | IPv6Address) -> str:
    """The /24 or /64 of an address: what "the same network" means where no site file says it; empty for link-local ones, which are of none."""
    if address.is_link_local:
        return ""
    bits = 8 if address.version == 4 else 64
    base = type(address)(int(address) >> bits << bits)
    return f"{base}/{24 if address.version == 4 else 64}"


def _devices(devices: Collection[int]) -> str:
    return f"{len(devices)} device{'s' if len(devices) != 1 else ''}"


def roles_of(doings: Doings, *, ot_subnets: set[str], own_subnet: str, target_subnets: set[str], routed: bool) -> dict[str, str]:
    """Role -> reason, in no order. `routed`: its packets arrive with a router's MAC."""
    roles: dict[str, str] = {}
    served = {name: count for name, count in doings.served.items() if count}
    if served:
        names = ", ".join(sorted(served))
        answers = sum(served.values())
        if set(served) <= _OUTSTATION_PROTOCOLS:
            roles["outstation"] = f"answers {names} ({answers} responses)"
        else:
            roles["controller"] = f"answers {names} ({answers} responses)"
        of_protocol = Counter(name for name, _ in doings.units)
        if of_protocol and max(of_protocol.values()) > 1:  # a unit and a rack of one device are no two devices
            roles["gateway"] = f"{sum(count for count in of_protocol.values() if count > 1)} units answer behind it"
    asked: dict[Action, int] = {}
    for actions in doings.asked.values():
        for action, count in actions.items():
            asked[action] = asked.get(action, 0) + count
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
        role = "outstation" if set(doings.unheard) <= _OUTSTATION_PROTOCOLS else "controller"
        roles[role] = f"is sent {names} ({sum(doings.unheard.values())} messages); its own direction was not seen"
    elif not served and not asked:
        if ot_subnets and own_subnet and own_subnet not in ot_subnets:
            roles["it_host"] = f"is in {own_subnet}, where no controller was seen"
        elif doings.services:
            roles["server"] = f"offers {', '.join(sorted(doings.services)[:4])}"
        else:
            roles["host"] = "no OT protocol seen from it"
    return roles
