"""A result and its activity become the view of the whole plant: the single source of the HTML report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from otwatch.capture.report import CaptureReport
from otwatch.intel.advisories import Library
from otwatch.inventory.inventory import Talk
from otwatch.outputs.result import Result
from otwatch.outputs.story import base_name, clock, plural, span
from otwatch.outputs.view.activity import NO_ACTIVITY, Activity
from otwatch.outputs.view.build import view_of
from otwatch.outputs.view.inventory import asset_rows
from otwatch.outputs.view.mapping import map_of
from otwatch.outputs.view.model import IncidentView, View
from otwatch.outputs.view.places import KINDS, Places, is_command, kind_of, packets_of, what_of
from otwatch.outputs.view.plant import AssetRow, Column, ConversationRow, FileRow, PlantView, ProtocolRow
from otwatch.outputs.view.published import advisories_of
from otwatch.outputs.view.requirements import evidence_of
from otwatch.outputs.view.timeline import timeline_of
from otwatch.outputs.view.writing import writers_of
from otwatch.site.site import Site

ASSETS: Final = 5_000
CONVERSATIONS: Final = 50_000
_NOT_DECODED: Final = "not decoded"
_NO_MESSAGES: Final = "decoded; its messages are not kept here"
_MALFORMED: Final = 60
_COLUMNS: Final = (
    Column(title="model", of=lambda asset: asset.model),
    Column(title="order number", of=lambda asset: asset.order_number),
    Column(title="firmware", of=lambda asset: asset.firmware),
    Column(title="serial", of=lambda asset: asset.serial),
)


def plant_view(
    result: Result,
    *,
    activity: Activity = NO_ACTIVITY,
    site: Site | None = None,
    files: Mapping[str, tuple[int, str]] | None = None,
    library: Library | None = None,
) -> PlantView:
    """Everything that the report shows. `files`: path of a capture -> size and SHA-256, where they are known. `library`: advisories."""
    return plant_of(result, view_of(result), activity=activity, site=site, files=files, library=library)


def plant_of(
    result: Result,
    view: View,
    *,
    activity: Activity = NO_ACTIVITY,
    site: Site | None = None,
    files: Mapping[str, tuple[int, str]] | None = None,
    library: Library | None = None,
    title: str = "",
    source: str = "",
    monitoring: Sequence[str] = (),
) -> PlantView:
    """The same with a view that is there already. `title`, `source`: of what is no capture; `monitoring`: what proves that somebody listened."""
    places = Places(result, view.incidents, view.notes)
    assets = asset_rows(result.assets, result.talks, activity, places)
    shown = assets[:ASSETS]
    conversations = [_conversation(talk, places) for talk in _by_weight(result.talks, places)[:CONVERSATIONS]]
    writers = writers_of(activity, result.alerts, places)
    rows = tuple(_file(report, view.incidents, files or {}) for report in result.captures)
    crossings = sum(places.crosses(places.number(talk.client), places.number(talk.server)) for talk in result.talks)
    return PlantView(
        view=view,
        title=(site.name if site is not None else "") or title or (rows[0].name if len(rows) == 1 else plural(len(rows), "capture")),
        subtitle=f"{source or plural(len(rows), 'file')}, {plural(result.packets, 'packet')}, {plural(len(assets), 'asset')}",
        period=f"{clock(result.first_ns)} to {clock(result.last_ns)} UTC ({span(result.first_ns, result.last_ns)})"
        if result.packets
        else "nothing was read",
        files=rows,
        assets=shown,
        assets_left_out=len(assets) - len(shown),
        conversations=tuple(conversations),
        conversations_left_out=len(result.talks) - len(conversations),
        map=map_of(shown, result.talks, places, site),
        writers=writers,
        timeline=timeline_of(activity, view.incidents),
        protocols=_protocols(result),
        malformed=tuple(sorted(result.anomalies.items(), key=lambda item: (-item[1], item[0]))[:_MALFORMED]),
        evidence=evidence_of(result, view, assets, writers, result.talks, crossings, site, monitoring),
        site_file=site is not None,
        roles=tuple((role, title, count) for (role, title), count in Counter((one.role, one.role_title) for one in assets).most_common()),
        columns=tuple(column for column in _COLUMNS if any(map(column.of, shown))),
        columns_empty=tuple(column.title for column in _COLUMNS if not any(map(column.of, shown))),
        advisories=advisories_of(result, library, shown) if library is not None else None,
        filters=_filters(shown),
    )


def _by_weight(talks: Sequence[Talk], places: Places) -> list[Talk]:
    """Those that matter first: of incidents, with commands, decoded, across zones; then the busiest."""

    def weight(talk: Talk) -> tuple[bool, bool, bool, bool]:
        source, target = places.number(talk.client), places.number(talk.server)
        return not places.incidents(source, target), not is_command(talk), not talk.protocol, not places.crosses(source, target)

    return sorted(talks, key=weight)


def _conversation(talk: Talk, places: Places) -> ConversationRow:
    source, target = places.number(talk.client), places.number(talk.server)
    return ConversationRow(
        client=source,
        client_text=_named(places, source, talk.client),
        server=target,
        server_text=_named(places, target, talk.server),
        service=talk.service,
        packets=packets_of(talk),
        what=what_of(talk),
        kind=kind_of(talk, places.incidents(source, target)),
        crosses=places.crosses(source, target),
        one_way=talk.one_way,
        first=clock(talk.first_seen_ns),
        last=clock(talk.last_seen_ns),
    )


def _named(places: Places, number: int, address: str) -> str:
    label = places.label(number, address)
    return f"{address} {label}" if label != address and label != places.assets[number].id else address


def _file(report: CaptureReport, incidents: Sequence[IncidentView], known: Mapping[str, tuple[int, str]]) -> FileRow:
    size, digest = known.get(report.path, (None, ""))
    problems = [plural(count, kind) for kind, count in report.problem_counts.items()]
    if report.cut_short_at is not None:
        problems.append("ends inside a record")
    return FileRow(
        name=base_name(report.path),
        size=size,
        sha256=digest,
        format=" ".join(word for word in (report.format, report.compression) if word),
        packets=report.packets,
        first=clock(report.first_ns),
        last=clock(report.last_ns),
        span=span(report.first_ns, report.last_ns),
        incidents=sum(incident.file == report.path for incident in incidents),
        problems=", ".join(problems),
    )


def _protocols(result: Result) -> tuple[ProtocolRow, ...]:
    """Decoded protocols, then the OT protocols that are not, then other services by packets."""
    packets: dict[str, int] = {}
    unanswered: dict[str, int] = {}
    for talk in result.talks:
        packets[talk.service] = packets.get(talk.service, 0) + packets_of(talk)
        unanswered[talk.service] = unanswered.get(talk.service, 0) + talk.unanswered_requests
    rows = [
        ProtocolRow(
            name=name,
            decoded=True,
            packets=packets.get(name, 0),
            requests=counts["requests"],
            responses=counts["responses"],
            events=counts["events"],
            errors=counts["errors"],
            unanswered=unanswered.get(name, 0),
            what=", ".join(
                f"{count:,} {action.lower().replace('_', ' ')}"
                for action, count in sorted(counts["actions"].items(), key=lambda item: (-item[1], item[0]))
            ),
        )
        for name, counts in sorted(result.protocols.items())
    ]
    decoded = {row.name for row in rows}
    missing = dict(result.coverage.undecoded)
    rows += [_undecoded(f"{name} (OT)", count) for name, count in sorted(missing.items(), key=lambda item: (-item[1], item[0]))]
    recognised = {talk.service for talk in result.talks if talk.protocol}
    others = sorted(((name, count) for name, count in packets.items() if name not in decoded), key=lambda item: (-item[1], item[0]))
    return tuple(rows + [_undecoded(name, count, _NO_MESSAGES if name in recognised else _NOT_DECODED) for name, count in others[:_MALFORMED]])


def _undecoded(name: str, packets: int, what: str = _NOT_DECODED) -> ProtocolRow:
    return ProtocolRow(name=name, decoded=False, packets=packets, requests=0, responses=0, events=0, errors=0, unanswered=0, what=what)


def _filters(assets: Sequence[AssetRow]) -> dict[str, tuple[str, ...]]:
    return {
        "role": tuple(sorted({asset.role_title for asset in assets})),
        "zone": tuple(sorted({asset.zone for asset in assets if asset.zone})),
        "protocol": tuple(sorted({name for asset in assets for name in asset.protocol_names})),
        "flag": tuple(sorted({flag.partition(" ")[0] if flag.startswith("incident") else flag for asset in assets for flag in asset.flags})),
        "kind": KINDS,
    }
