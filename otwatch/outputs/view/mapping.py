"""Assets and conversations become the map: one symbol per asset or folded group, one line per pair and class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from otwatch.inventory.inventory import Talk
from otwatch.inventory.levels import ROUTERS, is_group
from otwatch.outputs.map.layout import SLOT_HEIGHT, SLOT_WIDTH, Box, Layout, Symbol, layout
from otwatch.outputs.map.strokes import path, width
from otwatch.outputs.view.inventory import short_title
from otwatch.outputs.view.places import KINDS, Places, kind_of, packets_of, what_of
from otwatch.outputs.view.plant import AssetRow, MapLine, MapMember, MapSymbol, MapView
from otwatch.site.site import Site

SYMBOLS: Final = 80  # more of them are folded
LINES: Final = 60
_ALONE: Final = 40  # actors and targets of incidents that stay alone
_ZONES: Final = 40  # more of them, and the small ones are drawn as one
_SMALL: Final = 3  # assets
_PAIRS: Final = 20_000  # lines between members of groups
_INTERNET: Final = 5.0
_BETWEEN: Final = "between zones"
_ASKING: Final = ("arp",)  # who asks for an address has not talked to it
_WORDS: Final = 4


@dataclass(slots=True)
class _Pair:
    packets: int = 0
    first_ns: int = 2**63 - 1
    last_ns: int = 0
    protocols: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    incidents: set[int] = field(default_factory=set)
    talks: list[tuple[int, str]] = field(default_factory=list)
    crosses: bool = False
    denied: bool = False

    def add(self, other: _Pair) -> None:
        self.packets += other.packets
        self.first_ns, self.last_ns = min(self.first_ns, other.first_ns), max(self.last_ns, other.last_ns)
        self.protocols |= other.protocols
        self.actions |= other.actions
        self.incidents |= other.incidents
        self.talks += other.talks
        self.crosses |= other.crosses
        self.denied |= other.denied


_Pairs = dict[tuple[int, int, str], _Pair]


def map_of(assets: Sequence[AssetRow], talks: Sequence[Talk], places: Places, site: Site | None) -> MapView:
    """The map. Groups are folded where single symbols would be a hairball."""
    pairs, groups, unanswered = _pairs(talks, places, site)
    pairs = {ends: pair for ends, pair in pairs.items() if ends[0] < len(assets) and ends[1] < len(assets)}
    folded = len(assets) > SYMBOLS or len(pairs) > LINES
    keys, zones = _keys(assets) if folded else ({asset.number: f"a{asset.number}" for asset in assets}, {})
    members: dict[str, list[AssetRow]] = {}
    for asset in assets:
        members.setdefault(keys[asset.number], []).append(asset)
    plan = layout(_symbol(key, of_key, zones.get(key, "")) for key, of_key in members.items())
    symbols = sorted((_drawn(key, of_key, plan.spots[key]) for key, of_key in members.items()), key=lambda one: (one.spot.y, one.spot.x))
    joined: dict[tuple[str, str, str], _Pair] = {}
    for (source, target, kind), pair in pairs.items():
        if (ends := (keys[source], keys[target]))[0] != ends[1]:
            joined.setdefault((*ends, kind), _Pair()).add(pair)
    loose = [(ends, pair) for ends, pair in pairs.items() if keys[ends[0]][0] == "g" or keys[ends[1]][0] == "g"]
    return MapView(
        layout=plan,
        symbols=tuple(symbols),
        lines=_lines(joined, plan),
        pairs=tuple(_line(f"a{a}", f"a{b}", kind, pair, "") for (a, b, kind), pair in sorted(loose, key=lambda item: item[0])[:_PAIRS]),
        folded=any(len(of_key) > 1 for of_key in members.values()),
        groups=groups,
        unanswered=unanswered,
    )


def _pairs(talks: Iterable[Talk], places: Places, site: Site | None) -> tuple[_Pairs, tuple[tuple[str, str, int], ...], int]:
    """What single assets did with each other; groups of receivers; conversations with nobody."""
    pairs: _Pairs = {}
    groups: dict[str, tuple[set[str], int]] = {}
    unanswered = 0
    denied: dict[tuple[str, str], bool] = {}
    for talk in talks:
        if talk.service in _ASKING:
            continue
        source, target = places.number(talk.client), places.number(talk.server)
        if source < 0 or target < 0 or source == target:
            if is_group(talk.server):
                publishers, packets = groups.get(talk.server, (set(), 0))
                groups[talk.server] = publishers | {places.label(source, talk.client)}, packets + packets_of(talk)
            else:
                unanswered += source != target
            continue
        incidents = places.incidents(source, target)
        kind = kind_of(talk, incidents)
        ends = talk.client, talk.server
        if site is not None and ends not in denied:
            denied[ends] = site.conduit(*ends) == "denied"
        pair = _Pair(
            packets=packets_of(talk),
            first_ns=talk.first_seen_ns,
            last_ns=talk.last_seen_ns,
            protocols={talk.service},
            actions=set(talk.actions),
            incidents=incidents if kind in ("incident", "tried") else set(),
            talks=[(packets_of(talk), f"{talk.service} {what_of(talk)}".strip())],
            crosses=places.crosses(source, target),
            denied=denied.get(ends, False) and talk.server_port is not None,
        )
        pairs.setdefault((source, target, kind), _Pair()).add(pair)
    bars = tuple(
        (address, ", ".join(sorted(publishers)[:_WORDS]) + (" …" if len(publishers) > _WORDS else ""), packets)
        for address, (publishers, packets) in groups.items()
    )
    return pairs, tuple(sorted(bars, key=lambda bar: (-bar[2], bar[0]))), unanswered


def _keys(assets: Sequence[AssetRow]) -> tuple[dict[int, str], dict[str, str]]:
    """Asset -> its symbol, and the zones of symbols that stand for several zones.

    A group is of the same zone and role; hosts of incidents and routers stand alone. Where there are many zones, the small ones are one.
    """
    alone = {asset.number for asset in sorted((one for one in assets if one.incidents), key=lambda one: (-(one.severity or 0), one.number))[:_ALONE]}
    sizes = Counter(map(_column, assets))
    small = {zone for zone, size in sizes.items() if size <= _SMALL} if len(sizes) > _ZONES else set()
    merged = f"{len(small):,} small zones"
    groups: dict[tuple[str, float, str], list[AssetRow]] = {}
    for asset in assets:
        if asset.number not in alone and asset.role not in ROUTERS:
            zone = merged if _column(asset) in small else _column(asset)
            groups.setdefault((zone, -1.0 if asset.level is None else asset.level, asset.role), []).append(asset)
    keys = {asset.number: f"a{asset.number}" for asset in assets}
    zones = {}
    for number, name in enumerate(sorted(name for name, members in groups.items() if len(members) > 1)):
        keys.update({asset.number: f"g{number}" for asset in groups[name]})
        if name[0] == merged:
            zones[f"g{number}"] = merged
    return keys, zones


def _column(asset: AssetRow) -> str:
    """The column of an asset: its zone; routers stand between zones, and public addresses of no zone in the site file are the internet."""
    if asset.role in ROUTERS:
        return _BETWEEN
    if asset.level == _INTERNET and asset.zone_source != "site file":
        return "internet"
    return asset.zone or "no zone"


def _symbol(key: str, members: Sequence[AssetRow], zone: str) -> Symbol:
    first = members[0]
    order = (0, first.role) if len(members) > 1 else (first.number, first.address)
    return Symbol(key=key, zone=zone or _column(first), level=first.level, order=order, card=len(members) > 1)


def _drawn(key: str, members: Sequence[AssetRow], spot: Box) -> MapSymbol:
    first = members[0]
    severity = max((one.severity for one in members if one.severity is not None), default=None)
    incidents = tuple(sorted({number for one in members for number in one.incidents}))
    if len(members) == 1:
        where = f"level {first.level_text}, zone {first.zone or 'none'}"
        gravity = f", {severity.label} incident {', '.join(map(str, incidents))}" if severity is not None else ""
        subtitle = first.address if first.label != first.address else first.model or first.order_number or short_title(first.role)
        words = f"{first.label}, {first.address}, {first.role_title}, {where}{gravity}"
        return MapSymbol(
            key=key,
            number=first.number,
            role=first.role,
            title=first.label,
            subtitle=subtitle,
            words=words,
            severity=severity,
            behind=bool(first.behind),
            children=len(first.children),
            incidents=incidents,
            spot=spot,
        )
    size, placed = _inside(members, spot)
    title = f"{len(members):,} × {short_title(first.role)}"
    words = f"{len(members):,} × {first.role_title} in zone {first.zone or 'none'}; select to unfold"
    return MapSymbol(
        key=key,
        number=-1,
        role=first.role,
        title=title,
        subtitle="select to unfold",
        words=words,
        severity=severity,
        behind=False,
        children=0,
        incidents=incidents,
        spot=spot,
        members=placed,
        size=size,
    )


def _inside(members: Sequence[AssetRow], spot: Box) -> tuple[int, tuple[MapMember, ...]]:
    """The own places of the members of a group, small, in a grid inside its card: unfolding shows them, zooming makes them readable."""
    across = math.isqrt(len(members) - 1) + 1
    size = (spot.width - 8) * 100 // across  # width of a member's slot
    height = min(size * SLOT_HEIGHT // SLOT_WIDTH, (spot.height - 8) * 100 // -(-len(members) // across))
    left, top = (spot.x + 4) * 100, (spot.y + 4) * 100
    places = enumerate(sorted(members, key=lambda one: one.number))
    return size, tuple(MapMember(number=one.number, x=left + place % across * size, y=top + place // across * height) for place, one in places)


def _lines(joined: Mapping[tuple[str, str, str], _Pair], plan: Layout) -> tuple[MapLine, ...]:
    """Lines with their curves; those that matter most are drawn last, above the others."""
    beside: dict[tuple[str, str], int] = {}
    lines = []
    for (source, target, kind), pair in sorted(joined.items(), key=lambda item: (item[0][0], item[0][1], KINDS.index(item[0][2]))):
        place = beside[source, target] = beside.get((source, target), -1) + 1
        lines.append(_line(source, target, kind, pair, path(plan.spots[source], plan.spots[target], place)))
    return tuple(sorted(lines, key=lambda line: -KINDS.index(line.kind)))


def _line(source: str, target: str, kind: str, pair: _Pair, curve: str) -> MapLine:
    ordered = [text for _, text in sorted(pair.talks, key=lambda item: (-item[0], item[1]))]
    if kind == "tried":
        words = f"{len(ordered)} service{'' if len(ordered) == 1 else 's'} tried without answer"
    else:
        words = "; ".join(ordered[:_WORDS]) + (f"; and {len(ordered) - _WORDS} more" if len(ordered) > _WORDS else "")
    return MapLine(
        source=source,
        target=target,
        kind=kind,
        packets=pair.packets,
        width=width(pair.packets),
        path=curve,
        protocols=tuple(sorted(pair.protocols)),
        actions=tuple(sorted(pair.actions)),
        incidents=tuple(sorted(pair.incidents)),
        crosses=pair.crosses,
        denied=pair.denied,
        first_ns=pair.first_ns,
        last_ns=pair.last_ns,
        words=words,
    )
