"""Two snapshots compared. What one side could not see is "not comparable", never "gone"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from otwatch.outputs.snapshot import COMMANDS, Device, Points, Snapshot, Way, nothing

_LEAST_NS: Final = 60_000_000_000  # a silence shorter than this says nothing
KINDS: Final = {
    "new-asset": "Assets that were not there before",
    "silent-asset": "Assets that are silent",
    "moved-asset": "Assets with another address",
    "replaced-asset": "Addresses that another device has",
    "firmware": "Firmware and software",
    "program": "Programs",
    "identity": "Other identity",
    "role": "Roles",
    "zone": "Zones and VLANs",
    "new-writer": "New writers",
    "gone-writer": "Writers that write no more",
    "new-point": "Points that were not written before",
    "value": "Values that were written",
    "new-conversation": "New conversations",
    "gone-conversation": "Conversations that are over",
    "new-incident": "Incidents in the second only",
    "gone-incident": "Incidents in the first only",
}
_VERSIONS: Final = frozenset({"firmware", "software", "boot_loader", "os"})
_PROGRAMS: Final = frozenset({"program", "block"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `before` and `after` are texts of what there was and is; empty where there was nothing."""

    kind: str  # of KINDS
    subject: str
    before: str = ""
    after: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All differences, in the order of KINDS, and what could not be compared."""

    changes: tuple[Change, ...]
    not_comparable: tuple[str, ...]


def compare(old: Snapshot, new: Snapshot) -> Comparison:
    """What is different in the second."""
    doubts: list[str] = list(_doubts(old, new))
    pairs, changes = _matched(old, new)
    for before, after in pairs:
        changes += _device_changes(before, after)
    changes += _silent(old, new, {before.id for before, _ in pairs}, doubts)
    changes += _ways(old, new, doubts)
    if old.points is not None and new.points is not None:
        changes += _points(old.points, new.points)
    old_kinds, new_kinds = set(old.incidents.values()), set(new.incidents.values())
    changes += [Change(kind="new-incident", subject=f"{severity}: {title}") for severity, title in sorted(new_kinds - old_kinds)]
    changes += [Change(kind="gone-incident", subject=f"{severity}: {title}") for severity, title in sorted(old_kinds - new_kinds)]
    order = list(KINDS)
    changes.sort(key=lambda change: (order.index(change.kind), change.subject, change.before, change.after))
    return Comparison(changes=tuple(changes), not_comparable=tuple(doubts))


def counterparts(old: Sequence[Snapshot], new: Sequence[Snapshot]) -> tuple[list[tuple[Snapshot, Snapshot]], list[Snapshot]]:
    """What to compare where a side is several recordings: each of the second with the one of the first that shares most network cards with it
    (addresses, where no cards were seen), or with nothing; and those of the first that nothing is compared with."""
    if len(old) == len(new) == 1:
        return [(old[0], new[0])], []
    pairs = [(max(old, key=lambda one: _common(one, after)), after) for after in new]
    pairs = [(before if _common(before, after) else nothing(f"nothing in the first like {after.name}"), after) for before, after in pairs]
    return pairs, [one for one in old if not any(one is before for before, _ in pairs)]


def _common(one: Snapshot, other: Snapshot) -> int:
    cards = [{mac for device in each.devices.values() for mac in device.macs} for each in (one, other)]
    if all(cards):
        return len(cards[0] & cards[1])
    addresses = [{address for device in each.devices.values() for address in device.addresses} for each in (one, other)]
    return len(addresses[0] & addresses[1])


def _doubts(old: Snapshot, new: Snapshot) -> Iterator[str]:
    for snapshot in (old, new):
        for text in snapshot.blind:
            yield f"{snapshot.name} is incomplete: {text}"
    if old.points is None or new.points is None:
        yield "who writes, points and values: a store keeps no messages"


def _matched(old: Snapshot, new: Snapshot) -> tuple[list[tuple[Device, Device]], list[Change]]:
    """The same devices on both sides; those that are new, that moved, and addresses that another device has."""
    pairs: list[tuple[Device, Device]] = []
    changes: list[Change] = []
    serials = {device.identity["serial"][0]: device for device in old.devices.values() if "serial" in device.identity}
    macs = {mac: device for device in old.devices.values() if len(device.addresses) <= 1 for mac in device.macs}
    for device in new.devices.values():
        serial = device.identity.get("serial", ("", ""))[0]
        at_address = next((one for one in old.devices.values() if one.addresses & device.addresses), old.devices.get(device.id))
        by_mac = next((macs[mac] for mac in sorted(device.macs) if mac in macs), None) if len(device.addresses) <= 1 else None
        known = serials.get(serial) or at_address or by_mac
        if known is None:
            what = ", ".join((*device.roles[:2], *(value for value, _ in device.identity.values())))
            changes.append(Change(kind="new-asset", subject=device.label, after=what))
            continue
        pairs.append((known, device))
        if known.addresses and device.addresses and not known.addresses & device.addresses:
            changes.append(Change(kind="moved-asset", subject=device.label, before=_list(known.addresses), after=_list(device.addresses)))
        elif known is at_address and known.macs and device.macs and not known.macs & device.macs:
            changes.append(Change(kind="replaced-asset", subject=device.label, before=_list(known.macs), after=_list(device.macs)))
    return pairs, changes


def _list(texts: frozenset[str]) -> str:
    return ", ".join(sorted(texts))


def _device_changes(before: Device, after: Device) -> Iterator[Change]:
    for kind in sorted(before.identity.keys() & after.identity.keys()):
        (was, _), (is_now, where) = before.identity[kind], after.identity[kind]
        if was != is_now:
            group = "firmware" if kind in _VERSIONS else "program" if kind in _PROGRAMS else "identity"
            yield Change(kind=group, subject=f"{after.label} {kind}", before=was, after=is_now, where=where)
    if before.roles and set(after.roles) - set(before.roles):  # a role that is only missing was not observed, which is no change
        yield Change(kind="role", subject=after.label, before=", ".join(before.roles), after=", ".join(after.roles))
    if before.zone and after.zone and before.zone != after.zone:
        yield Change(kind="zone", subject=after.label, before=before.zone, after=after.zone)
    if before.vlans and after.vlans and set(before.vlans) != set(after.vlans):
        yield Change(kind="zone", subject=f"{after.label} VLAN", before=_numbers(before.vlans), after=_numbers(after.vlans))


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _silent(old: Snapshot, new: Snapshot, known: set[str], doubts: list[str]) -> Iterator[Change]:
    short = 0
    for device in old.devices.values():
        if device.id in known:
            continue
        if _long_enough(new, device.last_ns - device.first_ns):
            yield Change(kind="silent-asset", subject=device.label, before=", ".join(device.roles[:2]))
        else:
            short += 1
    if short:
        doubts.append(f"{short} assets of {old.name} are not in {new.name}, which is too short to tell that they are gone")


def _long_enough(snapshot: Snapshot, seen_ns: int) -> bool:
    """Whether an observation lasted as long as what is missing in it was there before."""
    return not snapshot.blind and snapshot.span_ns >= max(_LEAST_NS, seen_ns)


def _ways(old: Snapshot, new: Snapshot, doubts: list[str]) -> Iterator[Change]:
    short = 0
    for key in sorted(old.ways.keys() | new.ways.keys()):
        client, server, service = key
        subject = f"{client} → {server} {service}"
        before, after = old.ways.get(key), new.ways.get(key)
        was, is_now = (_commands(before), _commands(after)) if old.points is not None and new.points is not None else (set[str](), set[str]())
        if before is None and after is not None:
            yield Change(kind="new-conversation", subject=subject, after=", ".join(sorted(after.actions)))
        elif after is None and before is not None:
            if _long_enough(new, before.last_ns - before.first_ns):
                yield Change(kind="gone-conversation", subject=subject, before=", ".join(sorted(before.actions)))
            else:
                short += 1
        if is_now - was:
            yield Change(kind="new-writer", subject=subject, before=", ".join(sorted(was)), after=", ".join(sorted(is_now)))
        elif was - is_now and before is not None and _long_enough(new, before.last_ns - before.first_ns):
            yield Change(kind="gone-writer", subject=subject, before=", ".join(sorted(was)), after=", ".join(sorted(is_now)))
    if short:
        doubts.append(f"{short} conversations of {old.name} are not in {new.name}, which is too short to tell that they are over")


def _commands(way: Way | None) -> set[str]:
    return way.actions & COMMANDS if way is not None else set()


def _points(old: Points, new: Points) -> Iterator[Change]:
    for key in sorted(new):
        source, target, function, unit, point = key
        subject = f"{target} {f'{unit} ' if unit else ''}{point or function}"
        if key not in old:
            yield Change(kind="new-point", subject=f"{source} → {subject}", after=f"{function} {new[key]}".strip())
        elif old[key] != new[key]:
            yield Change(kind="value", subject=f"{source} → {subject}", before=old[key], after=new[key])
