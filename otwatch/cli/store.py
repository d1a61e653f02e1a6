"""otwatch incidents, otwatch alerts, otwatch assets: questions to a store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from otwatch.alerts.alert import Severity
from otwatch.cli.annotate import ack, note, snooze
from otwatch.cli.failing import one_line_errors
from otwatch.cli.options import FILE, SEVERITIES, severity

if TYPE_CHECKING:
    from otwatch.outputs.annotations import Annotation

_STORE = click.option(
    "--db",
    "--database",
    "database",
    type=FILE,
    default="/var/lib/otwatch/otwatch.sqlite",
    show_default=True,
    metavar="FILE",
    help="The store of the sensor (outputs.database), or of `otwatch analyze --db FILE`.",
)
_FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True, help="For people, or one JSON record a line."
)


@click.group(invoke_without_command=True)
@click.pass_context
@_STORE
@_FORMAT
@click.option("--state", type=FILE, default="/var/lib/otwatch", show_default=True, metavar="FOLDER", help="The sensor's state: acks, notes, snoozes.")
@click.option("--min-severity", type=click.Choice(SEVERITIES), default="info", show_default=True, help="From this severity on.")
@click.option("--rule", default="", metavar="ID", help="Of this rule; * stands for anything (lateral.*).")
@click.option("--also", is_flag=True, help="With --rule: also alerts of other rules that this rule reported, too (evidence.also).")
@click.option("--address", default="", metavar="ADDRESS", help="With this source or destination.")
@click.option("--since", default="", metavar="TIME", help="Last seen at or after this UTC time (2026-11-22T06:00:00).")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, the newest first.")
def alerts(
    context: click.Context, database: str, form: str, state: str, min_severity: str, rule: str, also: bool, address: str, since: str, limit: int
) -> None:
    """Show the alerts in the store of the sensor, or of an analysis, the newest first; ack, note and snooze them.

    \b
    Examples:
      otwatch alerts --min-severity high --since 2026-11-22
      otwatch alerts --address 10.0.1.10 --format jsonl
      otwatch alerts --db found.sqlite --rule 'lateral.*'
      otwatch alerts ack 9542e071 --name kim --reason "planned work on line 2"
    """
    if context.invoked_subcommand is not None:
        _pass_on(context)
        return
    if also and not rule:
        raise click.UsageError("--also goes with --rule")
    with one_line_errors():
        from dataclasses import asdict
        from pathlib import Path

        from otwatch.engine.detector import utc_ns
        from otwatch.outputs.annotations import Annotations
        from otwatch.outputs.store import StoreReader
        from otwatch.outputs.story import who
        from otwatch.outputs.times import time_text

        labels = [level.label for level in Severity if level >= severity(min_severity)]
        after = time_text(utc_ns(since)) if since else ""
        records = list(StoreReader(Path(database)).alerts(severities=labels, rule=rule, also=also, address=address, since=after, limit=limit))
        known = Annotations(Path(state))
        said = {id(record): known.of(record) for record in records}
        for record in records:
            if said[id(record)]:
                record["annotations"] = [asdict(annotation) for annotation in said[id(record)]]
        _show(
            form,
            records,
            ["id", "last seen", "severity", "title", "source", "destination", "object", "outcome", "count", "said of it"],
            lambda record: [
                record["id"][:8],
                record["last_seen"][:19],
                record["severity"],
                record["title"],
                who(record["src"], record["src_name"], None),
                who(record["dst"], record["dst_name"], None),
                record["object"] or _reason(record),
                record["outcome"],
                record["count"],
                "; ".join(_said(annotation) for annotation in said[id(record)]),
            ],
        )


def _pass_on(context: click.Context) -> None:
    """Options before a subcommand: where the store and the state are holds for it, too; those that choose alerts are refused."""
    given = [option for option in context.command.params if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE]
    passed = {str(option.name): context.params[str(option.name)] for option in given if option.name in ("database", "state")}
    refused = [option.opts[0] for option in given if option.name not in passed]
    if refused:
        raise click.UsageError(f"{', '.join(refused)}: not an option of alerts {context.invoked_subcommand}: it names one alert by its ID")
    context.default_map = {str(context.invoked_subcommand): passed}


alerts.add_command(ack)
alerts.add_command(note)
alerts.add_command(snooze)


@click.command()
@_STORE
@_FORMAT
@click.option(
    "--min-severity", type=click.Choice(SEVERITIES), default="medium", show_default=True, help="From this severity on; below medium are notes."
)
@click.option("--address", default="", metavar="ADDRESS", help="With this actor or target.")
@click.option("--since", default="", metavar="TIME", help="Last seen at or after this UTC time (2026-11-22T06:00:00).")
@click.option("--incident", default="", metavar="ID", help="This one: its id, or the beginning of it.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, the newest first.")
def incidents(database: str, form: str, min_severity: str, address: str, since: str, incident: str, limit: int) -> None:
    """Show the incidents in the store of the sensor, or of an analysis, the newest first.

    \b
    Examples:
      otwatch incidents --since 2026-11-22
      otwatch incidents --incident 2484232e --format jsonl
    """
    with one_line_errors():
        from pathlib import Path

        from otwatch.engine.detector import utc_ns
        from otwatch.outputs.store import StoreReader
        from otwatch.outputs.story import who
        from otwatch.outputs.times import time_text

        labels = [level.label for level in Severity if level >= severity(min_severity)]
        after = time_text(utc_ns(since)) if since else ""
        wanted = incident.removeprefix("INC-").lower()
        found = StoreReader(Path(database)).incidents(severities=labels, address=address, since=after, incident=wanted, limit=limit)
        _show(
            form,
            list(found),
            ["id", "last seen", "severity", "title", "actor", "targets", "done", "outcome", "alerts"],
            lambda record: [
                record["id"][:8],
                record["last_seen"][:19],
                record["severity"],
                record["title"] + (f" (merged into {record['merged_into'][:8]})" if record["merged_into"] else ""),
                who(record["actor"], record["src_name"], None),
                f"{record['targets_count']}: {', '.join(record['targets'][:3])}",
                "; ".join(record["succeeded"][:2]),
                record["outcome"],
                len(record["alerts"]),
            ],
        )


@click.command()
@_STORE
@_FORMAT
@click.option("--role", default="", help="With this role (controller, hmi, engineering_station ...).")
@click.option("--find", "text", default="", metavar="TEXT", help="Whose address, name or vendor holds this.")
def assets(database: str, form: str, role: str, text: str) -> None:
    """Show the assets in the store of the sensor, or of an analysis.

    \b
    Examples:
      otwatch assets --role controller
      otwatch assets --find siemens --format jsonl
    """
    with one_line_errors():
        from pathlib import Path

        from otwatch.outputs.store import StoreReader

        records = list(StoreReader(Path(database)).assets(role=role, text=text))
        _show(
            form,
            records,
            ["address", "name", "role", "level", "zone", "vendor", "identity", "protocols", "last seen"],
            lambda record: [
                record["id"],
                record["name"] if record.get("name_source", "site") == "site" else f'"{record["name"]}"',
                ", ".join(record["roles"]),
                "" if record["level"] is None else f"{record['level']:g}",
                record["zone"],
                record["vendor"] + (" (OUI)" if record["vendor_source"] == "oui" else ""),
                ", ".join(filter(None, (record.get(kind) for kind in ("model", "order_number", "firmware", "serial")))),
                ", ".join(record["protocols"]),
                record["last_seen"][:19],
            ],
        )


def _said(annotation: Annotation) -> str:
    until = f" until {annotation.until[:16]}" if annotation.until else ""
    return f"{annotation.kind}{until} by {annotation.name}: {annotation.reason}"


def _reason(record: dict[str, Any]) -> str:
    """What an alert of the sensor itself is about: its file and line, its numbers."""
    return str(record.get("evidence", {}).get("text", ""))[:200] if str(record["rule"]).startswith("sensor.") else ""


def _show(form: str, records: list[dict[str, object]], headings: list[str], row: object) -> None:
    """Records as JSON lines, or as a table with everything from the wire escaped."""
    from otwatch.outputs.jsonl import line

    if form == "jsonl":
        for record in records:
            click.echo(line(record))
        return
    if not records:
        click.echo("nothing in the store fits", err=True)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from otwatch.cli.view_text import width_of
    from otwatch.outputs.escape import one_line

    assert callable(row)
    table = Table(box=None)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for record in records:
        table.add_row(*(Text(one_line(str(value))) for value in row(record)))
    Console(highlight=False, width=width_of(sys.stdout, piped=200)).print(table)
