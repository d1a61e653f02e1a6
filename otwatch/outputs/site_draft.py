"""A proposal for a site file from what a capture shows: every line a comment, each with the observation behind it, for a person to accept or not."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator
from statistics import median_low
from typing import Final

from otwatch.actions import CHANGING, ENGINEERING, Action
from otwatch.alerts.alert import Severity
from otwatch.inventory.asset import Asset
from otwatch.inventory.inventory import Talk
from otwatch.inventory.levels import LEVEL_OF_ROLE, ROUTERS, is_group
from otwatch.outputs.escape import one_line
from otwatch.outputs.result import Result
from otwatch.outputs.story import plural
from otwatch.outputs.times import time_text

_NETWORK_BITS: Final = {4: 24, 6: 64}
_NAMES: Final = {0.0: "process", 1.0: "cell", 2.0: "supervision", 3.0: "operations", 3.5: "dmz", 4.0: "office", 5.0: "outside"}
_ENGINEERING: Final = frozenset(action.name for action in ENGINEERING)
_COMMANDS: Final = tuple(action.name for action in Action if action in CHANGING and action not in ENGINEERING)
_REMOTE_ACCESS: Final = frozenset({"ssh", "rdp", "vnc", "telnet", "winrm"})
_LISTED: Final = 500  # of a kind; more is nothing that a person reads

Zones = dict[str, tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, float | None, list[Asset]]]


def site_draft(result: Result, captures: Iterable[str]) -> str:
    """The text of the file. It changes nothing as it stands."""
    zones = _zones(result.assets)
    of_address = {address: name for name, (_, _, assets) in zones.items() for asset in assets for address in asset.addresses}
    suspects = _suspects(result)
    span = "" if result.first_ns is None else f", {time_text(result.first_ns)[:19]} to {time_text(result.last_ns or result.first_ns)[:19]}"
    lines = [
        f"# A draft from {one_line(', '.join(captures))}: {plural(result.packets, 'packet')}{span}.",
        "# Nothing in it is active. Take the # off each line that the people of the plant confirm; what the capture shows is not what is allowed.",
        "# Lines marked !! are part of an incident in this very capture. Check the result with: otwatch site check THIS_FILE",
        "version: 1",
        *_section("zones", "networks and what stands in them; put right the names and levels", _zone_lines(zones)),
        *_section("assets", "devices whose role was observed; give them your names", _asset_lines(result.assets)),
        *_section("writers", "who commanded what; whoever is not listed for a target is denied once one is", _writer_lines(result.talks, suspects)),
        *_list("engineering", "hosts that programmed controllers or changed their mode", _engineering(result.talks), suspects),
        *_list("jump_hosts", "hosts that were entered by remote access and went on to controllers", _jump_hosts(result.talks), suspects),
        *_conduits(_ways(result.talks, of_address), suspects),
    ]
    return "\n".join(lines) + "\n"


def _section(key: str, what: str, rows: Iterator[tuple[str, str]]) -> list[str]:
    found = list(rows)
    if not found:
        return ["", f"# {key}: {what}. None was observed."]
    lines = ["", f"# {key}: {what}.", f"#{key}:"]
    for line, why in found[:_LISTED]:
        lines += [f"#  - {line}", f"#    # {one_line(why)}"]
    if len(found) > _LISTED:
        lines.append(f"#    # {len(found) - _LISTED} more are left out")
    return lines


def _list(key: str, what: str, hosts: dict[str, str], suspects: dict[str, str]) -> list[str]:
    if not hosts:
        return ["", f"# {key}: {what}. None was observed."]
    whys = [f"#   # {address}: {one_line(why)}{_mark(address, suspects)}" for address, why in hosts.items()]
    return ["", f"# {key}: {what}.", f"#{key}: [{', '.join(map(_quoted, hosts))}]", *whys[:_LISTED]]


def _quoted(text: str) -> str:
    return f'"{text}"' if ":" in text else text


def _suspects(result: Result) -> dict[str, str]:
    """Source of an incident of severity high and above -> its title."""
    found: dict[str, str] = {}
    for incident in result.incidents:
        if incident.severity >= Severity.HIGH:
            for address in {incident.actor, *incident.sources, *(hop.address for hop in incident.path)}:
                found.setdefault(address, incident.title)
    return found


def _mark(address: str, suspects: dict[str, str]) -> str:
    return f"; !! incident: {suspects[address]}" if address in suspects else ""


def _network(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if is_group(address) or not ip.is_private or ip.is_link_local or ip.is_unspecified or ip.is_loopback:
        return None
    return ipaddress.ip_network(f"{ip}/{_NETWORK_BITS[ip.version]}", strict=False)


def _zones(assets: list[Asset]) -> Zones:
    members: dict[ipaddress.IPv4Network | ipaddress.IPv6Network, list[Asset]] = defaultdict(list)
    for asset in assets:
        for address in asset.addresses:
            network = _network(address)
            if network is not None and asset not in members[network]:
                members[network].append(asset)
    zones: Zones = {}
    for network in sorted(members, key=lambda network: (network.version, network)):
        levels = [LEVEL_OF_ROLE[role] for asset in members[network] for role in asset.roles[:1] if role in LEVEL_OF_ROLE and role not in ROUTERS]
        level = median_low(levels) if levels else None
        base = "network" if level is None else _NAMES[level]
        number = 1 + sum(name.rpartition("-")[0] == base for name in zones)
        zones[f"{base}-{number}"] = network, level, members[network]
    return zones


def _zone_lines(zones: Zones) -> Iterator[tuple[str, str]]:
    for name, (network, level, assets) in zones.items():
        counts: dict[str, int] = defaultdict(int)
        for asset in assets:
            counts[asset.roles[0] if asset.roles else "host"] += 1
        stated = "" if level is None else f" level: {level:g},"
        yield f'{{name: {name},{stated} networks: ["{network}"]}}', "observed: " + ", ".join(f"{count} {role}" for role, count in counts.items())


def _asset_lines(assets: list[Asset]) -> Iterator[tuple[str, str]]:
    for asset in assets:
        role = asset.roles[0] if asset.roles else "host"
        if role in LEVEL_OF_ROLE and role != "it_host" and asset.addresses:
            said = f"; says of itself: {asset.name}" if asset.name else ""
            vendor = f"; {asset.vendor}" if asset.vendor else ""
            name = f"{role.replace('_', '-')}-{asset.addresses[0].replace('.', '-').replace(':', '-')}"
            yield f"{{name: {name}, address: {_quoted(asset.addresses[0])}, role: {role}}}", f"{asset.role_reasons.get(role, '')}{vendor}{said}"


def _writer_lines(talks: list[Talk], suspects: dict[str, str]) -> Iterator[tuple[str, str]]:
    for talk in talks:
        actions = [action for action in _COMMANDS if talk.actions.get(action)]
        if actions and talk.protocol and not is_group(talk.server):
            counts = ", ".join(f"{talk.actions[action]} {action}" for action in actions)
            yield (
                f"{{who: [{_quoted(talk.client)}], to: [{_quoted(talk.server)}], protocols: [{talk.protocol}], actions: [{', '.join(actions)}]}}",
                f"{counts} between {time_text(talk.first_seen_ns)[:19]} and {time_text(talk.last_seen_ns)[:19]}{_mark(talk.client, suspects)}",
            )


def _engineering(talks: list[Talk]) -> dict[str, str]:
    found: dict[str, str] = {}
    for talk in talks:
        acts = {name: count for name, count in talk.actions.items() if name in _ENGINEERING}
        if acts:
            found.setdefault(talk.client, f"{', '.join(f'{count} {name}' for name, count in acts.items())} on {talk.server}")
    return found


def _jump_hosts(talks: list[Talk]) -> dict[str, str]:
    clients = {talk.client for talk in talks if talk.protocol and any(talk.actions.values())}
    return {
        talk.server: f"entered by {talk.service} from {talk.client}"
        for talk in talks
        if talk.service.rstrip("?") in _REMOTE_ACCESS and talk.server in clients and talk.counts["payload_to_client"]
    }


def _ways(talks: list[Talk], of_address: dict[str, str]) -> dict[tuple[str, str], list[Talk]]:
    """(zone, zone) -> what was said between them."""
    ways: dict[tuple[str, str], list[Talk]] = defaultdict(list)
    for talk in talks:
        source, target = of_address.get(talk.client), of_address.get(talk.server)
        if source and target and source != target and talk.counts["payload_to_client"]:
            ways[source, target].append(talk)
    return ways


def _conduits(ways: dict[tuple[str, str], list[Talk]], suspects: dict[str, str]) -> list[str]:
    """A conduit lets everything through: where two hosts only spoke no OT protocol it is not proposed, only mentioned."""
    often = {
        way: talks for way, talks in ways.items() if any(talk.protocol for talk in talks) or len({(talk.client, talk.server) for talk in talks}) > 1
    }
    lines = _section("conduits", "ways between zones on which connections were opened", _conduit_lines(often, suspects))
    for (source, target), talks in ways.items():
        if (source, target) not in often:
            said = one_line(_said(talks, suspects))
            lines.append(f"# {source} to {target}: one pair of hosts, not proposed, as a conduit lets everything through: {said}")
    return lines


def _conduit_lines(ways: dict[tuple[str, str], list[Talk]], suspects: dict[str, str]) -> Iterator[tuple[str, str]]:
    for (source, target), talks in ways.items():
        yield f"{{from: {source}, to: {target}}}", _said(talks, suspects)


def _said(talks: list[Talk], suspects: dict[str, str]) -> str:
    services: dict[str, Talk] = {}
    for talk in talks:
        services.setdefault(talk.service, talk)
    why = ", ".join(f"{service} ({talk.client} to {talk.server})" for service, talk in services.items())
    return why + "".join(dict.fromkeys(_mark(talk.client, suspects) for talk in services.values()))
