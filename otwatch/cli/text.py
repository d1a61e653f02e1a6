"""The result of an analysis on a terminal: the verdict, where to look first, what was clean, what could not be seen; then the tables."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from otwatch.alerts.alert import Alert, Severity
from otwatch.inventory.asset import Asset, KnownFact
from otwatch.inventory.inventory import Talk
from otwatch.inventory.roles import TITLES
from otwatch.outputs.escape import one_line
from otwatch.outputs.result import Result
from otwatch.outputs.story import clock, details, has_ends, look_first, plural, verdict, what_happened

_COLOURS = {Severity.CRITICAL: "bold white on red", Severity.HIGH: "bold red", Severity.MEDIUM: "yellow", Severity.LOW: "cyan", Severity.INFO: "dim"}
_IDENTITY = ("name", "model", "order_number", "firmware", "serial")
_IDENTITY_CHARACTERS = 120
_IDENTITIES = 3  # lines of one asset
_NARROW = 140  # columns: two addresses stand below each other then
_ADDRESSES = 3  # of one asset, besides the first
_ROWS = 40  # of the long tables; the whole is in `otwatch export`


class QuietConsole(Console):
    """A console whose reader may go away (`| head`): the command line ends quietly then, and not with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Passes it on; rich would exit."""
        raise BrokenPipeError


def safe(text: object) -> str:
    """Text from the wire for rich: neither escape sequences nor markup."""
    return escape(one_line(str(text)))


def show(result: Result, console: Console, *, min_severity: Severity) -> None:
    """Prints everything."""
    console.print()
    console.print(f"[bold]{safe(verdict(result))}[/bold]")
    _first(result, console, min_severity)
    _clean(result, console)
    _blind(result, console)
    _assets(result.assets, console, {alert.src for alert in result.alerts})
    _talks(result.talks, console)
    _protocols(result, console)
    _alerts([alert for alert in result.alerts if alert.severity >= min_severity], console)
    _anomalies(result, console)


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold underline]{text}[/bold underline]")


def _severity(severity: Severity) -> str:
    return f"[{_COLOURS[severity]}]{severity.label}[/]"


def _first(result: Result, console: Console, min_severity: Severity) -> None:
    chosen = [alert for alert in look_first(result.alerts) if alert.severity >= min_severity]
    if not chosen:
        if not result.alerts and result.packets:
            console.print(
                "What to try next: name the allowed writers with --site (otwatch site init), or learn what is normal from a quiet capture "
                "(otwatch baseline learn) and compare with --baseline."
            )
        return
    _heading(console, "Look here first")
    for number, alert in enumerate(chosen, 1):
        console.print(f"{number}. {_severity(alert.severity)} [bold]{safe(alert.title)}[/bold]")
        console.print(f"   {safe(what_happened(alert))}", soft_wrap=True)
        for line in details(alert):
            console.print(f"     {safe(line)}", soft_wrap=True)
        if alert.why:
            console.print(f"   {safe(' '.join(alert.why.split()))}", style="dim", soft_wrap=True)
        place = ", ".join(str(frame) for frame in alert.frames[:8])
        console.print(
            f"   frames {place} of {safe(alert.file)}   rule {safe(alert.rule)}   {safe(' '.join(alert.attack))}   confidence {alert.confidence:.0%}",
            style="dim",
            soft_wrap=True,
        )


def _clean(result: Result, console: Console) -> None:
    if not result.checks:
        return
    clean = [check for check in result.checks if not check.alerts and check.evaluable == "yes"]
    unable = [check for check in result.checks if check.evaluable != "yes"]
    _heading(console, "Checked and found clean")
    console.print(
        f"{len(clean)} of {plural(len(result.checks), 'rule')}: "
        + safe("; ".join(check.title for check in clean[:12]))
        + (f"; and {len(clean) - 12} more" if len(clean) > 12 else ""),
        soft_wrap=True,
    )
    if unable:
        reasons: dict[str, list[str]] = {}
        for check in unable:
            reasons.setdefault(check.reason or check.evaluable, []).append(check.rule)
        for reason, rules in reasons.items():
            console.print(f"Not judged: {safe(', '.join(rules[:6]))}{' …' if len(rules) > 6 else ''}: {safe(reason)}", soft_wrap=True)


def _blind(result: Result, console: Console) -> None:
    _heading(console, "What this capture could not show")
    if not result.blind_spots:
        console.print("Nothing was missing: no gaps, no cut packets, both directions seen, every OT protocol decoded.")
    for spot in result.blind_spots:
        console.print(f"{'[bold yellow]! [/bold yellow]' if spot.incomplete else '· '}{safe(spot.text)}", soft_wrap=True)


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


def _print(console: Console, table: Table, left_out: int, command: str) -> None:
    console.print()
    console.print(table)
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
    table = _table(f"Assets ({len(assets)})", "address|address", "role", "vendor", "what it says of itself", "behind it", "protocols")
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
            safe(", ".join(TITLES[role] for role in asset.roles[:2])),
            safe(asset.vendor[:28].rstrip(" ,")),
            _identity(asset),
            safe(children),
            safe(protocols),
        )
    _print(console, table, len(assets) - len(shown), "otwatch export assets")


def _talks(talks: list[Talk], console: Console) -> None:
    shown = [talk for talk in talks if talk.protocol] + [talk for talk in talks if not talk.protocol]
    table = _table(f"Conversations ({len(talks)})", "client|address", "server|address", "service", "packets|right", "what was asked")
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
    table = _table("Protocols", "protocol", "requests|right", "responses|right", "events|right", "errors|right", "asked for")
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
            _severity(alert.severity),
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
