"""The result of an analysis on a terminal: the view, then the tables of assets, conversations, protocols and alerts."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

from otwatch.alerts.alert import Alert, Severity
from otwatch.cli.view_text import flow, safe, severity, show_view
from otwatch.inventory.asset import Asset, KnownFact
from otwatch.inventory.inventory import Talk
from otwatch.inventory.roles import role_title
from otwatch.outputs.result import Result
from otwatch.outputs.story import base_name, clock, has_ends
from otwatch.outputs.view.build import view_of

_IDENTITY = ("name", "application_name", "model", "order_number", "firmware", "serial")
_IDENTITY_CHARACTERS = 120
_IDENTITIES = 3  # lines of one asset
_NARROW = 140  # columns: two addresses stand below each other then
_ADDRESSES = 3  # of one asset, besides the first
_ENDLESS = 10_000  # characters, more than any table is wide
_FOLDED = 10  # characters to which a column of words may shrink
_BETWEEN = 2  # columns
_ROWS = 40  # of the long tables; the whole is in `otwatch export`


class QuietConsole(Console):
    """A console whose reader may go away (`| head`): the command line ends quietly then, and not with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Passes it on; rich would exit."""
        raise BrokenPipeError


def show_recordings(results: Iterable[Result], console: Console) -> None:
    """Captures that do not belong together: a line for each recording, gravest first. One result is held at a time."""
    lines = sorted(map(_recording, results), key=lambda line: line[0])
    flow(console, f"{len(lines)} recordings that share neither hosts nor time, each judged for itself (--merge: all of one plant)", indent=0)
    counts = ("files|right", "first packet", "packets|right", "assets|right", "incidents|right")
    table = _table("Recordings", "no.|right", "first capture", *counts, "verdict")
    for _, cells in lines:
        table.add_row(*cells)
    _print(console, table, 0, "")


def _recording(result: Result) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Its place among the others, and its cells."""
    verdict = view_of(result).verdict
    return (-max((int(incident.severity) for incident in result.incidents), default=-1), result.recording), (
        str(result.recording),
        safe(base_name(result.captures[0].path)),
        f"{len(result.captures):,}",
        clock(result.first_ns),
        f"{result.packets:,}",
        f"{len(result.assets):,}",
        f"{verdict.incidents:,}",
        verdict.level.value,
    )


def show(result: Result, console: Console, *, min_severity: Severity, title: bool = False) -> None:
    """Prints everything. `title`: that of the recording, where there are several."""
    if title:
        names = ", ".join(safe(base_name(report.path)) for report in result.captures[:3])
        more = f" and {len(result.captures) - 3} more" if len(result.captures) > 3 else ""
        console.print()
        console.rule(f"[bold]Recording {result.recording}: {names}{more}[/bold]", align="left", characters="=")
    show_view(view_of(result, least=min_severity), console)
    _assets(result.assets, console, {alert.src for alert in result.alerts})
    _talks(result.talks, console)
    _protocols(result, console)
    _alerts([alert for alert in result.alerts if alert.severity >= min_severity], console)
    _anomalies(result, console)


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", box=None, header_style="bold", pad_edge=False, title_style="bold underline", min_width=len(title)
    )
    for column in columns:
        name, _, how = column.partition("|")
        # An address broken in two lines reads as another address.
        table.add_column(name, justify="right" if how == "right" else "left", overflow="fold", no_wrap=how == "address")
    return table


def _gap(console: Console) -> str:
    """What stands between two addresses of one cell."""
    return "\n" if console.width < _NARROW else " "


def _fit(console: Console, table: Table) -> list[str]:
    """Takes columns away from the right until the others fit; their names. The first two and the outcome stay."""
    endless = console.options.update(width=_ENDLESS)

    def need(column: Column) -> int:
        cells = [Measurement.get(console, endless, cell) for cell in (column.header, *column.cells)]
        words = max(cell.minimum for cell in cells)
        return max(cell.maximum for cell in cells) if column.no_wrap else words if column.justify == "right" else min(words, _FOLDED)

    dropped: list[str] = []
    while sum(map(need, table.columns)) + _BETWEEN * (len(table.columns) - 1) > console.width:
        places = [place for place, column in enumerate(table.columns) if place >= 2 and column.header != "outcome"]
        if not places:
            break
        dropped.append(str(table.columns.pop(places[-1]).header))
        for place, column in enumerate(table.columns):
            column._index = place
    return dropped[::-1]


def _print(console: Console, table: Table, left_out: int, command: str) -> None:
    dropped = _fit(console, table)
    console.print()
    console.print(table)
    if dropped:
        flow(console, f"[dim]Too narrow for the {'column' if len(dropped) == 1 else 'columns'}: {', '.join(dropped)}[/dim]", indent=2)
    if left_out > 0:
        console.print(f"… and {left_out:,} more: {command}", style="dim")


def _identity(asset: Asset) -> str:
    """What a device says of itself, then a line for each unit behind it that says anything."""
    own = len(asset.children) == 1  # one unit alone is the device itself
    first = asset.facts or (asset.children[0].facts if own else [])
    told = [("", first), *((child.name, child.facts) for child in asset.children if not own)]
    lines = [words for name, facts in told if (words := _said(name, facts))]
    more = len(lines) - _IDENTITIES
    return "\n".join(safe(line) for line in lines[:_IDENTITIES]) + (f"\nand {more} more: otwatch export facts" if more > 0 else "")


def _said(name: str, facts: list[KnownFact]) -> str:
    """`unit 1: vendor Schneider Electric, firmware V1.13`; empty when the facts tell nothing of that kind."""
    known = {fact.kind: fact.value for fact in reversed(facts)}
    told = [f"{kind.replace('_', ' ')} {known[kind]}" for kind in (("vendor", *_IDENTITY) if name else _IDENTITY) if kind in known]
    words = (f"{name}: " if name and told else "") + ", ".join(told)
    return words if len(words) <= _IDENTITY_CHARACTERS else words[:_IDENTITY_CHARACTERS] + "…"


def _assets(assets: list[Asset], console: Console, authors: Collection[str] = ()) -> None:
    """`authors`: addresses that alerts name as who did it; their assets are shown also where the table is cut."""
    shown = assets[:_ROWS] + [asset for asset in assets[_ROWS:] if any(address in authors for address in (asset.id, *asset.addresses))][:_ROWS]
    table = _table(f"Assets ({len(assets)})", "address|address", "role", "vendor", "self-reported identity", "behind it", "protocols")
    for asset in shown:
        units = [child for child in asset.children if child.answered] or asset.children
        names = [child.name for child in units if child.name]
        children = ", ".join(names[:4]) + (f", +{len(names) - 4}" if len(names) > 4 else "")
        protocols = ", ".join(
            f"{name} {'⇄' if how == 'both' else '←' if how == 'server' else '→'}" for name, how in list(asset.protocols.items())[:4]
        )
        more = [address for address in asset.addresses if address != asset.id]
        more.sort(key=lambda address: address not in authors)  # stable: the first are shown
        addresses = [asset.id, *more[:_ADDRESSES], *([f"+{len(more) - _ADDRESSES}"] if len(more) > _ADDRESSES else [])]
        name = ",\n".join(map(safe, addresses)) + (f"{_gap(console)}(behind {safe(asset.behind)})" if asset.behind else "")
        table.add_row(
            name,
            safe(", ".join(role_title(role) for role in asset.roles[:2])),
            safe(asset.vendor[:28].rstrip(" ,")),
            _identity(asset),
            safe(children),
            safe(protocols),
        )
    _print(console, table, len(assets) - len(shown), "otwatch export assets")


def _talks(talks: list[Talk], console: Console) -> None:
    shown = [talk for talk in talks if talk.protocol] + [talk for talk in talks if not talk.protocol]
    table = _table(f"Conversations ({len(talks)})", "client|address", "server|address", "service", "packets|right", "requests")
    for talk in shown[:_ROWS]:
        actions = ", ".join(f"{count:,} {name.lower()}" for name, count in sorted(talk.actions.items(), key=lambda item: -item[1]))
        notes = (" [yellow]one way[/yellow]" if talk.one_way and talk.protocol else "") + (
            f" [yellow]{talk.counts['gap_bytes']:,} B missing[/yellow]" if talk.counts["gap_bytes"] else ""
        )
        table.add_row(
            safe(talk.client),
            safe(talk.server),
            safe(talk.service),
            f"{talk.counts['packets_to_server'] + talk.counts['packets_to_client']:,}",
            safe(actions) + notes,
        )
    _print(console, table, len(talks) - _ROWS, "otwatch export conversations")


def _protocols(result: Result, console: Console) -> None:
    if not result.protocols:
        return
    table = _table("Protocols", "protocol", "requests|right", "responses|right", "events|right", "errors|right", "actions")
    for name, counts in result.protocols.items():
        actions = ", ".join(f"{count:,} {action.lower()}" for action, count in sorted(counts["actions"].items(), key=lambda item: -item[1]))
        table.add_row(safe(name), *(f"{counts[what]:,}" for what in ("requests", "responses", "events", "errors")), safe(actions))
    _print(console, table, 0, "")


def _alerts(alerts: list[Alert], console: Console) -> None:
    if not alerts:
        return
    table = _table(f"All alerts ({len(alerts)})", "severity", "rule", "who → whom|address", "what", "count|right", "first", "outcome")
    for alert in alerts[:_ROWS]:
        what = " ".join(text for text in (alert.protocol, alert.function_name or alert.action.lower(), alert.object) if text)
        table.add_row(
            severity(alert.severity),
            safe(alert.rule),
            f"{safe(alert.src)} →{_gap(console)}{safe(alert.dst)}" if has_ends(alert) else "",
            safe(what[:60]),
            f"{alert.count:,}",
            clock(alert.first_seen_ns),
            safe(alert.outcome if alert.action else ""),
        )
    _print(console, table, len(alerts) - _ROWS, "otwatch export alerts")


def _anomalies(result: Result, console: Console) -> None:
    if not result.anomalies:
        return
    table = _table("Malformed or out of protocol", "kind", "count|right")
    for name, count in sorted(result.anomalies.items(), key=lambda item: -item[1])[:_ROWS]:
        table.add_row(safe(name), f"{count:,}")
    _print(console, table, len(result.anomalies) - _ROWS, "otwatch export anomalies")
